"""Why a portal is not called now: its state for pages, metrics and health, and until when. Pure; times are given.

Connection faults and errors of the portal itself pause it with growing steps; an overload block is probed rarely
(reference: Bitrix24, section 1.4); a success ends any pause.
"""

from __future__ import annotations

from typing import Literal

from pipeline.delivery.retry import Backoff

__all__ = ["PROBE_BLOCKED", "Pause", "Word"]

Word = Literal["ok", "throttled", "held", "auth", "blocked", "down"]

#: seconds between two probes of a portal that has blocked us
PROBE_BLOCKED = 600.0
_TOLERATED = 2


class Pause:
    """State of one portal. `until` is when the next call may be tried, unix seconds."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._failures = 0
        self.word: Word = "ok"
        self.reason = ""
        self.since: float | None = None
        self.until: float | None = None
        self.last_success: float | None = None

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
        self._set("down", now, self._backoff.pause(self._failures), text)

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
        self._set("blocked", now, PROBE_BLOCKED, text)

    def _set(self, word: Word, now: float, wait: float, text: str) -> None:
        if self.word != word or self.since is None:
            self.since = now
        self.word, self.reason, self.until = word, text, now + wait
