"""What is known of one operating budget, of one (credential, method): told by the portal, under way, not yet told.

Times here are the portal's, except `held_until`, `paced_until`, `last_sent`, `touched`: these are ours. Pure.
"""

from __future__ import annotations

from collections import deque

from pipeline.portal.limits.costs import Dearest
from pipeline.portal.limits.spent import Spent

__all__ = ["Budget"]

#: Part of the window by which the states that answers tell may come late: longer than any batch runs.
LATEST = 0.25


class Budget:
    """One budget. `level` is the most that the portal may have counted; what is under way is not in it."""

    def __init__(self, window: float) -> None:
        self._window = window
        #: Units (commands, or for `batch` expected seconds) that are under way.
        self.flying = 0.0
        #: Something was executed since this owner began, so it is known whether `operating` is told at all.
        self.known = False
        #: The portal refused: one command asks before others follow.
        self.doubted = False
        #: The last state told, and when it was true; None = none was told.
        self.operating: float | None = None
        self.finish = float("-inf")
        self.reset: float | None = None
        self.spent = Spent(window)
        #: (when a state told includes it, seconds) of what was or may have been executed without a word of the cost.
        self._untold: deque[tuple[float, float]] = deque()
        #: How much dearer than expected batches were.
        self.dearness = Dearest()
        self.held_until = self.paced_until = float("-inf")
        self.last_sent = self.touched = float("-inf")

    def level(self, now: float) -> float:
        """Seconds that the portal counts at `now`, or less."""
        told = 0.0
        if self.operating is not None and now < self.finish + self._window:
            told = max(0.0, self.operating - self._freed(self.spent.freed(now)))
        return told + sum(seconds for included, seconds in self._untold if now < included + self._window)

    def falls_to(self, wanted: float, now: float) -> float:
        """When `level` will surely have fallen to `wanted`, if nothing more is spent; not before `now`."""
        times = {included + self._window for included, _ in self._untold}
        times.update(when for when, _ in self.spent.frees())
        times.add(self.finish + self._window)
        return next((at for at in sorted(times) if at > now and self.level(at) <= wanted), max(now, max(times)))

    def report(self, operating: float, reset: float | None, finish: float, exact: bool) -> bool:
        """The portal's state at `finish`; `exact`: by its own clock, else when it came to us.

        Answers of requests that ran side by side come in any order: a state older than the one known is passed over.
        True = the portal has forgotten some.
        """
        if finish < self.finish and self.finish - finish < LATEST * self._window:
            return False
        if finish < self.finish:
            # no answer comes so late, its clock was set back: nothing that was written down by it holds
            self.spent.clear()
            self._untold = deque((min(included, finish), seconds) for included, seconds in self._untold)
        before, same = self.operating, reset is not None and reset == self.reset
        side_by_side = finish == self.finish if exact else same
        self.operating = max(operating, before or 0.0) if side_by_side else operating
        self.finish = finish
        self.reset = reset
        while self._untold and self._untold[0][0] <= finish:
            self._untold.popleft()
        # without a reset: a minute may be forgotten up to a tenth of the window before its last call would be
        until = finish - 0.9 * self._window if reset is None else self.reset_latest - self._window
        self.spent.forget(until)
        return before is not None and (self.operating < before or not same)

    def spend_untold(self, seconds: float, included: float) -> None:
        """Something was or may have been executed: until a state told at `included` or later it counts so much."""
        while self._untold and self._untold[0][0] + self._window < included - self._window / 10:
            self._untold.popleft()
        if self._untold and included - self._untold[-1][0] < self._window / 600:
            _, more = self._untold.pop()
            seconds += more
        self._untold.append((included, seconds))

    @property
    def reset_latest(self) -> float:
        """When the oldest minute is forgotten at the latest: portals cut it to whole seconds."""
        if self.reset is None:
            return self.finish + self._window
        return self.reset + 1.0 if self.reset == int(self.reset) else self.reset

    @property
    def foreign(self) -> float:
        """Seconds in the state told that are not known to be ours."""
        return 0.0 if self.operating is None else max(0.0, self.operating - self.spent.total)

    def _freed(self, seconds: float) -> float:
        """What is ours may be less than we think: durations are no bills."""
        if self.operating is None or self.spent.total <= self.operating:
            return seconds
        return seconds * self.operating / self.spent.total
