"""pipeline/portal/limits/limiter.py against the portal's own bucket (Bitrix24: limits.md)."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portal.limits.limiter import LONGEST_PAUSE, Limiter


class Bucket:
    """The portal's side: every request fills by one, `rate` a second drain; at `size` it refuses."""

    def __init__(self, rate: float, size: int) -> None:
        self.rate, self.size = rate, size
        self.level = 0.0
        self.last = 0.0
        self.refused = 0

    def take(self, now: float) -> bool:
        self.level = max(0.0, self.level - self.rate * (now - self.last))
        self.last = now
        if self.level >= self.size:
            self.refused += 1
            return False
        self.level += 1
        return True


def limiter(rate: float | None = 2.0, burst: int = 50) -> Limiter:
    return Limiter(rate, burst, random.Random(1))


def send(made: Limiter, bucket: Bucket, arrivals: Sequence[float], delays: Sequence[float]) -> list[float]:
    """Requests that arrive at these times, each sent in its slot and reaching the portal `delay` later."""
    times = sorted(now + made.reserve(now) + delay for now, delay in zip(arrivals, delays, strict=True))
    for at in times:
        bucket.take(at)
    return times


_gaps = st.lists(st.floats(0, 60) | st.just(0.0), min_size=1, max_size=300)


def _arrivals(gaps: Sequence[float]) -> list[float]:
    now, arrivals = 1_800_000_000.0, []
    for gap in gaps:
        now += gap
        arrivals.append(now)
    return arrivals


@given(_gaps, st.sampled_from([(2.0, 50), (5.0, 250), (0.5, 3), (100.0, 10), (2.0, 1), (2.0, 2)]))
def test_never_above_the_bucket(gaps: list[float], limits: tuple[float, int]) -> None:
    rate, burst = limits
    bucket = Bucket(rate, burst)
    send(limiter(rate, burst), bucket, _arrivals(gaps), [0.0] * len(gaps))
    assert bucket.refused == 0
    # a bucket of one or two cannot be filled to nine tenths
    assert bucket.level <= max(1, 0.9 * burst) + 1e-3


@given(_gaps, st.data())
def test_nor_when_requests_take_unequal_times_to_arrive(gaps: list[float], data: st.DataObject) -> None:
    delays = data.draw(st.lists(st.floats(0, 2.0), min_size=len(gaps), max_size=len(gaps)))
    bucket = Bucket(2.0, 50)
    send(limiter(), bucket, _arrivals(gaps), delays)
    assert bucket.refused == 0


@given(_gaps, st.integers(0, 300), st.booleans())
def test_nor_when_the_owner_changes(gaps: list[float], at: int, state_known: bool) -> None:
    bucket = Bucket(2.0, 50)
    made = limiter()
    for count, now in enumerate(_arrivals(gaps)):
        if count == at:
            before, made = made, limiter()
            made.restore(before.state(), now) if state_known else made.assume_full(now)
        wait = made.reserve(now)
        if wait == 0.0:
            bucket.take(now)
    assert bucket.refused == 0


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
    bucket, made, now, done = Bucket(2.0, 50), limiter(), 1000.0, 0
    bucket.last = now
    while now < 2000.0:
        while bucket.level < 49:
            bucket.take(now)
        now += made.reserve(now)
        if bucket.take(now):
            made.succeeded()
            done += 1
        else:
            made.throttled(now)
    assert done > 500
    assert bucket.refused < done


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
