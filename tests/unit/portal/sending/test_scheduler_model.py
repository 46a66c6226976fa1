"""pipeline/portal/sending/scheduler.py against a model, under random histories."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.portal.requests.lanes import LANES, Lane
from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.scheduler import Place, Scheduler
from tests.unit.portal.fakes import row

CREDENTIALS, METHODS = "xy", "mn"
REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["i", "b"]),
        st.sampled_from(["a", "b", "c"]),
        st.lists(st.sampled_from(["deal:1", "deal:2", "=deal:7", "=deal:8"]), unique=True, max_size=3),
        st.sampled_from(CREDENTIALS),
        st.sampled_from(METHODS),
    ),
    max_size=18,
)


@dataclass
class Model:
    """What a scheduler must know, in the plainest form."""

    now: float = 1000.0
    open: list[Entry] = field(default_factory=list)
    out: set[Entry] = field(default_factory=set)
    delayed: dict[Entry, float] = field(default_factory=dict)
    held: dict[Place, float] = field(default_factory=dict)
    blocked: dict[Place, float] = field(default_factory=dict)

    def until(self, entry: Entry) -> float:
        """Until when it may not go because of its place or its delay."""
        credential, method = entry.row.credential_id, entry.method
        places = ((credential, method), (credential, "*"), ("*", method))
        times = [self.held.get(place, 0.0) for place in places] + [self.blocked.get((credential, method), 0.0)]
        return max(*times, self.delayed.get(entry, 0.0))

    def is_first(self, entry: Entry) -> bool:
        """Nobody that came earlier and is not finished shares a key: of its lane, or of any where it begins with =."""
        earlier = self.open[: self.open.index(entry)]
        return not any(
            key in other.row.keys and (key.startswith("=") or other.row.lane == entry.row.lane)
            for other in earlier
            for key in entry.row.keys
        )

    def queued(self, lanes: tuple[Lane, ...] = LANES) -> list[Entry]:
        """Those that only time keeps back, if anything."""
        return [one for one in self.open if one not in self.out and one.row.lane in lanes and self.is_first(one)]

    def eligible(self, lanes: tuple[Lane, ...] = LANES, credential: str | None = None) -> list[Entry]:
        """Those that may go now."""
        found = [one for one in self.queued(lanes) if self.until(one) <= self.now]
        return [one for one in found if credential in (None, one.row.credential_id)]


def check_pick(model: Model, picked: Entry | None, eligible: list[Entry]) -> None:
    """It is one of those that may, and none that came earlier in its place was passed over."""
    if picked is None:
        assert eligible == []
        return
    assert picked in eligible
    mates = [
        one
        for one in eligible
        if one.row.source == picked.row.source
        and one.row.lane == picked.row.lane
        and (one.row.credential_id, one.method) == (picked.row.credential_id, picked.method)
    ]
    assert mates[0] is picked, "within a place nobody overtakes"
    model.out.add(picked)


def check(scheduler: Scheduler, model: Model) -> None:
    assert set(scheduler) == set(model.open) and len(scheduler) == len(model.open)
    assert scheduler.oldest() == min((one.row.accepted for one in model.open), default=None)
    for lane in LANES:
        assert scheduler.waiting(lane) == sum(one.row.lane == lane for one in model.open)
    keys = Counter((key.startswith("=") or one.row.lane, key) for one in model.out for key in one.row.keys)
    assert all(count == 1 for count in keys.values()), "two of one order key at once"
    queued = model.queued()
    due = [one for one in queued if model.delayed.get(one, 0.0) <= model.now]
    assert scheduler.has_ready(model.now) == bool(due)
    assert {lane: scheduler.ready(lane) for lane in LANES} == {
        lane: sum(one.row.lane == lane for one in due) for lane in LANES
    }
    if not model.eligible():
        times = [model.delayed[one] for one in queued if one not in due]
        times += [model.until(one) for one in due]
        at = scheduler.next_time(model.now)
        if not times:
            assert at is None
        else:
            # a delay that ends may find its method held: it is looked at again then
            assert at is not None and model.now < at <= min(model.until(one) for one in queued)
            assert at in times


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests=REQUESTS, seed=st.integers(0, 2**32), share=st.sampled_from([0.0, 0.2, 0.9]))
def test_nothing_is_lost_doubled_or_out_of_order(
    requests: list[tuple[Lane, str, list[str], str, str]], seed: int, share: float
) -> None:
    dice = Random(seed)
    model = Model()
    scheduler = Scheduler(share, lambda credential, method, lane: model.blocked.get((credential, method)))
    waiting = [
        Entry(
            row(
                offset=number,
                accepted=float(number),
                lane=lane,
                source=source,
                keys=tuple(keys),
                credential_id=credential,
                method=method,
            )
        )
        for number, (lane, source, keys, credential, method) in enumerate(requests)
    ]
    finished: list[Entry] = []
    steps = 0
    while waiting or model.open:
        steps += 1
        calm = steps > 400  # nothing is held for ever
        step = dice.random()
        out = sorted(model.out, key=lambda one: one.seq)
        if waiting and step < 0.35:
            one = waiting.pop(0)
            model.open.append(one)
            scheduler.add(one)
        elif out and step < 0.6:
            one = dice.choice(out)
            model.out.discard(one)
            model.delayed.pop(one, None)
            choice = 1.0 if calm else dice.random()
            if choice < 0.25:
                one.method = dice.choice(METHODS)
                scheduler.put_back(one)
            elif choice < 0.5:
                model.delayed[one] = model.now + dice.choice([0, 1, 5])
                scheduler.retry(one, model.delayed[one])
            else:
                model.open.remove(one)
                finished.append(one)
                scheduler.finish(one)
        elif step < 0.65 and not calm:
            place = dice.choice("xy*"), dice.choice("mn*")
            if dice.random() < 0.3:
                model.held.pop(place, None)
                scheduler.release(*place)
            elif place != ("*", "*"):
                model.held[place] = model.now + dice.choice([1, 3])
                scheduler.hold(*place, model.held[place])
        elif step < 0.7 and not calm:
            model.blocked[dice.choice(CREDENTIALS), dice.choice(METHODS)] = model.now + dice.choice([1, 3])
        elif step < 0.85:
            lanes = dice.choice([LANES, ("i",), ("b",)])
            picked = scheduler.pick(model.now, lanes)
            check_pick(model, picked, model.eligible(lanes))
        elif step < 0.95:
            lane, credential = dice.choice(LANES), dice.choice(CREDENTIALS)
            scheduler.has_ready(model.now)
            check_pick(model, scheduler.pick_with(lane, credential, model.now), model.eligible((lane,), credential))
        else:
            model.now += dice.choice([0.5, 2, 10])
        check(scheduler, model)
    assert Counter(one.row.offset for one in finished) == Counter(range(len(requests)))
    for lane in LANES:
        for key in ("deal:1", "deal:2"):
            order = [one.row.offset for one in finished if key in one.row.keys and one.row.lane == lane]
            assert order == sorted(order)
    for key in ("=deal:7", "=deal:8"):
        order = [one.row.offset for one in finished if key in one.row.keys]
        assert order == sorted(order), "of both lanes together"
    assert not scheduler._keys and not any(queue.sources or queue.count for queue in scheduler._ready.values())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests=REQUESTS, seed=st.integers(0, 2**32))
def test_what_is_dropped_is_gone_and_the_others_go_in_their_order(
    requests: list[tuple[Lane, str, list[str], str, str]], seed: int
) -> None:
    """As at a take-over: answers that are there already, before anything was picked."""
    dice = Random(seed)
    scheduler = Scheduler()
    entries = [
        Entry(row(offset=number, lane=lane, source=source, keys=tuple(keys)))
        for number, (lane, source, keys, _, _) in enumerate(requests)
    ]
    late: list[Entry] = []
    for one in entries:
        scheduler.add(one)
        if dice.random() < 0.5:
            late.append(one)
    dropped = {one for one in late if dice.random() < 0.8}
    for one in dice.sample(sorted(dropped, key=lambda one: one.seq), len(dropped)):
        scheduler.drop(one)
    kept = [one for one in entries if one not in dropped]
    assert set(scheduler) == set(kept)
    went: list[Entry] = []
    while (picked := scheduler.pick(0.0)) is not None:
        went.append(picked)
        scheduler.finish(picked)
    assert Counter(map(id, went)) == Counter(map(id, kept))
    for lane in LANES:
        for key in ("deal:1", "deal:2"):
            order = [one.row.offset for one in went if key in one.row.keys and one.row.lane == lane]
            assert order == sorted(order)
    assert len(scheduler) == 0 and not scheduler.has_ready(0.0) and scheduler.next_time(0.0) is None
