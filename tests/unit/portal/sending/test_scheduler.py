"""pipeline/portal/sending/scheduler.py, each rule by itself; all together: test_scheduler_model.py."""

import pytest

from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.scheduler import Scheduler
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
    first, second, other, free = (
        entry(1, keys=("deal:1",)),
        entry(2, keys=("deal:1",)),
        entry(3, keys=("deal:2",)),
        entry(4),
    )
    for one in (first, second, other, free):
        scheduler.add(one)
    assert [scheduler.pick(NOW), scheduler.pick(NOW), scheduler.pick(NOW)] == [first, other, free]
    assert scheduler.pick(NOW) is None and not scheduler.has_ready(NOW)
    scheduler.finish(first)
    assert scheduler.has_ready(NOW) and scheduler.pick(NOW) is second


def test_the_same_key_in_two_lanes_is_two() -> None:
    scheduler = Scheduler()
    scheduler.add(entry(1, keys=("deal:1",)))
    scheduler.add(entry(2, keys=("deal:1",), lane="b"))
    assert {scheduler.pick(NOW), scheduler.pick(NOW)} == set(scheduler)


def test_a_key_of_an_external_id_is_one_in_both_lanes() -> None:
    scheduler = Scheduler()
    first, second = entry(1, keys=("=deal:7",), lane="b"), entry(2, keys=("=deal:7",))
    scheduler.add(first)
    scheduler.add(second)
    assert scheduler.pick(NOW) is first and scheduler.pick(NOW) is None
    scheduler.finish(first)
    assert scheduler.pick(NOW) is second


def test_an_entry_of_several_keys_waits_for_all_and_holds_all() -> None:
    scheduler = Scheduler()
    one, other = entry(1, keys=("deal:1",)), entry(2, keys=("deal:2",))
    both = entry(3, keys=("deal:1", "deal:2"))
    behind = [entry(4, keys=("deal:2", "deal:3")), entry(5, keys=("deal:1",)), entry(6, keys=("deal:3",))]
    for each in (one, other, both, *behind):
        scheduler.add(each)
    assert [scheduler.pick(NOW), scheduler.pick(NOW)] == [one, other]
    scheduler.finish(one)
    assert scheduler.pick(NOW) is None
    scheduler.finish(other)
    assert scheduler.pick(NOW) is both and scheduler.pick(NOW) is None, "also what is free but for one of its keys"
    scheduler.finish(both)
    assert [scheduler.pick(NOW), scheduler.pick(NOW), scheduler.pick(NOW)] == [*behind[:2], None]


def test_a_key_that_stands_twice_does_not_wait_for_itself() -> None:
    scheduler = Scheduler()
    scheduler.add(entry(1, keys=("deal:1", "deal:1")))
    assert len(drained(scheduler)) == 1 and not scheduler._keys


def test_what_is_dropped_while_it_waits_for_others_lets_those_behind_it_go() -> None:
    scheduler = Scheduler()
    entries = [entry(number, keys=("deal:1",)) for number in range(3)]
    for one in entries:
        scheduler.add(one)
    scheduler.drop(entries[1])
    assert drained(scheduler) == [entries[0], entries[2]]


def test_what_is_put_back_waits_in_its_old_place() -> None:
    scheduler = Scheduler()
    entries = [entry(number) for number in range(3)]
    for one in entries:
        scheduler.add(one)
    taken = [scheduler.pick(NOW), scheduler.pick(NOW)]
    for one in reversed(taken):
        assert one is not None
        scheduler.put_back(one)
    assert drained(scheduler) == entries


def test_what_is_put_back_with_another_method_waits_for_that() -> None:
    blocked = {"n": NOW + 5}
    scheduler = Scheduler(blocked=lambda credential, method, lane: blocked.get(method))
    plan, call = entry(1, method="plan"), entry(2, method="m")
    scheduler.add(plan)
    scheduler.add(call)
    assert scheduler.pick(NOW) is plan
    plan.method = "n"
    scheduler.put_back(plan)
    assert scheduler.pick(NOW) is call and scheduler.pick(NOW) is None
    assert scheduler.next_time(NOW) == NOW + 5
    blocked.clear()
    assert scheduler.pick(NOW) is plan


def test_one_more_is_of_the_same_lane_and_credential_and_by_turns() -> None:
    scheduler = Scheduler()
    for number, given in enumerate(
        [{"source": "flood"}] * 4 + [{"source": "small"}, {"lane": "b"}, {"credential_id": "other"}]
    ):
        scheduler.add(entry(number, **given))
    head = scheduler.pick(NOW)
    assert head is not None and head.row.offset == 0
    more = []
    while (one := scheduler.pick_with("i", "all", NOW)) is not None:
        more.append(one.row.offset)
    assert more == [4, 1, 2, 3]


def test_the_next_time_is_now_when_something_may_go_and_of_no_lane_that_is_not_asked_for() -> None:
    scheduler = Scheduler()
    bulk = entry(1, lane="b")
    scheduler.add(bulk)
    assert scheduler.next_time(NOW) == scheduler.next_time(NOW, ("b",)) == NOW
    assert scheduler.next_time(NOW, ("i",)) is None
    scheduler.drop(bulk)
    assert scheduler.next_time(NOW) is None


def test_a_source_whose_entries_are_all_held_keeps_its_turn() -> None:
    scheduler = Scheduler()
    for number in range(3):
        scheduler.add(entry(number, source="a", method="held"))
        scheduler.add(entry(10 + number, source="b"))
    scheduler.hold("*", "held", NOW + 5)
    assert [one.row.offset for one in drained(scheduler, 2)] == [10, 11]
    assert [one.row.offset for one in drained(scheduler, now=NOW + 5)] == [0, 12, 1, 2]


def test_a_retry_keeps_its_key_and_goes_first_when_it_is_due() -> None:
    scheduler = Scheduler()
    first, second, free = entry(1, keys=("deal:1",)), entry(2, keys=("deal:1",)), entry(3)
    for one in (first, second, free):
        scheduler.add(one)
    assert scheduler.pick(NOW) is first
    scheduler.retry(first, NOW + 10)
    assert scheduler.pick(NOW) is free
    assert scheduler.next_time(NOW) == NOW + 10
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
    assert scheduler.next_time(NOW) == NOW + 5 and scheduler.pick(NOW + 4) is None
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
