"""Lines of the log about the portals of this worker: one when something begins to hold them up, one when it is over.

| what | level at its beginning | it is over when it was not seen for |
|---|---|---|
| a portal that is down or blocked, a credential that is refused | WARNING | `CALM` seconds |
| a portal that is throttled or held | INFO | `CALM_SLOW` seconds: at its limit it is so many times a minute |

What comes again before that is the same, and is not logged again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.portal.view import PortalState

__all__ = ["StateLog"]

log = logging.getLogger(__name__)

CALM = 5.0
CALM_SLOW = 60.0

_CALMS = {"down": CALM, "blocked": CALM, "auth": CALM, "throttled": CALM_SLOW, "held": CALM_SLOW}


@dataclass(frozen=True, slots=True)
class _Trouble:
    """`credential`: that of `auth`, else ""."""

    portal: str
    word: str
    credential: str = ""

    @property
    def is_bad(self) -> bool:
        return self.word not in ("throttled", "held")

    @property
    def calm(self) -> float:
        return _CALMS[self.word]


@dataclass(slots=True)
class _Seen:
    first: float
    last: float


class StateLog:
    """Knows what was logged. Its looks are to come more often than every `CALM` seconds."""

    def __init__(self) -> None:
        self._seen: dict[_Trouble, _Seen] = {}

    def look(self, portals: Sequence[PortalState], now: float) -> None:
        """Log what has begun and what is over, at `now` (unix time). A portal that has left is no longer ours."""
        for portal in portals:
            for trouble, reason in _troubles(portal):
                seen = self._seen.get(trouble)
                if seen is None:
                    self._seen[trouble] = _Seen(now, now)
                    log.log(logging.WARNING if trouble.is_bad else logging.INFO, "portal %s %s", portal.name, reason)
                else:
                    seen.last = now
        words = {portal.name: portal.state for portal in portals}
        for trouble, seen in list(self._seen.items()):
            if trouble.portal not in words:
                del self._seen[trouble]
            elif now - seen.last > trouble.calm:
                del self._seen[trouble]
                what = _over(trouble, words[trouble.portal])
                log.info("portal %s %s for %.0f s", trouble.portal, what, seen.last - seen.first)


def _troubles(portal: PortalState) -> Iterator[tuple[_Trouble, str]]:
    if portal.state not in ("ok", "auth"):
        yield _Trouble(portal.name, portal.state), f"is {portal.state}: {portal.reason}"
    for refused in portal.refused:
        reason = f"refuses credential {refused.credential}, its requests wait: {refused.reason}"
        yield _Trouble(portal.name, "auth", refused.credential), reason


def _over(trouble: _Trouble, word: str) -> str:
    if trouble.credential:
        return f"accepts credential {trouble.credential} again, which it refused"
    return f"is {word} now, it was {trouble.word}"
