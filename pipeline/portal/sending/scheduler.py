"""Which waiting request of a portal goes next. Pure: no clock, no I/O; times are given.

Interactive requests go first, bulk ones keep a share; within a lane the sources take turns; requests with the same
order key go one after another, and one that waits for a retry holds its key. No order across lanes (design, section 5).
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.portal.requests.row import Lane, Row

__all__ = ["Entry", "Scheduler"]

_LANES: tuple[Lane, ...] = ("i", "b")


@dataclass(slots=True, eq=False)
class Entry:
    """A waiting request. `row` carries no body: that stays in the table until it is sent."""

    row: Row
    attempts: int = 0
    first_failure: float | None = None
    error: str = ""


@dataclass(slots=True)
class _LaneQueue:
    """Ready entries of a lane by source, and whose turn it is."""

    by_source: dict[str, deque[Entry]] = field(default_factory=dict)
    turns: deque[str] = field(default_factory=deque)

    def add(self, entry: Entry, *, first: bool = False) -> None:
        source = entry.row.source
        queue = self.by_source.get(source)
        if queue is None:
            queue = self.by_source[source] = deque()
            self.turns.append(source)
        if first:
            queue.appendleft(entry)
        else:
            queue.append(entry)

    def take(self) -> Entry:
        source = self.turns[0]
        queue = self.by_source[source]
        entry = queue.popleft()
        self.turns.rotate(-1)
        if not queue:
            del self.by_source[source]
            self.turns.remove(source)
        return entry

    def drop(self, entry: Entry) -> None:
        source = entry.row.source
        queue = self.by_source[source]
        queue.remove(entry)
        if not queue:
            del self.by_source[source]
            self.turns.remove(source)

    def __bool__(self) -> bool:
        return bool(self.turns)


class Scheduler:
    """Waiting requests of one portal. `bulk_share`: part of the calls that the bulk lane keeps, 0 to 0.9."""

    def __init__(self, bulk_share: float = 0.2) -> None:
        self._share = bulk_share
        self._credit = 0.0
        self._ready: dict[Lane, _LaneQueue] = {lane: _LaneQueue() for lane in _LANES}
        self._keys: dict[tuple[Lane, str], deque[Entry]] = {}
        #: (when, number, entry, does it wait for the end of a hold?)
        self._delayed: list[tuple[float, int, Entry, bool]] = []
        self._held: dict[tuple[str, str], float] = {}
        self._count = itertools.count()
        #: all that is not finished, by lane, in order of arrival
        self._open: dict[Lane, dict[Entry, None]] = {lane: {} for lane in _LANES}

    def __len__(self) -> int:
        return len(self._open["i"]) + len(self._open["b"])

    def __iter__(self) -> Iterator[Entry]:
        return itertools.chain.from_iterable(self._open.values())

    def oldest(self) -> float | None:
        """When the oldest unfinished request was accepted, unix seconds."""
        firsts = [next(iter(entries)).row.accepted for entries in self._open.values() if entries]
        return min(firsts, default=None)

    def add(self, entry: Entry) -> None:
        """A new waiting request; it goes behind those of its order key."""
        self._open[entry.row.lane][entry] = None
        if entry.row.order is not None:
            queue = self._keys.setdefault((entry.row.lane, entry.row.order), deque())
            queue.append(entry)
            if len(queue) > 1:
                return
        self._ready[entry.row.lane].add(entry)

    def has_ready(self, now: float) -> bool:
        """Is there one that may go now, as far as it can be told without taking it?"""
        self._promote(now)
        return any(self._ready.values())

    def pick(self, now: float) -> Entry | None:
        """The next one to be sent, or None. It stays open, and holds its order key, until `finish` or `retry`."""
        self._promote(now)
        while any(self._ready.values()):
            both = all(self._ready.values())
            lane = self._turn(both)
            entry = self._ready[lane].take()
            until = self._held_until(entry, now)
            if until is not None:
                self._delay(entry, until, held=True)
                continue
            if both:
                self._credit += self._share - (lane == "b")
            return entry
        return None

    def finish(self, entry: Entry) -> None:
        """It is done, one way or the other: the next one of its order key becomes ready."""
        self._open[entry.row.lane].pop(entry, None)
        if entry.row.order is None:
            return
        place = (entry.row.lane, entry.row.order)
        queue = self._keys[place]
        queue.popleft()
        if queue:
            self._ready[entry.row.lane].add(queue[0])
        else:
            del self._keys[place]

    def drop(self, entry: Entry) -> None:
        """It needs no call after all: one that was never picked leaves, and the others of its order key move up."""
        lane = entry.row.lane
        if entry.row.order is None:
            self._ready[lane].drop(entry)
        elif self._keys[lane, entry.row.order][0] is entry:
            self._ready[lane].drop(entry)
            self.finish(entry)
        else:
            self._keys[lane, entry.row.order].remove(entry)
        self._open[lane].pop(entry, None)

    def retry(self, entry: Entry, at: float) -> None:
        """Try it again at `at`; it keeps its order key."""
        self._delay(entry, at)

    def hold(self, credential_id: str, method: str, until: float) -> None:
        """Send nothing of this method (`*` = any) with this credential (`*` = any) before `until`."""
        self._held[credential_id, method] = until

    def release(self, credential_id: str, method: str) -> None:
        """End a hold: what waits for it becomes ready."""
        if self._held.pop((credential_id, method), None) is None:
            return
        # those that another hold keeps are delayed again when their turn comes
        self._delayed = [(0.0 if held else at, number, entry, held) for at, number, entry, held in self._delayed]
        heapq.heapify(self._delayed)

    def holds(self, now: float) -> dict[tuple[str, str], float]:
        """Holds in force: (credential, method) -> until."""
        self._held = {place: until for place, until in self._held.items() if until > now}
        return dict(self._held)

    def next_time(self) -> float | None:
        """When the first delayed one becomes ready."""
        return self._delayed[0][0] if self._delayed else None

    def _turn(self, both: bool) -> Lane:
        """The lane that goes next. `both` are ready: interactive, but for the share of bulk."""
        if both:
            return "b" if self._credit + self._share >= 1.0 - 1e-9 else "i"
        return "i" if self._ready["i"] else "b"

    def _held_until(self, entry: Entry, now: float) -> float | None:
        if not self._held:
            return None
        row = entry.row
        places = ((row.credential_id, row.method), (row.credential_id, "*"), ("*", row.method))
        until = max((self._held.get(place, 0.0) for place in places), default=0.0)
        return until if until > now else None

    def _delay(self, entry: Entry, until: float, *, held: bool = False) -> None:
        heapq.heappush(self._delayed, (until, next(self._count), entry, held))

    def _promote(self, now: float) -> None:
        due = []
        while self._delayed and self._delayed[0][0] <= now:
            due.append(heapq.heappop(self._delayed)[2])
        for entry in reversed(due):
            self._ready[entry.row.lane].add(entry, first=True)
