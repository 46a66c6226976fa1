"""How requests spend the portal's time: exact on average, cut at the front server's limit (section 1.3)."""

import asyncio

from sandbox.portal.clock import Clock

TICK = 0.001
"""The event loop's own resolution, seconds: what is shorter is owed to the next sleep instead of slept."""
SLACK = 0.005
"""Oversleeping of at most so many seconds is made up for by the following commands of the same batch."""


class Till:
    """What the requests of one portal owe each other: less than a tick of sleep, in either direction."""

    __slots__ = ("owed",)

    def __init__(self) -> None:
        self.owed = 0.0


class Pace:
    """The time of one HTTP request: its commands begin where the one before ended, whatever timers do.

    `deadline` is the unix time at which the front server cuts the request, None = never.
    """

    __slots__ = ("_clock", "_due", "_end", "_till", "deadline")

    def __init__(self, clock: Clock, till: Till, limit: float | None = None) -> None:
        self._clock = clock
        self._till = till
        self._due: float | None = None
        self._end = 0.0
        self.deadline = None if limit is None else clock.now() + limit

    def begin(self) -> float:
        """The moment at which the next command starts, unix seconds."""
        return max(self._clock.now(), self._end)

    def passes(self, started: float, cost: float) -> bool:
        """Whether a command of `cost` seconds that starts at `started` ends after the cut."""
        return self.deadline is not None and started + cost > self.deadline

    async def spend(self, cost: float) -> None:
        """Let `cost` seconds pass, counted from when the last ones should have passed."""
        if cost <= 0:
            return
        now = self._clock.now()
        if self._due is None:
            self._due = now + self._till.owed
            self._till.owed = 0.0
        due = self._due = max(self._due, now - SLACK) + cost
        if due - now >= TICK:
            await asyncio.sleep(due - now)

    def end(self, started: float, cost: float) -> float:
        """The moment at which a command ended, unix seconds: never less than its cost after its start."""
        self._end = max(self._clock.now(), self._end, started + cost)
        return self._end

    def close(self) -> None:
        """The request is answered: hand on what its timers missed or slept too long."""
        if self._due is not None:
            owed = self._till.owed + self._due - self._clock.now()
            self._till.owed = max(-TICK, min(TICK, owed))
            self._due = None
