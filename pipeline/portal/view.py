"""What the gateway shows of a portal: waiting requests, the age of the oldest, and why they wait."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.portal.limits.pause import Word

if TYPE_CHECKING:
    from pipeline.portal.sending.executor import Executor
    from pipeline.portal.sending.scheduler import Entry

__all__ = ["Hold", "PortalState", "Refused", "ThrottleWait", "clock", "portal_state"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A method (`*` = all) that is held for a credential, until a unix time."""

    credential: str
    method: str
    until: float


@dataclass(frozen=True, slots=True)
class Refused:
    """A credential that is refused since a unix time, tried again at `until`, and what its portal or server said."""

    credential: str
    since: float
    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class ThrottleWait:
    """A route throttle of the settings that plans wait for, until a unix time."""

    name: str
    until: float


@dataclass(frozen=True, slots=True)
class PortalState:
    """One portal as its owner sees it. Ages are seconds; `since` and `until` are unix times. Holds no secret.

    `since`: while `down`, `blocked`, `auth`; `until`: when it is tried again, or what is waited for ends;
    `settling`: requests whose call has an unknown outcome, which is looked up soon; `held`: of every method that waits
    for its operating limit, or credential that is refused; `moved_to`: the host that the portal answers at now, when it
    is not the one in the settings; `speed`: part of the portal's rate that is used, less than 1 after refusals;
    `refused`: credentials until they are accepted again; `throttles`: of routes whose plans wait; `watches`: plans that
    are over, and are run again when something that they miss appears.
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
    refused: tuple[Refused, ...] = ()
    throttles: tuple[ThrottleWait, ...] = ()
    watches: int = 0

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
    refused = tuple(Refused(name, it.since, it.until, it.text) for name, it in sorted(pause.refusals.items()))
    waits = executor.parts.throttles.waits(executor.name, now)
    throttles = tuple(ThrottleWait(*wait) for wait in sorted(waits.items()))
    if state == "ok" and len(scheduler):
        slot = executor.limiter.ready_in(now)
        if not executor.calling:
            reason = "taken over: looking for answers that are there already"
        elif refused:
            state, since, until = "auth", min(it.since for it in refused), min(it.until for it in refused)
            reason = "; ".join(_refusal(it, now) for it in refused)
        elif held or throttles:
            state, until = "held", max([*(hold.until for hold in held), *waits.values()])
            reason = "; ".join(_holds(held, throttles))
        elif slot > 0:
            state, until = "throttled", now + slot
            reason = f"intensity limit until {clock(until)}"
        elif executor.searching and not executor.in_flight:
            reason = f"{len(executor.searching)} plans wait for what they have not found"
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
        refused=refused,
        throttles=throttles,
        watches=executor.parts.watches.count(executor.name),
    )


def _refusal(refused: Refused, now: float) -> str:
    again = f"tried again at {clock(refused.until)}" if refused.until > now else "tried again now"
    return f"credential {refused.credential} is refused ({refused.reason}); {again}"


def _holds(held: Sequence[Hold], throttles: Sequence[ThrottleWait]) -> Iterator[str]:
    """The method that is held longest, and every throttle."""
    if held:
        last = max(held, key=lambda hold: hold.until)
        yield f"method {last.method} is held until {clock(last.until)}"
    for throttle in throttles:
        yield f"throttle {throttle.name} until {clock(throttle.until)}"


def clock(at: float) -> str:
    """A unix time as the worker's local time: `12:00:03`, with the date when that is not today."""
    local = time.localtime(at)
    same_day = time.strftime("%Y-%m-%d", local) == time.strftime("%Y-%m-%d")
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", local)
