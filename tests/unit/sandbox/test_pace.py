"""Simulated costs pass exactly, however coarse the timers are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.portal.pace import SLACK, TICK, Pace, Till
from tests.unit.sandbox.virtual_clock import VirtualClock


async def _commands(clock: VirtualClock, pace: Pace, costs: list[float]) -> list[tuple[float, float]]:
    spans = []
    for cost in costs:
        started = pace.begin()
        await pace.spend(started, cost)
        spans.append((started, pace.end(started, cost)))
    pace.close()
    return spans


@given(st.lists(st.floats(0.0001, 0.5), min_size=1, max_size=50), st.floats(0, 0.02))
async def test_a_batch_takes_what_its_commands_take(costs: list[float], late: float) -> None:
    clock = VirtualClock(late=late)
    spans = await _commands(clock, Pace(clock, Till()), costs)
    assert clock.time - 1000 == pytest.approx(sum(costs), abs=late + TICK)
    assert [end - start for start, end in spans] == pytest.approx(costs)
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert spans[-1][1] <= clock.time + TICK


@pytest.mark.parametrize("cost", [0.0001, 0.00267, 0.0004])
async def test_single_calls_take_their_cost_in_the_mean(cost: float) -> None:
    clock = VirtualClock(late=0.0003)
    till = Till()
    for _ in range(1000):
        await _commands(clock, Pace(clock, till), [cost])
    assert clock.time - 1000 == pytest.approx(1000 * cost, abs=2 * TICK)


async def test_what_costs_nothing_takes_the_time_that_it_takes() -> None:
    clock = VirtualClock()
    pace = Pace(clock, Till())
    started = pace.begin()
    clock.time += 0.01
    assert pace.end(started, 0.0) - started == pytest.approx(0.01)


async def test_a_machine_that_is_very_late_is_not_made_up_for() -> None:
    clock = VirtualClock()
    pace = Pace(clock, Till())
    started = pace.begin()
    clock.time += 1.0
    pace.end(started, 0.1)
    clock.time += 1.0
    assert pace.begin() == pytest.approx(clock.time - SLACK)


def test_the_cut() -> None:
    clock = VirtualClock()
    pace = Pace(clock, Till(), 60.0)
    pace.begin()
    assert (pace.passes(1000.0, 60.0), pace.passes(1000.1, 60.0), pace.left()) == (False, True, 60.0)
    clock.time += 90
    assert pace.left() == 0.0
    assert not Pace(clock, Till()).passes(1000.0, 1e9)
