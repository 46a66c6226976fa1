"""Throttles of a route: so many a minute, so many an hour, counted exactly. Pure: the clock is an argument.

Any span of `seconds`, wherever it begins, holds at most `count` of what was taken, for every window at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Throttle", "Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """At most `count` in any `seconds`; both above 0, else ValueError."""

    count: int
    seconds: float

    def __post_init__(self) -> None:
        if self.count < 1 or self.seconds <= 0:
            raise ValueError(f"{self.count} in {self.seconds} s is no throttle")


class Throttle:
    """All `windows` of one route. No windows = no throttle. Times are unix seconds.

    The times of the last calls are kept, as many as the largest count: the call before the last `count` ones tells
    when a window has room again.
    """

    def __init__(self, windows: Iterable[Window]) -> None:
        self._windows = tuple(windows)
        self._taken: deque[float] = deque(maxlen=max((window.count for window in self._windows), default=0))

    def ready_in(self, now: float) -> float:
        """Seconds until one may be taken; 0.0 = now."""
        self._follow_clock(now)
        waits = (self._taken[-window.count] + window.seconds - now for window in self._full())
        return max(0.0, max(waits, default=0.0))

    def take(self, now: float) -> None:
        """One is taken now. Whoever takes while `ready_in` is above 0 has it counted all the same."""
        self._follow_clock(now)
        self._taken.append(now)

    def state(self) -> list[float]:
        """What a new owner needs: the times of the last ones taken, oldest first. JSON-able."""
        return list(self._taken)

    def restore(self, state: Iterable[float], now: float) -> None:
        """Go on with the state of an owner before. Times in the future (its clock ran ahead) count as now."""
        self._taken.clear()
        self._taken.extend(min(taken, now) for taken in sorted(state))

    def _full(self) -> Iterable[Window]:
        return (window for window in self._windows if len(self._taken) >= window.count)

    def _follow_clock(self, now: float) -> None:
        """A clock set back: all that was taken moves with it, so that nobody waits longer than a window."""
        if self._taken and now < self._taken[-1]:
            ahead = self._taken[-1] - now
            self._taken = deque((taken - ahead for taken in self._taken), maxlen=self._taken.maxlen)
