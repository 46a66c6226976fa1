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

__all__ = ["Hold", "PortalState", "portal_state"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A method (`*` = all) that is held for a credential, until a unix time."""

    credential: str
    method: str
    until: float


@dataclass(frozen=True, slots=True)
class PortalState:
    """One portal as its owner sees it. Ages are seconds; `since` and `until` are unix times. Holds no secret.

    `settling`: requests whose call has an unknown outcome, which is looked up soon; `held`: of every method that waits
    for its operating limit, or credential that is refused; `moved_to`: the host that the portal answers at now, when it
    is not the one in the settings; `speed`: part of the portal's rate that is used, less than 1 after refusals.
    """

    name: str
    waiting: int
    oldest_age: float | None
    sent: int
    done_per_minute: float
    reason: str
    state: Word
    since: float | None
    until: float | None
    settling: int = 0
    held: tuple[Hold, ...] = ()
    moved_to: str | None = None
    speed: float = 1.0

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
    held = tuple(Hold(*place, at) for place, at in sorted(executor.held(now).items()))
    if state == "ok" and len(scheduler):
        slot = executor.limiter.ready_in(now)
        refused = [hold for hold in held if hold.method == "*"]
        if not executor.calling:
            reason = "taken over: looking for answers that are there already"
        elif refused:
            state, until = "auth", refused[-1].until
            reason = f"credential {refused[-1].credential} is refused until {_clock(until)}"
        elif held:
            last = max(held, key=lambda hold: hold.until)
            state, until = "held", last.until
            reason = f"method {last.method} is held until {_clock(until)}"
        elif slot > 0:
            state, until = "throttled", now + slot
            reason = f"intensity limit until {_clock(until)}"
        elif executor.settling:
            reason = f"{len(executor.settling)} calls of unknown outcome are looked up soon"
        else:
            reason = "calls are under way"
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
        settling=len(executor.settling),
        held=held,
        moved_to=executor.parts.client.moved.get(executor.parts.address),
        speed=executor.limiter.factor,
    )


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))
