"""Why a portal is not called now: its state for pages, metrics and health, and until when. Pure; times are given.

Connection faults and errors of the portal itself pause it with growing steps; an overload block is probed rarely
(reference: Bitrix24, section 1.4); a success ends any pause. A credential that is refused pauses its own requests only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pipeline.delivery.retry import Backoff

__all__ = ["Pause", "Probes", "Refusal", "Word"]

Word = Literal["ok", "throttled", "held", "auth", "blocked", "down"]

_TOLERATED = 2
#: aiohttp's words around the cause of a missing connection; the text may be cut off
_NO_CONNECTION = re.compile(r"Cannot connect to host \S+ ssl:.*? \[(.*?)\]?(?=;|$)")
_CALL_FAILED = re.compile(r"(Connect call failed) \([^)]*\)?")


@dataclass(frozen=True, slots=True)
class Probes:
    """Seconds until something that was refused is tried again; the settings of the same names.

    `method_hold`: a method at its operating limit, when the portal does not say until when (reference: Bitrix24,
    section 1.2); `credential_probe`: a credential that the portal refuses; `blocked_probe`: a portal that blocks us.
    """

    method_hold: float = 60.0
    credential_probe: float = 60.0
    blocked_probe: float = 600.0

    def scaled(self, factor: float) -> Probes:
        """Those of a portal that lives `factor` times faster."""
        return Probes(self.method_hold / factor, self.credential_probe / factor, self.blocked_probe / factor)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Of a credential, by its portal or token server: since when, when it is tried next (unix seconds), what was said.

    `text` holds no secret: whoever notes it has taken them out.
    """

    since: float
    until: float
    text: str


class Pause:
    """State of one portal. `until` is when the next call may be tried, unix seconds.

    `refusals`: by credential id, from the first refusal until the portal accepts it, the probes between them included.
    """

    def __init__(self, backoff: Backoff, blocked_probe: float) -> None:
        self._backoff = backoff
        self._blocked_probe = blocked_probe
        self._failures = 0
        self.word: Word = "ok"
        self.reason = ""
        self.since: float | None = None
        self.until: float | None = None
        self.last_success: float | None = None
        self.refusals: dict[str, Refusal] = {}

    def remaining(self, now: float) -> float:
        """Seconds until the portal may be called; 0.0 = now."""
        return max(0.0, (self.until or 0.0) - now)

    def succeeded(self, now: float) -> None:
        """The portal answered a call as it should."""
        self.last_success = now
        self._failures = 0
        if self.word != "ok":
            self.word, self.reason, self.since = "ok", "", None
        self.until = None

    def unreachable(self, now: float, text: str) -> None:
        """Not even a connection: pause at once."""
        self._failures += 1
        self._set("down", now, self._backoff.pause(self._failures), _cause(text))

    def failed(self, now: float, text: str) -> None:
        """An answer that tells nothing (5xx, reset, timeout): a few may be the request's own fault."""
        self._failures += 1
        if self._failures > _TOLERATED:
            self._set("down", now, self._backoff.pause(self._failures - _TOLERATED), text)

    def throttled(self, now: float, wait: float, text: str) -> None:
        """The portal refused by its limit before executing."""
        self._set("throttled", now, wait, text)

    def blocked(self, now: float, text: str) -> None:
        """The portal shut us out."""
        self._set("blocked", now, self._blocked_probe, text)

    def refused(self, credential_id: str, now: float, wait: float, text: str) -> None:
        """A credential was refused, and is tried again in `wait` seconds."""
        known = self.refusals.get(credential_id)
        self.refusals[credential_id] = Refusal(now if known is None else known.since, now + wait, text)

    def accepted(self, credential_id: str) -> None:
        """The portal knows the credential (again)."""
        self.refusals.pop(credential_id, None)

    def _set(self, word: Word, now: float, wait: float, text: str) -> None:
        if self.word != word or self.since is None:
            self.since = now
        self.word, self.reason, self.until = word, text, now + wait


def _cause(text: str) -> str:
    """`host:port: cause` of a text of the client."""
    return _CALL_FAILED.sub(r"\1", _NO_CONNECTION.sub(r"\1", text))
