"""How requests spend the portal's time: exact on average, cut at the front server's limit (section 1.3)."""

from sandbox.portal.clock import Clock

TICK = 0.001
"""The event loop's own resolution, seconds: what is shorter is owed to the next sleep instead of slept."""
SLACK = 0.05
"""So much that this machine was late, in seconds, is made up for by the following commands of the request."""


class Till:
    """What the requests of one portal owe each other: less than a tick of sleep, in either direction."""

    __slots__ = ("owed",)

    def __init__(self) -> None:
        self.owed = 0.0


class Pace:
    """The time of one HTTP request: each command begins where the one before ended, whatever timers do.

    So the moments that answers tell are the portal's own, a little before the real ones and never after. `deadline`
    is the unix time at which the front server cuts the request, `limit` seconds after its begin; None = never.
    """

    __slots__ = ("_at", "_clock", "_due", "_limit", "_till", "deadline")

    def __init__(self, clock: Clock, till: Till, limit: float | None = None) -> None:
        self._clock = clock
        self._till = till
        self._at: float | None = None
        self._due: float | None = None
        self._limit = limit
        self.deadline: float | None = None

    def begin(self) -> float:
        """The moment at which the next command starts, unix seconds."""
        now = self._clock.now()
        if self._at is None:
            self._at = now
            self.deadline = None if self._limit is None else now + self._limit
        self._at = max(self._at, now - SLACK)
        return self._at

    def passes(self, started: float, cost: float) -> bool:
        """Whether a command of `cost` seconds that starts at `started` ends after the cut."""
        return self.deadline is not None and started + cost > self.deadline

    def left(self) -> float:
        """Seconds until the cut, not below 0."""
        return 0.0 if self.deadline is None else max(0.0, self.deadline - self._clock.now())

    async def spend(self, started: float, cost: float) -> None:
        """Wait until `cost` seconds have passed since `started`."""
        if cost <= 0:
            return
        due = started + cost
        if self._due is None:
            due += self._till.owed
            self._till.owed = 0.0
        self._due = due
        wait = due - self._clock.now()
        if wait >= TICK:
            await self._clock.pause(wait)

    def end(self, started: float, cost: float) -> float:
        """The moment at which a command ended, unix seconds: at least its cost after its start."""
        now = self._clock.now()
        at = started + cost
        if cost <= 0 or now - at > SLACK:
            at = max(at, now, self._at or 0.0)
        self._at = at
        return at

    def close(self) -> None:
        """The request is answered: hand on what its timers missed or slept too long."""
        if self._due is not None:
            owed = self._till.owed + self._due - self._clock.now()
            self._till.owed = max(-TICK, min(TICK, owed))
            self._due = None
