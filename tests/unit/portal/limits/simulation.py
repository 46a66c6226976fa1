"""A portal and a client on one simulated clock: batches of commands, three under way, every event in its order.

The portal is the sandbox's own Meter. Nothing waits and nothing is random but what a test draws.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from pipeline.portal.limits.costs import HEADROOM, Costs
from pipeline.portal.limits.governor import Governor
from pipeline.portal.limits.limiter import Limiter
from sandbox.portal.errors import RestError
from sandbox.portal.operating import Meter, Shown

Key = tuple[str, str]

START = 1_800_000_017.25
#: Commands executed before one was sent that bound its cost, by the guarantee of the governor.
REMEMBERED = 350


@dataclass(frozen=True)
class Times:
    """What an answer tells."""

    operating: float | None = None
    reset_at: float | None = None
    duration: float | None = None
    finish: float | None = None


@dataclass
class World:
    """How the portal, the way to it, and the client's work are. Times are real seconds."""

    cost: Callable[[str, float], float]
    """Seconds of the next command of a method, also by the most that the guarantee of the governor allows it."""
    limit: float = 480.0
    window: float = 600.0
    meter_limit: float | None = math.nan
    """Another limit than the client thinks of; None = switched off."""
    way: Callable[[], float] = lambda: 0.05
    """Seconds to the portal, and back."""
    connections: int = 3
    largest: int = 50
    budget: float = 30.0
    """Seconds that a batch may be expected to take."""
    ahead: float = 0.0
    """By how much the portal's clock is ahead of ours."""
    whole: bool = True
    """`reset_at` in whole seconds."""
    shown: Shown | None = None
    """What the portal tells of `operating` at all, see Meter."""
    digits: int | None = None
    """`operating` is rounded to so many digits."""
    tells: frozenset[str] = frozenset({"operating", "reset_at", "duration", "finish"})
    leaves_out: Callable[[], Collection[str]] = tuple
    """What the next answer does not tell, of these."""
    foreign: Mapping[Key, Callable[[float], float]] = field(default_factory=dict)
    """Somebody else's spending from a budget: seconds of operating per second, by the time since the start."""
    clock: Callable[[float], float] = lambda now: now
    """Our clock, by the true time."""

    @property
    def scale(self) -> float:
        return 600.0 / self.window


@dataclass(eq=False)
class _Batch:
    """Commands, each with the bound of its cost, and how far the portal is."""

    commands: list[tuple[Key, float]]
    answers: list[Times | None] = field(default_factory=list)
    position: int = 0


class Run:
    """One run. `full`: budgets whose queue never ends; `arrivals`: (seconds after the start, budget), sorted."""

    def __init__(self, world: World, *full: Key, arrivals: Iterable[tuple[float, Key]] = ()) -> None:
        self.world = world
        self.costs = Costs(world.scale)
        self.governor = self._new_governor()
        self.limiter = Limiter(2.0 * world.scale, 50)
        limit = world.limit if world.meter_limit is not None and math.isnan(world.meter_limit) else world.meter_limit
        self.meter = Meter(
            limit,
            window=world.window,
            minute=world.window / 10,
            floor=0.1 / world.scale,
            whole=world.whole,
            shown=world.shown,
        )
        self.waiting: dict[Key, int] = defaultdict(int)
        self.executed: list[tuple[float, Key, float]] = []
        self.refused: list[tuple[float, Key]] = []
        self.sizes: list[int] = []
        self.requests: list[float] = []
        self._now = START
        self._flying: list[_Batch] = []
        self._dearest: dict[Key, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._queue = iter(arrivals)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._ids = itertools.count()
        self._asked = math.inf
        self.waiting.update(dict.fromkeys(full, 10**9))
        self._at(START, self._send)
        self._next_arrival()
        for key, rate in world.foreign.items():
            self._at(START, lambda now, key=key, rate=rate: self._spend_foreign(now, key, rate))

    def until(self, seconds: float) -> Run:
        """Run until so long after the start."""
        while self._events and self._events[0][0] <= START + seconds:
            now, _, event = heapq.heappop(self._events)
            self._now = now
            event(now)
        return self

    def change_owner(self) -> Run:
        """Somebody else goes on who knows only what is under way; that is answered to nobody."""
        self.costs = Costs(self.world.scale)
        self.governor = self._new_governor()
        self._dearest.clear()
        for batch in self._flying:
            for key, _ in batch.commands:
                self.governor.sent(*key, self.world.clock(self._now))
                self.governor.unknown(*key, self.world.clock(self._now))
        self._flying.clear()
        self._at(self._now, self._send)
        return self

    def spent(self, key: Key, begin: float, end: float) -> float:
        """Seconds executed between two moments after the start."""
        return sum(cost for at, of, cost in self.executed if of == key and begin <= at - START < end)

    def use(self, key: Key, begin: float, end: float) -> float:
        """Part of limit / window that was used between two moments after the start."""
        return self.spent(key, begin, end) / (end - begin) / (self.world.limit / self.world.window)

    def _new_governor(self) -> Governor:
        return Governor(self.world.limit, self.world.window, self.costs, hold=60.0 / self.world.scale)

    def _at(self, when: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._ids), event))

    def _next_arrival(self) -> None:
        arrival = next(self._queue, None)
        if arrival is not None:
            when, key = arrival
            self._at(START + when, lambda now: self._arrive(now, key))

    def _arrive(self, now: float, key: Key) -> None:
        self.waiting[key] += 1
        self._next_arrival()
        if not self._events or self._events[0][0] > now:
            self._send(now)

    def _send(self, now: float) -> None:
        """Fill the free connections, and come back when there is room."""
        while len(self._flying) < self.world.connections:
            slot = self.limiter.ready_in(self.world.clock(now))
            if slot > 0:
                self._come_back(now + slot)
                return
            batch = self._pack(self.world.clock(now))
            if not batch.commands:
                break
            self.limiter.reserve(self.world.clock(now))
            self._flying.append(batch)
            self.requests.append(now)
            self.sizes.append(len(batch.commands))
            self._at(now + self.world.way(), lambda at, batch=batch: self._execute(at, batch))
        if len(self._flying) == self.world.connections or not any(self.waiting.values()):
            return
        ours = self.world.clock(now)
        times = [self.governor.ready_at(*key, ours) for key, count in self.waiting.items() if count]
        if not times:
            return
        wait = min(ours if at is None else at for at in times) - ours
        assert wait > 0 or self._flying, "there is room, or a time to wait for"
        self._come_back(now + wait)

    def _come_back(self, when: float) -> None:
        if when < self._asked or self._asked <= self._now:
            self._asked = max(when, self._now + 1e-6)
            self._at(self._asked, self._send)

    def _pack(self, ours: float) -> _Batch:
        batch: list[tuple[Key, float]] = []
        seconds = 0.0
        credential = None
        # the one that was served least goes first
        for key in sorted(self.waiting):
            if credential not in (None, key[0]) or not self.waiting[key]:
                continue
            price = self.costs.expected(key[1])
            room = self.governor.room(*key, ours)
            fits = int((self.world.budget / self.world.scale - seconds) / price)
            count = min(self.waiting[key], room, self.world.largest - len(batch), fits if batch else max(1, fits))
            if count > 0:
                self.governor.sent(*key, ours, count)
                self.waiting[key] -= count
                bound = HEADROOM * max(self._dearest[key]) if self._dearest[key] else math.inf
                batch += [(key, bound)] * count
                seconds += count * price
                credential = key[0]
        return _Batch(batch)

    def _execute(self, now: float, batch: _Batch) -> None:
        """The next command of a batch, or the way back."""
        while batch.position < len(batch.commands):
            key, bound = batch.commands[batch.position]
            batch.position += 1
            try:
                self.meter.check(("user", *key), now + self.world.ahead)
            except RestError:
                self.refused.append((now, key))
                batch.answers.append(None)
                continue
            cost = self.world.cost(key[1], bound)
            self._at(now + cost, partial(self._executed, batch=batch, key=key, cost=cost))
            return
        self._at(now + self.world.way(), lambda at: self._answered(at, batch))

    def _executed(self, now: float, batch: _Batch, key: Key, cost: float) -> None:
        portal = now + self.world.ahead
        self.meter.charge(("user", *key), portal - cost, cost)
        self.executed.append((now, key, cost))
        state = self.meter.state(("user", *key), portal)
        operating = None if state is None else state.operating
        if operating is not None and self.world.digits is not None:
            operating = round(operating, self.world.digits)
        told = {
            "operating": operating,
            "reset_at": None if state is None else state.reset_at,
            "duration": cost,
            "finish": portal,
        }
        tells = self.world.tells.difference(self.world.leaves_out())
        batch.answers.append(Times(**{name: value for name, value in told.items() if name in tells}))
        self._execute(now, batch)

    def _answered(self, now: float, batch: _Batch) -> None:
        if batch not in self._flying:
            return
        self._flying.remove(batch)
        ours = self.world.clock(now)
        for (key, _), times in zip(batch.commands, batch.answers, strict=True):
            if times is None:
                assert self.governor.refused(*key, ours) > ours
                self.waiting[key] += 1
            else:
                self.governor.answered(*key, ours, times)
                self._dearest[key].append(times.duration or 0.0)
        self._send(now)

    def _spend_foreign(self, now: float, key: Key, rate: Callable[[float], float]) -> None:
        step = self.world.window / 600
        budget, portal = ("user", *key), now + self.world.ahead
        seconds = rate(now - START) * step
        if seconds > 0:
            try:
                self.meter.check(budget, portal)
                self.meter.charge(budget, portal, seconds)
            except RestError:
                pass
        self._at(now + step, lambda at: self._spend_foreign(at, key, rate))
