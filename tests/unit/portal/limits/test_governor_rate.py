"""pipeline/portal/limits/governor.py: nearly all of limit / window is used, evenly, in the steady state."""

import itertools
import random
from dataclasses import replace

import pytest

from sandbox.portal.operating import Shown
from tests.unit.portal.limits.simulation import START, Run, World

HOOK = ("hook", "crm.deal.list")
WINDOWS = 4
GOAL = 0.97


def world(scale: float, mean: float, spread: float = 0.2) -> World:
    """Costs around `mean` portal seconds; the way to the portal does not become shorter as the portal gets faster."""
    chance = random.Random(1)
    return World(
        cost=lambda method, bound: mean / scale * chance.uniform(1 - spread, 1 + spread),
        limit=480 / scale,
        window=600 / scale,
        way=lambda: 0.05 if scale == 1 else 0.003,
    )


def steady(run: Run, key: tuple[str, str] = HOOK) -> float:
    return run.use(key, run.world.window, WINDOWS * run.world.window)


@pytest.mark.parametrize("whole", [True, False], ids=["whole reset", "exact reset"])
@pytest.mark.parametrize("rounded", [True, False], ids=["rounded", "not rounded"])
@pytest.mark.parametrize("mean", [0.16, 0.65, 1.8])
@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_steady_rate(scale: float, mean: float, rounded: bool, whole: bool) -> None:
    digits = None if not rounded else 0 if scale == 1 else 2
    run = Run(replace(world(scale, mean), digits=digits, whole=whole), HOOK).until(WINDOWS * 600 / scale)
    assert run.refused == []
    assert steady(run) >= GOAL
    # and none of the first window is wasted
    assert run.use(HOOK, 0, run.world.window) >= GOAL


def test_batches_are_full_enough_for_the_intensity_limit() -> None:
    run = Run(world(1.0, 0.16), HOOK).until(WINDOWS * 600)
    assert len(run.requests) / (WINDOWS * 600) < 0.5
    assert max(run.sizes) == 50


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_it_is_slow_rather_than_stopped(scale: float) -> None:
    """From 70 % on the rest is spread: no long pause, but for the wait until the portal has forgotten something."""
    run = Run(replace(world(scale, 0.16), whole=False), HOOK).until(WINDOWS * 600 / scale)
    at = [(when - START) * scale for when, _, _ in run.executed]
    assert max(later - earlier for earlier, later in itertools.pairwise(at)) < 10
    # the first 70 % leave at full speed: three connections, and a way of a moment
    assert run.spent(HOOK, 0, 0.65 * 480 / 2.5 / scale) * scale > 0.65 * 480


def test_methods_have_budgets_of_their_own() -> None:
    keys = [("hook", "crm.deal.list"), ("hook", "crm.deal.add"), ("other", "crm.deal.list")]
    run = Run(replace(world(60.0, 0.5), connections=5), *keys).until(WINDOWS * 10)
    assert run.refused == []
    assert [steady(run, key) >= GOAL for key in keys] == [True] * 3


@pytest.mark.parametrize("tells", [{"operating", "reset_at", "duration"}, {"operating", "finish", "duration"}])
def test_without_some_of_the_times(tells: set[str]) -> None:
    run = Run(replace(world(1.0, 0.65), tells=frozenset(tells)), HOOK).until(WINDOWS * 600)
    assert run.refused == []
    assert steady(run) >= GOAL


@pytest.mark.parametrize("ahead", [-200.0, 200.0])
def test_the_portals_clock_may_be_wrong(ahead: float) -> None:
    run = Run(replace(world(1.0, 0.65), ahead=ahead), HOOK).until(WINDOWS * 600)
    assert run.refused == []
    assert steady(run) >= GOAL


def test_dear_calls() -> None:
    run = Run(world(1.0, 15.0, spread=0.5), HOOK).until(10 * 600)
    assert run.refused == []
    assert run.use(HOOK, 600, 6000) >= 0.95


def test_a_portal_whose_limit_is_switched_off() -> None:
    run = Run(replace(world(1.0, 0.65), meter_limit=None), HOOK).until(600)
    assert run.spent(HOOK, 0, 600) > 2.5 * 600


@pytest.mark.parametrize("shown", ["absent", "zero"])
def test_a_portal_that_limits_and_does_not_tell(shown: Shown) -> None:
    """The first refusal shows it; from then on our own calls are counted."""
    run = Run(replace(world(1.0, 0.65), shown=shown), HOOK).until(WINDOWS * 600)
    assert 0 < len(run.refused) <= 150
    assert run.refused[-1][0] < START + 600
    assert steady(run) >= 0.95
