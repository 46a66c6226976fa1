"""pipeline/portal/limits/portal_clock.py: never ahead of the portal's, behind by the shortest way at most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portal.limits.portal_clock import PortalClock

NOW = 1_800_000_000.0


def test_without_a_word_both_are_equal() -> None:
    clock = PortalClock(600.0)
    assert (clock.portal(NOW), clock.ours(NOW)) == (NOW, NOW)


@given(st.floats(-1e6, 1e6), st.lists(st.tuples(st.floats(0.0, 100.0), st.floats(0.0, 59.0)), min_size=1))
def test_never_ahead_and_behind_by_the_shortest_recent_way(ahead: float, answers: list[tuple[float, float]]) -> None:
    """`answers`: the pause before each, and how long it took to come."""
    clock, now, ways = PortalClock(600.0), NOW, []
    for pause, way in answers:
        now += pause
        ways.append((now, way))
        clock.learn(now, now + ahead - way)
        assert clock.portal(now) <= now + ahead + 1e-3
        shortest = min(way for at, way in ways if at >= now - 60)
        assert clock.portal(now) >= now + ahead - shortest - 1e-3
        assert clock.ours(clock.portal(now)) == pytest.approx(now, abs=1e-3)


def test_a_clock_that_was_set_is_followed() -> None:
    clock = PortalClock(600.0)
    clock.learn(NOW, NOW - 0.1)
    clock.learn(NOW + 1, NOW - 3600)
    assert clock.portal(NOW + 1) == NOW - 3600
    clock.set_back(100.0)
    assert clock.portal(NOW - 99) == NOW - 3600
