"""pipeline/portal/sending/scheduler.py against random histories, and each rule by itself."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portal.requests.row import Lane
from pipeline.portal.sending.scheduler import Entry, Scheduler
from tests.unit.portal.fakes import row

NOW = 1000.0


def entry(number: int = 0, **given: object) -> Entry:
    return Entry(row(**{"offset": number, "accepted": NOW + number, **given}))


def drained(scheduler: Scheduler, count: int = 1000, now: float = NOW) -> list[Entry]:
    """Everything that may go now, finished one after another."""
    order = []
    while len(order) < count and (picked := scheduler.pick(now)) is not None:
        order.append(picked)
        scheduler.finish(picked)
    return order


REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["i", "b"]), st.sampled_from(["a", "b", "c"]), st.sampled_from([None, "deal:1", "deal:2"])
    ),
    max_size=40,
)


@given(requests=REQUESTS, dice=st.randoms(use_true_random=False), share=st.sampled_from([0.0, 0.2, 0.9]))
def test_nothing_is_lost_doubled_or_out_of_order(
    requests: list[tuple[Lane, str, str | None]], dice: Random, share: float
) -> None:
    scheduler = Scheduler(share)
    now = NOW
    out: list[Entry] = []
    added: list[Entry] = []
    finished: list[Entry] = []
    waiting = [
        entry(number, lane=lane, source=source, order=order, credential_id=dice.choice("xy"), method=dice.choice("mn"))
        for number, (lane, source, order) in enumerate(requests)
    ]
    while waiting or len(scheduler):
        step = dice.random()
        if waiting and step < 0.4:
            added.append(waiting.pop(0))
            scheduler.add(added[-1])
        elif out and step < 0.6:
            one = out.pop(dice.randrange(len(out)))
            if dice.random() < 0.3:
                scheduler.retry(one, now + dice.choice([0, 1, 5]))
            else:
                scheduler.finish(one)
                finished.append(one)
        elif step < 0.65:
            scheduler.hold(dice.choice("xy*"), dice.choice("mn"), now + dice.choice([1, 3]))
        else:
            now += dice.choice([0, 0.5, 2])
            picked = scheduler.pick(now)
            if picked is not None:
                held = scheduler.holds(now)
                assert not {(picked.row.credential_id, picked.row.method), ("*", picked.row.method)} & set(held)
                out.append(picked)
        keys = Counter((one.row.lane, one.row.order) for one in out if one.row.order)
        assert all(count == 1 for count in keys.values()), "two of one order key at once"
        assert set(scheduler) == set(added) - set(finished) and len(scheduler) == len(added) - len(finished)
        firsts = [one.row.accepted for one in scheduler]
        assert scheduler.oldest() == min(firsts, default=None)
    assert sorted(one.row.offset for one in finished) == list(range(len(requests)))
    for lane in ("i", "b"):
        for key in ("deal:1", "deal:2"):
            order = [one.row.offset for one in finished if (one.row.lane, one.row.order) == (lane, key)]
            assert order == sorted(order)
    assert not scheduler._keys and not scheduler._delayed and not any(scheduler._ready.values())


def test_bulk_keeps_its_share_and_no_more() -> None:
    scheduler = Scheduler(0.2)
    for number in range(100):
        scheduler.add(entry(number))
        scheduler.add(entry(number, lane="b"))
    lanes = [one.row.lane for one in drained(scheduler, 50)]
    assert lanes.count("b") == 10
    assert all(lanes[start : start + 5].count("b") == 1 for start in range(0, 50, 5))


def test_a_lane_alone_has_all() -> None:
    scheduler = Scheduler(0.2)
    for number in range(5):
        scheduler.add(entry(number, lane="b"))
    assert [one.row.offset for one in drained(scheduler)] == [0, 1, 2, 3, 4]


def test_sources_take_turns_within_a_lane() -> None:
    scheduler = Scheduler()
    for number in range(20):
        scheduler.add(entry(number, source="flood"))
    scheduler.add(entry(100, source="small"))
    scheduler.add(entry(101, source="small"))
    order = [one.row.offset for one in drained(scheduler)]
    assert order[:5] == [0, 100, 1, 101, 2]
    # one that comes back gets its turn, not a place before all
    assert [offset for offset in order if offset < 100] == list(range(20))


def test_one_order_key_goes_one_after_another_others_beside() -> None:
    scheduler = Scheduler()
    first, second, other, free = entry(1, order="deal:1"), entry(2, order="deal:1"), entry(3, order="deal:2"), entry(4)
    for one in (first, second, other, free):
        scheduler.add(one)
    assert [scheduler.pick(NOW), scheduler.pick(NOW), scheduler.pick(NOW)] == [first, other, free]
    assert scheduler.pick(NOW) is None and not scheduler.has_ready(NOW)
    scheduler.finish(first)
    assert scheduler.has_ready(NOW) and scheduler.pick(NOW) is second


def test_the_same_key_in_two_lanes_is_two() -> None:
    scheduler = Scheduler()
    scheduler.add(entry(1, order="deal:1"))
    scheduler.add(entry(2, order="deal:1", lane="b"))
    assert {scheduler.pick(NOW), scheduler.pick(NOW)} == set(scheduler)


def test_a_retry_keeps_its_key_and_goes_first_when_it_is_due() -> None:
    scheduler = Scheduler()
    first, second, free = entry(1, order="deal:1"), entry(2, order="deal:1"), entry(3)
    for one in (first, second, free):
        scheduler.add(one)
    assert scheduler.pick(NOW) is first
    scheduler.retry(first, NOW + 10)
    assert scheduler.next_time() == NOW + 10
    assert scheduler.pick(NOW) is free
    scheduler.finish(free)
    assert scheduler.pick(NOW + 9.9) is None, "the second one waits behind the first"
    scheduler.add(entry(4))
    assert scheduler.pick(NOW + 10) is first
    scheduler.finish(first)


def test_retries_that_become_due_together_keep_their_order() -> None:
    scheduler = Scheduler()
    entries = [entry(number) for number in range(4)]
    for one in entries:
        scheduler.add(one)
    for one in entries:
        assert scheduler.pick(NOW) is one
        scheduler.retry(one, NOW + 1)
    assert drained(scheduler, now=NOW + 1) == entries


@pytest.mark.parametrize(
    ("hold", "goes"),
    [(("a", "m"), [2, 3, 4]), (("a", "*"), [3, 4]), (("*", "m"), [2, 4])],
)
def test_what_is_held_waits_and_others_go_on(hold: tuple[str, str], goes: list[int]) -> None:
    scheduler = Scheduler()
    for number, credential, method in [(1, "a", "m"), (2, "a", "n"), (3, "b", "m"), (4, "b", "n")]:
        scheduler.add(entry(number, credential_id=credential, method=method))
    scheduler.hold(*hold, NOW + 5)
    assert scheduler.holds(NOW) == {hold: NOW + 5}
    assert [one.row.offset for one in drained(scheduler)] == goes
    assert scheduler.next_time() == NOW + 5 and not scheduler.has_ready(NOW + 4)
    assert [one.row.offset for one in drained(scheduler, now=NOW + 5)] == [n for n in (1, 2, 3, 4) if n not in goes]
    assert scheduler.holds(NOW + 5) == {}


def test_a_hold_that_ends_early_lets_new_ones_go() -> None:
    scheduler = Scheduler()
    scheduler.hold("a", "*", NOW + 60)
    scheduler.release("a", "*")
    scheduler.release("a", "*")
    scheduler.add(entry(1, credential_id="a"))
    assert len(drained(scheduler)) == 1


def test_held_ones_go_as_soon_as_their_hold_is_released() -> None:
    """The probe succeeded: nobody waits for the rest of the minute."""
    scheduler = Scheduler()
    for number in range(3):
        scheduler.add(entry(number, credential_id="a"))
    scheduler.hold("a", "*", NOW + 60)
    assert scheduler.pick(NOW) is None
    scheduler.release("a", "*")
    assert [one.row.offset for one in drained(scheduler, now=NOW + 1)] == [0, 1, 2]


def test_bulk_keeps_its_share_although_a_part_of_it_is_held() -> None:
    scheduler = Scheduler(0.2)
    for number in range(60):
        scheduler.add(entry(number))
        scheduler.add(entry(number, lane="b", source="flow", credential_id="held" if number % 2 else "free"))
    scheduler.hold("held", "*", NOW + 60)
    lanes = [one.row.lane for one in drained(scheduler, 40)]
    assert lanes.count("b") >= 7


@given(requests=REQUESTS, dice=st.randoms(use_true_random=False))
def test_what_is_dropped_is_gone_and_the_others_go_in_their_order(
    requests: list[tuple[Lane, str, str | None]], dice: Random
) -> None:
    with_drops, without = Scheduler(), Scheduler()
    kept = []
    for number, (lane, source, order) in enumerate(requests):
        one = entry(number, lane=lane, source=source, order=order)
        with_drops.add(one)
        if dice.random() < 0.5:
            with_drops.drop(one) if dice.random() < 0.5 else kept.append((one, False))
        else:
            kept.append((one, True))
    for one, stays in kept:
        if stays:
            without.add(one)
        else:
            with_drops.drop(one)
    assert len(with_drops) == len(without)
    stay = Counter(id(one) for one, stays in kept if stays)
    went = drained(with_drops)
    assert Counter(map(id, went)) == stay
    for lane in ("i", "b"):
        for order in ("deal:1", "deal:2"):
            numbers = [one.row.offset for one in went if (one.row.lane, one.row.order) == (lane, order)]
            assert numbers == sorted(numbers)
    assert len(with_drops) == 0 and not with_drops.has_ready(NOW)
