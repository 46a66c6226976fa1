"""The intensity bucket and the operating budget, by the clock given to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.portal.bucket import Bucket
from sandbox.portal.errors import RestError
from sandbox.portal.operating import Meter, Operating, Shown

KEY = ("1", "secret", "crm.deal.list")


def test_a_burst_passes_then_two_a_second() -> None:
    bucket = Bucket(rate=2, burst=50)
    assert [bucket.take("ip", 100.0) for _ in range(51)] == [True] * 50 + [False]
    assert bucket.max_level == 50
    assert [bucket.take("ip", 105.0) for _ in range(11)] == [True] * 10 + [False]
    assert bucket.max_level == 50


def test_refused_requests_do_not_count() -> None:
    bucket = Bucket(rate=1, burst=2)
    assert bucket.take("ip", 0.0)
    assert bucket.take("ip", 0.0)
    assert not any(bucket.take("ip", 0.0) for _ in range(10))
    assert bucket.take("ip", 0.5)


def test_refused_requests_may_count() -> None:
    bucket = Bucket(rate=1, burst=2, count_rejected=True)
    assert [bucket.take("ip", 0.0) for _ in range(4)] == [True, True, False, False]
    assert not bucket.take("ip", 2.0), "who hammers stays out"
    assert (bucket.refused, bucket.max_level) == (3, 4)
    assert bucket.take("ip", 4.0)


def test_one_more_may_pass() -> None:
    bucket = Bucket(rate=1, burst=2, allow_one_over=True)
    assert [bucket.take("ip", 0.0) for _ in range(4)] == [True, True, True, False]


def test_others_at_the_same_address_fill_the_bucket() -> None:
    bucket = Bucket(rate=1, burst=50)
    assert bucket.pour("ip", 20, 0.0) == 20
    assert bucket.pour("ip", 1000, 0.0) == 51
    assert (bucket.take("ip", 0.0), bucket.max_level) == (False, 0.0), "the maximum is the client's own doing"


def test_every_source_has_its_own_bucket() -> None:
    bucket = Bucket(rate=1, burst=1)
    assert bucket.take("one", 0.0)
    assert bucket.take("two", 0.0)
    assert bucket.levels(0.5) == {"one": 0.5, "two": 0.5}


def test_a_clock_that_steps_back_changes_nothing() -> None:
    bucket = Bucket(rate=1, burst=2)
    bucket.take("ip", 10.0)
    assert bucket.take("ip", 5.0)
    assert bucket.levels(5.0) == {"ip": 2.0}


def test_no_rate_is_no_limit() -> None:
    bucket = Bucket(rate=0, burst=1)
    assert all(bucket.take("ip", 0.0) for _ in range(1000))
    assert bucket.max_level == 0


@given(st.lists(st.floats(0, 3), max_size=300))
def test_never_more_than_burst_and_drain_together(gaps: list[float]) -> None:
    bucket = Bucket(rate=2, burst=5)
    now = 0.0
    passed = 0
    for gap in gaps:
        now += gap
        passed += bucket.take("ip", now)
        # "level >= burst" lets a level just below the burst rise by one.
        assert bucket.max_level < 6
        assert passed <= 6 + 2 * now


def test_operating_is_a_state_that_grows() -> None:
    meter = Meter(480)
    meter.charge(KEY, 1000.0, 1.5)
    meter.charge(KEY, 1001.0, 2.0)
    assert meter.state(KEY, 1002.0) == Operating(3.5, 1600)
    assert meter.states(1002.0) == {"1/crm.deal.list": 3.5}


def test_a_fresh_budget_resets_ten_minutes_from_now() -> None:
    assert Meter(480).state(KEY, 1000.9) == Operating(0.0, 1600)


def test_short_calls_are_not_billed() -> None:
    meter = Meter(480)
    meter.charge(KEY, 1000.0, 0.09)
    assert meter.state(KEY, 1000.0) == Operating(0.0, 1600)


def test_a_bucket_dies_ten_minutes_after_its_first_call() -> None:
    meter = Meter(480)
    meter.charge(KEY, 1000.0, 1.0)  # minute 16
    meter.charge(KEY, 1015.0, 1.0)  # minute 16
    meter.charge(KEY, 1030.0, 5.0)  # minute 17
    assert meter.state(KEY, 1599.9) == Operating(7.0, 1600)
    assert meter.state(KEY, 1600.0) == Operating(5.0, 1630)
    assert meter.state(KEY, 1630.0) == Operating(0.0, 2230)


def test_late_minutes_find_their_place() -> None:
    meter = Meter(480)
    meter.charge(KEY, 1100.0, 1.0)
    meter.charge(KEY, 1000.0, 1.0)
    meter.charge(KEY, 1101.0, 1.0)
    assert meter.state(KEY, 1101.0) == Operating(3.0, 1600)


def test_the_crossing_call_completes_and_the_next_is_refused() -> None:
    meter = Meter(2)
    for started in (1000.0, 1061.0):
        meter.check(KEY, started)
        meter.charge(KEY, started, 1.5)
    with pytest.raises(RestError) as refused:
        meter.check(KEY, 1062.0)
    assert refused.value.problem.status == 429
    assert refused.value.problem.body() == {
        "error": "OPERATION_TIME_LIMIT",
        "error_description": "Method is blocked due to operation time limit.",
    }
    meter.check(("1", "secret", "crm.deal.get"), 1062.0)
    meter.check(("2", "other", "crm.deal.list"), 1062.0)
    meter.check(KEY, 1600.0)


def test_no_limit_has_no_state() -> None:
    meter = Meter(None)
    meter.charge(KEY, 0.0, 10_000.0)
    meter.check(KEY, 1.0)
    assert meter.state(KEY, 1.0) is None


def test_a_scaled_meter_tells_fractions() -> None:
    meter = Meter(8, window=10, minute=1, floor=0.1 / 60, whole=False)
    meter.charge(KEY, 1000.25, 0.1 / 60)
    assert meter.state(KEY, 1001.0) == Operating(0.1 / 60, 1010.25)
    assert meter.state(KEY, 1010.26) == Operating(0.0, 1020.26)


@pytest.mark.parametrize(
    ("limit", "shown", "expected"),
    [
        (480.0, None, Operating(3.0, 1600)),
        (480.0, "absent", None),
        (480.0, "zero", Operating(0.0, 1600)),
        (None, None, None),
        (None, "present", Operating(3.0, 1600)),
        (None, "zero", Operating(0.0, 1600)),
    ],
)
def test_three_states_of_portals(limit: float | None, shown: Shown | None, expected: Operating | None) -> None:
    meter = Meter(limit, shown=shown)
    meter.charge(KEY, 1000.0, 3.0)
    assert meter.state(KEY, 1000.0) == expected


def test_a_hidden_limit_limits() -> None:
    meter = Meter(2, shown="absent")
    meter.charge(KEY, 1000.0, 3.0)
    with pytest.raises(RestError):
        meter.check(KEY, 1000.0)
    assert meter.refused == 1


def test_the_most_that_was_held_is_kept() -> None:
    meter = Meter(480)
    meter.charge(KEY, 1000.0, 3.0)
    meter.charge(KEY, 1700.0, 1.0)
    assert (meter.states(1700.0), meter.peaks()) == ({"1/crm.deal.list": 1.0}, {"1/crm.deal.list": 3.0})
    meter.reset()
    assert (meter.states(1700.0), meter.peaks()) == ({}, {})


def test_two_webhooks_of_one_user_are_told_apart() -> None:
    meter = Meter(480)
    meter.charge(KEY, 1000.0, 3.0)
    meter.charge(("1", "other", "crm.deal.list"), 1000.0, 2.0)
    assert meter.states(1000.0) == {"1/crm.deal.list": 3.0, "1~2/crm.deal.list": 2.0}
