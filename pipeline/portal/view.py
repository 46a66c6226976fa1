"""What the gateway shows of a portal: waiting requests, the age of the oldest, and why they wait."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.portal.limits.pause import Word

if TYPE_CHECKING:
    from pipeline.portal.sending.executor import Executor
    from pipeline.portal.sending.scheduler import Entry

__all__ = ["PortalState", "portal_state"]


@dataclass(frozen=True, slots=True)
class PortalState:
    """One portal as its owner sees it. Ages are seconds; `since` and `until` are unix times. Holds no secret."""

    name: str
    waiting: int
    oldest_age: float | None
    sent: int
    done_per_minute: float
    reason: str
    state: Word
    since: float | None
    until: float | None

    @classmethod
    def orphan(cls, name: str, entries: Sequence[Entry], now: float) -> PortalState:
        """A portal that requests wait for and that is not in the settings."""
        oldest = min(entry.row.accepted for entry in entries)
        return cls(name, len(entries), now - oldest, 0, 0.0, "not in the settings", "held", oldest, None)


def portal_state(executor: Executor, now: float) -> PortalState:
    """The state now."""
    scheduler, pause = executor.scheduler, executor.pause
    oldest = scheduler.oldest()
    state: Word = pause.word
    reason, since, until = pause.reason, pause.since, pause.until
    if state == "ok" and len(scheduler):
        holds = scheduler.holds(now)
        slot = executor.limiter.ready_in(now)
        if not executor.calling:
            reason = "taken over: looking for answers that are there already"
        elif holds:
            (credential, method), until = max(holds.items(), key=lambda item: item[1])
            state = "auth" if method == "*" else "held"
            reason = f"credential {credential} is refused" if method == "*" else f"method {method} is held"
            reason += f" until {_clock(until)}"
        elif slot > 0:
            state, until = "throttled", now + slot
            reason = f"intensity limit until {_clock(until)}"
        else:
            reason = "one call at a time"
    return PortalState(
        name=executor.name,
        waiting=len(scheduler),
        oldest_age=None if oldest is None else max(0.0, now - oldest),
        sent=executor.in_flight,
        done_per_minute=executor.per_minute(now),
        reason=reason,
        state=state,
        since=since,
        until=until,
    )


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))
