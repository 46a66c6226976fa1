"""pipeline/portal/limits/throttles.py: no span holds more than its count, for every window."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portal.limits.throttles import Throttle, Window

NOW = 1_800_000_000.0
WINDOWS = (Window(20, 60.0), Window(100, 3600.0))

_windows = st.lists(st.builds(Window, st.integers(1, 12), st.integers(1, 300).map(float)), min_size=1, max_size=3)
# eighths of a second: sums of them are exact, so that a span may end to the very moment
_gaps = st.lists(st.integers(0, 800).map(lambda eighths: eighths / 8) | st.just(0.0), min_size=1, max_size=200)


def most_in(taken: list[float], seconds: float) -> int:
    """The most that any half-open span of so many seconds holds."""
    return max(sum(begin <= at < begin + seconds for at in taken) for begin in taken)


@given(_windows, _gaps)
def test_no_span_holds_more(windows: list[Window], gaps: list[float]) -> None:
    made, now, taken = Throttle(windows), NOW, []
    for gap in gaps:
        now += gap
        now += made.ready_in(now)
        made.take(now)
        taken.append(now)
    for window in windows:
        assert most_in(taken, window.seconds) <= window.count


@given(_windows, _gaps, st.data())
def test_nor_over_a_change_of_owners(windows: list[Window], gaps: list[float], data: st.DataObject) -> None:
    made, now, taken = Throttle(windows), NOW, []
    for gap in gaps:
        now += gap
        if data.draw(st.integers(0, 9)) == 0:
            state = json.loads(json.dumps(made.state()))
            made = Throttle(windows)
            made.restore(state, now)
        now += made.ready_in(now)
        made.take(now)
        taken.append(now)
    for window in windows:
        assert most_in(taken, window.seconds) <= window.count


@given(_windows, _gaps)
def test_nobody_waits_without_need(windows: list[Window], gaps: list[float]) -> None:
    """A wait ends when the fullest window has room, and not later."""
    made, now, taken = Throttle(windows), NOW, []
    for gap in gaps:
        now += gap
        wait = made.ready_in(now)
        if wait > 0:
            before = now + wait - 1 / 16
            assert any(sum(at > before - window.seconds for at in taken) >= window.count for window in windows)
        now += wait
        assert made.ready_in(now) == 0.0
        made.take(now)
        taken.append(now)


def test_all_windows_hold_at_once() -> None:
    made, now, taken = Throttle(WINDOWS), NOW, 0
    while now < NOW + 3600:
        if made.ready_in(now) == 0:
            made.take(now)
            taken += 1
        now += 1
    assert taken == 100


def test_looking_takes_nothing() -> None:
    made = Throttle([Window(1, 60.0)])
    assert [made.ready_in(NOW) for _ in range(3)] == [0.0] * 3
    made.take(NOW)
    assert made.ready_in(NOW + 10) == 50.0
    assert made.ready_in(NOW + 60) == 0.0


def test_no_windows() -> None:
    made = Throttle([])
    for _ in range(1000):
        made.take(NOW)
    assert made.ready_in(NOW) == 0.0
    assert made.state() == []


def test_the_state_is_bounded_by_the_largest_count() -> None:
    made = Throttle(WINDOWS)
    for second in range(10_000):
        made.take(NOW + second)
    assert len(made.state()) == 100


def test_what_was_taken_without_asking_counts() -> None:
    made = Throttle([Window(2, 60.0)])
    for _ in range(5):
        made.take(NOW)
    assert made.ready_in(NOW + 59) == 1.0


@pytest.mark.parametrize("ahead", [0.5, 86_400.0])
def test_a_clock_that_was_ahead_costs_one_window(ahead: float) -> None:
    made = Throttle([Window(2, 60.0)])
    made.take(NOW + ahead)
    made.take(NOW + ahead)
    assert made.ready_in(NOW) == 60.0
    other = Throttle([Window(2, 60.0)])
    other.restore([NOW + ahead, NOW + ahead], NOW)
    assert other.ready_in(NOW) == 60.0


@pytest.mark.parametrize(("count", "seconds"), [(0, 60.0), (-1, 60.0), (1, 0.0), (1, -5.0)])
def test_what_is_no_throttle(count: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="no throttle"):
        Window(count, seconds)


def test_other_settings_with_an_old_state() -> None:
    made = Throttle(WINDOWS)
    for second in range(50):
        made.take(NOW + second)
    fewer = Throttle([Window(5, 60.0)])
    fewer.restore(made.state(), NOW + 50)
    assert fewer.state() == [NOW + second for second in range(45, 50)]
    assert fewer.ready_in(NOW + 50) == 55.0
