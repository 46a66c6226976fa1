"""pipeline/portal/limits/limiter.py against the portal's own bucket (Bitrix24: limits.md)."""

import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portal.limits.limiter import LONGEST_PAUSE, Limiter
from sandbox.portal.bucket import Bucket


def limiter(rate: float | None = 2.0, burst: int = 50) -> Limiter:
    return Limiter(rate, burst, random.Random(1))


NOW = 1_800_000_000.0
#: (rate, burst): the cloud, Enterprise, and odd ones. A bucket of one leaves no place for a request that is late.
LIMITS = [(2.0, 50), (5.0, 250), (0.5, 3), (100.0, 10), (2.0, 2), (120.0, 50)]

_gaps = st.lists(st.floats(0, 60) | st.just(0.0), min_size=1, max_size=300)
_limits = st.sampled_from(LIMITS)


def arrivals(gaps: Sequence[float]) -> list[float]:
    return [NOW + at for at in itertools.accumulate(gaps)]


def refused(bucket: Bucket, times: Sequence[float]) -> int:
    """How many requests that reach the portal at these times it refuses, or has above its size."""
    return sum(not bucket.take("here", at) or bucket.max_level > bucket.burst for at in sorted(times))


@given(_gaps, st.sampled_from([*LIMITS, (2.0, 1)]))
def test_never_above_the_bucket(gaps: list[float], limits: tuple[float, int]) -> None:
    made, bucket = limiter(*limits), Bucket(*limits)
    assert refused(bucket, [now + made.reserve(now) for now in arrivals(gaps)]) == 0
    assert bucket.max_level <= max(1, 0.9 * limits[1]) + 1e-3


@given(_gaps, _limits, st.data())
def test_nor_when_requests_are_late_by_up_to_one_interval(
    gaps: list[float], limits: tuple[float, int], data: st.DataObject
) -> None:
    late = st.floats(0, 1 / limits[0]) | st.just(0.0) | st.just(1 / limits[0])
    made, times = limiter(*limits), []
    for now in arrivals(gaps):
        times.append(now + made.reserve(now) + data.draw(late))
    # the last bits of unix times, as part of a request
    assert refused(Bucket(limits[0], limits[1] + 1e-3), times) == 0


@given(_gaps, st.data())
def test_in_the_cloud_they_may_be_late_by_two_seconds(gaps: list[float], data: st.DataObject) -> None:
    delays = data.draw(st.lists(st.floats(0, 2.0), min_size=len(gaps), max_size=len(gaps)))
    made = limiter()
    times = [now + made.reserve(now) + delay for now, delay in zip(arrivals(gaps), delays, strict=True)]
    assert refused(Bucket(2.0, 50), times) == 0


@given(_gaps, _limits, st.lists(st.sampled_from(["go on", "restore", "assume full"]), min_size=1), st.data())
def test_nor_when_owners_change(
    gaps: list[float], limits: tuple[float, int], owners: list[str], data: st.DataObject
) -> None:
    """What an owner had to wait for is left to the next one, who waits by its own slots."""
    made, times = limiter(*limits), []
    for count, now in enumerate(arrivals(gaps)):
        change = owners[count % len(owners)]
        if change != "go on":
            before, made = made, limiter(*limits)
            made.restore(before.state(), now) if change == "restore" else made.assume_full(now)
        if made.ready_in(now) == 0.0:
            made.reserve(now)
            times.append(now + data.draw(st.floats(0, 1 / limits[0])))
    assert refused(Bucket(limits[0], limits[1] + 1e-3), times) == 0


@given(_gaps, _limits, st.lists(st.sampled_from(["succeeded", "succeeded", "throttled", "nothing"]), min_size=1))
def test_nor_after_refusals_and_while_the_rate_grows_back(
    gaps: list[float], limits: tuple[float, int], answers: list[str]
) -> None:
    made, times = limiter(*limits), []
    for count, now in enumerate(arrivals(gaps)):
        answer = answers[count % len(answers)]
        if answer == "throttled":
            made.throttled(now)
        elif answer == "succeeded":
            made.succeeded()
        if made.ready_in(now) == 0.0:
            made.reserve(now)
            times.append(now)
    assert refused(Bucket(limits[0], limits[1] + 1e-3), times) == 0


def test_uses_the_burst_then_the_full_rate() -> None:
    made, now = limiter(), 1000.0
    times = []
    for _ in range(145):
        now += made.reserve(now)
        times.append(now)
    assert sum(at == 1000.0 for at in times) == 45
    assert times[-1] - 1000.0 == pytest.approx(100 / 2.0)


def test_an_idle_portal_gets_its_burst_back() -> None:
    made = limiter()
    for _ in range(45):
        assert made.reserve(1000.0) == 0.0
    assert made.ready_in(1000.0) == pytest.approx(0.5)
    assert made.ready_in(1010.0) == 0.0
    assert sum(made.reserve(1022.5) == 0.0 for _ in range(50)) == 45


def test_looking_takes_no_slot() -> None:
    made = limiter(2.0, 1)
    assert [made.ready_in(1000.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    made.reserve(1000.0)
    assert [made.ready_in(1000.0) for _ in range(3)] == [0.5, 0.5, 0.5]


def test_no_limit() -> None:
    made = limiter(None)
    assert {made.reserve(1000.0) for _ in range(10_000)} == {0.0}
    made.throttled(1000.0)
    wait = made.reserve(1000.0)
    assert 0.5 <= wait <= 0.5 * 1.25
    assert made.reserve(1000.0) == wait
    assert made.reserve(1000.0 + wait) == 0.0


def test_refusals_back_off_longer_each_time_up_to_a_bound() -> None:
    made, now = limiter(), 1000.0
    waits = []
    for _ in range(3000):
        made.throttled(now)
        wait = made.reserve(now)
        waits.append(wait)
        now += wait
    for count, wait in enumerate(waits[:6]):
        assert 0.5 * 1.5**count <= wait <= 0.5 * 1.5**count * 1.25
    assert LONGEST_PAUSE <= waits[-1] <= LONGEST_PAUSE * 1.25
    assert made.factor == 0.25


def test_after_a_refusal_slots_come_one_by_one_and_slower() -> None:
    made = limiter()
    made.throttled(1000.0)
    first, second = made.reserve(1000.0), made.reserve(1000.0)
    assert second - first == pytest.approx(0.5 / 0.8)


def test_successes_bring_all_of_it_back() -> None:
    made, now = limiter(), 1000.0
    for _ in range(20):
        made.throttled(now)
        now += made.reserve(now)
    for _ in range(75):
        now += made.reserve(now)
        made.succeeded()
    assert made.factor == 1.0
    made.throttled(now)
    assert made.reserve(now) <= 0.5 * 1.25
    assert sum(limiter().reserve(now + 60) == 0.0 for _ in range(45)) == 45


def test_regrowing_keeps_the_level() -> None:
    made = limiter()
    made.throttled(1000.0)
    wait = made.ready_in(1000.0)
    made.succeeded()
    assert made.ready_in(1000.0) <= wait


def test_a_portal_that_others_use_too_is_not_stormed() -> None:
    """Another program fills the same bucket to the brim all the time: most of our calls still get through."""
    bucket, made, now, done, failed = Bucket(2.0, 50), limiter(), 1000.0, 0, 0
    while now < 2000.0:
        while bucket.levels(now).get("here", 0.0) < 49:
            bucket.take("here", now)
        now += made.reserve(now)
        if bucket.take("here", now):
            made.succeeded()
            done += 1
        else:
            made.throttled(now)
            failed += 1
    assert done > 500
    assert failed < done


def test_refusals_of_calls_that_were_under_way_count_once() -> None:
    one, three = limiter(), limiter()
    one.throttled(1000.0)
    for late in (0.0, 0.1, 0.2):
        three.throttled(1000.0 + late)
    assert one.factor == three.factor == 0.8
    assert three.ready_in(1000.2) == pytest.approx(one.ready_in(1000.2))
    three.throttled(1000.0 + three.ready_in(1000.0) + 0.01)
    assert three.factor == pytest.approx(0.64)


def test_a_clock_set_back_does_not_make_a_pause_longer() -> None:
    made = limiter()
    made.throttled(10_000.0)
    made.ready_in(6_400.0)
    made.throttled(6_401.0)
    assert made.factor == pytest.approx(0.64)


@pytest.mark.parametrize("state", [0.0, 1000.0, 1010.0, 5_000_000_000.0])
def test_any_state_can_be_restored(state: float) -> None:
    made = limiter()
    made.restore(state, 1000.0)
    assert made.ready_in(1000.0) <= LONGEST_PAUSE * 1.25 + 0.5
    assert made.ready_in(1100.0) == 0.0


def test_a_new_owner_goes_on_where_the_old_one_was() -> None:
    old, new = limiter(), limiter()
    for _ in range(60):
        old.reserve(1000.0)
    new.restore(old.state(), 1000.0)
    assert new.reserve(1000.0) == pytest.approx(old.reserve(1000.0))


def test_assume_full() -> None:
    made = limiter()
    made.assume_full(1000.0)
    assert made.reserve(1000.0) == pytest.approx(0.5)
    assert made.reserve(1000.0) == pytest.approx(1.0)


def test_a_clock_that_is_set_back_does_not_stop_the_portal() -> None:
    made = limiter()
    for _ in range(45):
        made.reserve(10_000.0)
    assert made.ready_in(6_400.0) == pytest.approx(0.5)


@given(rate=st.floats(0.1, 50), burst=st.integers(1, 300), taken=st.integers(0, 300), later=st.floats(0, 100))
def test_slots_are_what_leaves_without_a_wait(rate: float, burst: int, taken: int, later: float) -> None:
    limiter = Limiter(rate, burst)
    for _ in range(taken):
        limiter.reserve(NOW)
    slots = limiter.slots(NOW + later)
    waits = [limiter.reserve(NOW + later) for _ in range(slots + 1)]
    assert all(wait < 1e-3 for wait in waits[:-1]) and waits[-1] > 0
    assert Limiter(None, 50).slots(NOW) > 1000
