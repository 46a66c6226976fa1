"""What is known of one operating budget, of one (credential, method): told by the portal, under way, not yet told.

Times here are the portal's, except `held_until`, `paced_until`, `last_sent`, `touched`: these are ours. Pure.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator

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
        #: Calls after which no state was told, or 0; they count once the portal has shown that it counts them.
        self._own = Spent(window)
        self._own_counts = False
        #: How much dearer than expected batches were.
        self.dearness = Dearest()
        self.held_until = self.paced_until = float("-inf")
        self.last_sent = self.touched = float("-inf")

    def level(self, now: float) -> float:
        """Seconds that the portal counts at `now`, or less."""
        counted = self._own.total - self._own.freed(now) if self._own_counts else 0.0
        if self.operating is not None and now < self.finish + self._window:
            counted = max(counted, self.operating - self._freed(self.spent.freed(now)))
        return counted + sum(seconds for included, seconds in self._untold if now < included + self._window)

    def falls_to(self, wanted: float, now: float) -> float:
        """When `level` will surely have fallen to `wanted`, if nothing more is spent; not before `now`."""
        times = {included + self._window for included, _ in self._untold}
        times.update(self.frees())
        times.add(self.finish + self._window)
        return next((at for at in sorted(times) if at > now and self.level(at) <= wanted), max(now, max(times)))

    def frees(self) -> Iterator[float]:
        """When something of ours will surely be forgotten, roughly in order."""
        return itertools.chain(self.spent.frees(), self._own.frees() if self._own_counts else ())

    @property
    def silent(self) -> bool:
        """Nothing tells how much is spent."""
        return self.operating is None and not self._own_counts

    def executed(self, seconds: float, finish: float, told: bool) -> None:
        """A call that took so long; `told`: a state other than 0 comes with it, see `report`."""
        spent = self.spent if told else self._own
        spent.add(finish - seconds, finish, seconds)
        if told:
            self._own_counts = False
        else:
            self._own.drop(finish - LATEST * self._window)

    def count_own(self, enough: float, now: float) -> None:
        """The portal refused. If we have spent `enough`, and it tells less, then it counts what it does not tell."""
        if self._own.total - self._own.freed(now) >= enough > self.level(now):
            self._own_counts = True

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
        if operating <= 0:
            # there is nothing to forget: portals tell the end of a minute that might begin now
            reset = None
        before, same = self.operating, reset == self.reset
        if (finish == self.finish) if exact else (same and reset is not None):
            operating = max(operating, before or 0.0)
        self.operating, self.reset, self.finish = operating, reset, finish
        while self._untold and self._untold[0][0] <= finish:
            self._untold.popleft()
        if operating <= 0:
            self.spent.forget(finish)
        elif reset is None:
            # a minute may be forgotten up to a tenth of the window before its last call would be
            self.spent.forget(finish - 0.9 * self._window)
        else:
            self.spent.forget(self.reset_latest - self._window)
        return before is not None and (operating < before or not same)

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
