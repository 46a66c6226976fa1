"""Which waiting request of a portal goes next. Pure: no clock, no I/O; times are given.

Interactive requests go first, bulk ones keep a share; within a lane the sources take turns, and what waits for a method
that is held stands aside. Requests that share an order key go one after another, and one that waits for a retry holds
its keys. No order across lanes (design, section 5), but for external keys: nobody may add the same object twice.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pipeline.portal.requests.lanes import LANES, Lane
from pipeline.portal.requests.soft_keys import place_of
from pipeline.portal.sending.entry import Entry

__all__ = ["Entry", "Scheduler"]

_NOTHING: Mapping[str, int] = MappingProxyType({})
#: (credential id, method)
Place = tuple[str, str]
#: tells until when (unix seconds) nothing of a place may be sent for a lane; None = it may
Blocked = Callable[[str, str, Lane], float | None]


def _free(credential: str, method: str, lane: Lane) -> float | None:
    return None


@dataclass(slots=True)
class _Source:
    """Ready entries of one source, oldest first, by what they call."""

    places: dict[Place, list[tuple[int, Entry]]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        place = (entry.row.credential_id, entry.method)
        heapq.heappush(self.places.setdefault(place, []), (entry.seq, entry))

    def take(self, allowed: Callable[[Place], bool]) -> Entry | None:
        """The oldest entry of the places that are allowed."""
        best: tuple[int, Place] | None = None
        for place in list(self.places):
            queue = self.places[place]
            while queue and queue[0][1].gone:
                heapq.heappop(queue)
            if not queue:
                del self.places[place]
            elif (best is None or queue[0][0] < best[0]) and allowed(place):
                best = (queue[0][0], place)
        if best is None:
            return None
        queue = self.places[best[1]]
        entry = heapq.heappop(queue)[1]
        if not queue:
            del self.places[best[1]]
        return entry


@dataclass(slots=True)
class _LaneQueue:
    """Ready entries of a lane, and whose turn it is."""

    sources: dict[str, _Source] = field(default_factory=dict)
    turns: deque[str] = field(default_factory=deque)
    count: int = 0

    def add(self, entry: Entry) -> None:
        source = self.sources.get(entry.row.source)
        if source is None:
            source = self.sources[entry.row.source] = _Source()
            self.turns.append(entry.row.source)
        source.add(entry)
        self.count += 1

    def take(self, allowed: Callable[[Place], bool]) -> Entry | None:
        """The next entry by turns; a source whose entries are all held keeps its turn."""
        for number in range(len(self.turns)):
            name = self.turns[number]
            entry = self.sources[name].take(allowed)
            if entry is None:
                continue
            del self.turns[number]
            if self.sources[name].places:
                self.turns.append(name)
            else:
                del self.sources[name]
            self.count -= 1
            return entry
        return None

    def places(self) -> Iterator[Place]:
        for source in self.sources.values():
            yield from source.places


class Scheduler:
    """Waiting requests of one portal. `bulk_share`: part of the calls that the bulk lane keeps, 0 to 0.9."""

    def __init__(self, bulk_share: float = 0.2, blocked: Blocked = _free) -> None:
        self._share = bulk_share
        self._blocked = blocked
        self._credit = 0.0
        self._ready: dict[Lane, _LaneQueue] = {lane: _LaneQueue() for lane in LANES}
        self._keys: dict[tuple[str, str], deque[Entry]] = {}
        self._delayed: list[tuple[float, int, Entry]] = []
        self._held: dict[Place, float] = {}
        self._count = itertools.count()
        #: all that is not finished, by lane, in order of arrival
        self._open: dict[Lane, dict[Entry, None]] = {lane: {} for lane in LANES}

    def __len__(self) -> int:
        return len(self._open["i"]) + len(self._open["b"])

    def __iter__(self) -> Iterator[Entry]:
        return itertools.chain.from_iterable(self._open.values())

    def waiting(self, lane: Lane) -> int:
        """Unfinished requests of a lane."""
        return len(self._open[lane])

    def oldest(self) -> float | None:
        """When the oldest unfinished request was accepted, unix seconds."""
        firsts = [next(iter(entries)).row.accepted for entries in self._open.values() if entries]
        return min(firsts, default=None)

    def add(self, entry: Entry) -> None:
        """A new waiting request; it goes behind those of its order keys."""
        entry.seq = next(self._count)
        self._open[entry.row.lane][entry] = None
        for place in _key_places(entry):
            queue = self._keys.setdefault(place, deque())
            entry.blockers += bool(queue)
            queue.append(entry)
        if not entry.blockers:
            self._ready[entry.row.lane].add(entry)

    def has_ready(self, now: float) -> bool:
        """Is there one that may go now, as far as its order keys tell?"""
        self._promote(now)
        return any(queue.count for queue in self._ready.values())

    def ready(self, lane: Lane) -> int:
        """How many of a lane may go as far as their order keys tell."""
        return self._ready[lane].count

    def pick(self, now: float, lanes: tuple[Lane, ...] = LANES) -> Entry | None:
        """The next one to be sent, or None. It stays open, and holds its order keys, until `finish` or `retry`."""
        self._promote(now)
        both = len(lanes) > 1 and all(queue.count for queue in self._ready.values())
        for lane in self._turns(lanes, both):
            entry = self._ready[lane].take(self._allowance(now, lane, None))
            if entry is not None:
                if both:
                    self._credit = min(1.0, self._credit + self._share - (lane == "b"))
                return entry
        return None

    def pick_with(
        self, lane: Lane, credential_id: str, now: float, granted: Mapping[str, int] = _NOTHING
    ) -> Entry | None:
        """One more for the same shipment: of that lane and credential.

        `granted`: by method, how many more of it may go in this shipment, whatever `blocked` says by now.
        """
        return self._ready[lane].take(self._allowance(now, lane, credential_id, granted))

    def put_back(self, entry: Entry) -> None:
        """It was picked and cannot go now: it waits in its old place."""
        self._ready[entry.row.lane].add(entry)

    def finish(self, entry: Entry) -> None:
        """It is done, one way or the other: the next ones of its order keys may become ready."""
        self._open[entry.row.lane].pop(entry, None)
        entry.gone = True
        for place in _key_places(entry):
            queue = self._keys[place]
            was_first = queue[0] is entry
            queue.remove(entry)
            if not queue:
                del self._keys[place]
            elif was_first:
                self._unblock(queue[0])

    def settle(self, place: str) -> None:
        """The object of a key is known: those that have only a soft key of it neither wait for it nor hold it."""
        where = ("*", place)
        queue = self._keys.get(where)
        if queue is None:
            return
        hard = deque(entry for entry in queue if place in entry.row.keys)
        if len(hard) == len(queue):
            return
        before = queue[0]
        for entry in queue:
            if place not in entry.row.keys:
                entry.free.add(place)
        if hard:
            self._keys[where] = hard
        else:
            del self._keys[where]
        ahead = hard[0] if hard else None
        for entry in queue:
            if entry is not before and (entry is ahead or place in entry.free):
                self._unblock(entry)

    def runs(self, place: str) -> bool:
        """May somebody who holds this key of both lanes be on its way?"""
        queue = self._keys.get(("*", place))
        return queue is not None and not queue[0].blockers

    def _unblock(self, entry: Entry) -> None:
        entry.blockers -= 1
        if not entry.blockers:
            self._ready[entry.row.lane].add(entry)

    def drop(self, entry: Entry) -> None:
        """It needs no call after all: one that was never picked leaves."""
        if not entry.blockers:
            self._ready[entry.row.lane].count -= 1
        self.finish(entry)

    def retry(self, entry: Entry, at: float) -> None:
        """Try it again at `at`; it keeps its order keys."""
        heapq.heappush(self._delayed, (at, entry.seq, entry))

    def hold(self, credential_id: str, method: str, until: float) -> None:
        """Send nothing of this method (`*` = any) with this credential (`*` = any) before `until`."""
        self._held[credential_id, method] = until

    def release(self, credential_id: str, method: str) -> None:
        """End a hold."""
        self._held.pop((credential_id, method), None)

    def holds(self, now: float) -> dict[Place, float]:
        """Holds in force: (credential, method) -> until."""
        self._held = {place: until for place, until in self._held.items() if until > now}
        return dict(self._held)

    def next_time(self, now: float, lanes: tuple[Lane, ...] = LANES) -> float | None:
        """When something of these lanes may become ready by time alone: a delay or a hold that ends; `now` = it is."""
        times = [self._delayed[0][0]] if self._delayed else []
        for lane in lanes:
            # of those that were dropped a place may be left
            for place in set(self._ready[lane].places()) if self._ready[lane].count else ():
                until = self._until(place, lane, now)
                times.append(now if until is None else until)
        return min(times, default=None)

    def _turns(self, lanes: tuple[Lane, ...], both: bool) -> tuple[Lane, ...]:
        """Lanes in the order in which they may go now: interactive first, but for the share of bulk."""
        if both and self._credit + self._share >= 1.0 - 1e-9:
            return ("b", "i")
        return lanes

    def _allowance(
        self, now: float, lane: Lane, credential_id: str | None, granted: Mapping[str, int] = _NOTHING
    ) -> Callable[[Place], bool]:
        known: dict[Place, bool] = {}

        def allowed(place: Place) -> bool:
            found = known.get(place)
            if found is None:
                ours = credential_id is None or place[0] == credential_id
                found = known[place] = ours and self._until(place, lane, now, granted.get(place[1])) is None
            return found

        return allowed

    def _until(self, place: Place, lane: Lane, now: float, granted: int | None = None) -> float | None:
        credential, method = place
        if granted is not None and granted < 1:
            return math.inf
        until = 0.0 if granted else self._blocked(credential, method, lane) or 0.0
        if self._held:
            held = self._held
            places = (place, (credential, "*"), ("*", method))
            until = max(until, *(held.get(item, 0.0) for item in places))
        return until if until > now else None

    def _promote(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            entry = heapq.heappop(self._delayed)[2]
            if not entry.gone:
                self._ready[entry.row.lane].add(entry)


def _key_places(entry: Entry) -> list[tuple[str, str]]:
    places = dict.fromkeys(place for key in entry.row.keys if (place := place_of(key)) not in entry.free)
    return [("*" if place.startswith("=") else entry.row.lane, place) for place in places]
