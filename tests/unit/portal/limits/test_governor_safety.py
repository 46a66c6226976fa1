"""pipeline/portal/limits/governor.py: no refusal by our own doing, whatever calls cost and whenever they come."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.portal.limits.simulation import START, Run, World

HOOK = ("hook", "crm.deal.list")
#: The longest that a command may take: the portal cuts a request at 60 s.
CUT = 60.0

_seeds = st.integers(0, 2**32)
_scales = st.sampled_from([1.0, 7.5, 60.0])


def _within_bounds(chance: random.Random, scale: float, start: float, kind: str) -> Callable[[str, float], float]:
    """Costs up to the very bound of the guarantee: the first is `start`, and each may be twice the dearest before."""

    def cost(method: str, bound: float) -> float:
        largest = min(bound, CUT / scale)
        if bound == float("inf"):
            return start / scale
        if kind == "at the bound":
            return largest
        if kind == "mostly tiny":
            return largest if chance.random() < 0.1 else largest * chance.random() * 0.01
        if kind == "log":
            return largest * 10 ** -chance.uniform(0, 4)
        return largest * chance.random()

    return cost


def _world(scale: float, cost: Callable[[str, float], float], chance: random.Random, slowest: float) -> World:
    return World(cost=cost, limit=480 / scale, window=600 / scale, way=lambda: chance.uniform(0.001, slowest) / scale)


@settings(max_examples=80, deadline=None)
@given(
    _seeds,
    _scales,
    st.sampled_from(["at the bound", "mostly tiny", "log", "uniform"]),
    st.floats(0.05, 20.0),
    st.sampled_from([0.05, 1.0, 20.0]),
    st.booleans(),
    st.sampled_from([None, 2]),
    st.floats(-500, 500),
)
def test_any_costs_within_the_bound(
    seed: int, scale: float, kind: str, start: float, slowest: float, whole: bool, digits: int | None, ahead: float
) -> None:
    chance = random.Random(seed)
    world = _world(scale, _within_bounds(chance, scale, start, kind), chance, slowest)
    run = Run(replace(world, whole=whole, digits=digits, ahead=ahead), HOOK).until(2.5 * world.window)
    assert run.refused == []
    assert run.executed


@settings(max_examples=20, deadline=None)
@given(_seeds, _scales, st.lists(st.floats(0.02, 12.0), min_size=1, max_size=4), st.integers(1, 3))
def test_any_arrivals_several_methods_and_credentials(
    seed: int, scale: float, means: list[float], credentials: int
) -> None:
    chance = random.Random(seed)
    cost_of = {f"crm.m{index}.add": mean / scale for index, mean in enumerate(means)}
    world = _world(scale, lambda method, bound: min(bound, cost_of[method] * chance.uniform(0.3, 1.7)), chance, 1.0)
    keys = [(f"c{number}", method) for number in range(credentials) for method in cost_of]
    now, arrivals = 0.0, []
    while now < 2.5 * world.window:
        # bursts, trickles and pauses, some of them longer than a minute
        now += chance.choice([0.0, 0.1, 2.0, 60.0, 200.0]) * chance.random() / scale
        key = chance.choice(keys)
        arrivals += [(now, key)] * chance.choice([1, 1, 5, 200])
    run = Run(world, arrivals=arrivals).until(3 * world.window)
    assert run.refused == []


@settings(max_examples=10, deadline=None)
@given(_seeds, st.sampled_from(["operating", "finish", "reset_at"]))
def test_what_is_not_told_now_and_then(seed: int, missing: str) -> None:
    """An answer without `operating` counts with its duration until the next one tells."""
    chance = random.Random(seed)
    world = _world(1.0, lambda method, bound: min(bound, chance.uniform(0.2, 2.0)), chance, 0.5)
    run = Run(replace(world, leaves_out=lambda: {missing} if chance.random() < 0.3 else set()), HOOK)
    assert run.until(2.5 * world.window).refused == []


@pytest.mark.parametrize("scale", [1.0, 60.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_call_that_breaks_the_bound_costs_at_most_what_is_under_way(scale: float, seed: int) -> None:
    """Heavy tails: Pareto costs without a mean, cut at the portal's limit for requests."""
    chance = random.Random(seed)
    world = _world(scale, lambda method, bound: min(CUT, 0.05 * chance.paretovariate(1.0)) / scale, chance, 0.2)
    run = Run(world, HOOK).until(5 * world.window)
    assert len(run.refused) <= 3 * 50
    assert run.use(HOOK, world.window, 5 * world.window) > 0.5


@settings(max_examples=10, deadline=None)
@given(_seeds, _scales, st.floats(0.1, 1.5))
def test_somebody_else_spends_too(seed: int, scale: float, share: float) -> None:
    """Refusals happen; each holds the method until something is forgotten, and what is free is used."""
    chance = random.Random(seed)
    world = _world(scale, lambda method, bound: min(bound, chance.uniform(0.1, 1.0) / scale), chance, 0.3)
    foreign = {HOOK: lambda since: 0.8 * share if int(since / world.window) % 2 else 0.0}
    run = Run(replace(world, foreign=foreign), HOOK).until(4 * world.window)
    # a round of refusals is at most what was under way, and there are few rounds
    assert len(run.refused) <= 4 * 60
    assert run.use(HOOK, 0, world.window) > 0.95
    if share < 0.9:
        assert run.spent(HOOK, 3 * world.window, 4 * world.window) > 0


def test_the_budget_is_as_large_as_before_when_the_other_has_gone() -> None:
    chance = random.Random(1)
    world = _world(1.0, lambda method, bound: chance.uniform(0.1, 0.3), chance, 0.3)
    world = replace(world, foreign={HOOK: lambda since: 0.5 if 600 < since < 1500 else 0.0})
    run = Run(world, HOOK).until(4200)
    assert 0 < run.use(HOOK, 900, 1500) < 0.6
    assert run.use(HOOK, 2400, 4200) >= 0.97


@settings(max_examples=8, deadline=None)
@given(_seeds, st.floats(0.0, 599.0), st.floats(0.1, 4000.0))
def test_a_clock_that_is_set_back_neither_stops_it_nor_costs_a_refusal(seed: int, at: float, back: float) -> None:
    chance = random.Random(seed)
    world = _world(1.0, lambda method, bound: min(bound, chance.uniform(0.1, 1.0)), chance, 0.3)
    world = replace(world, clock=lambda now: now - back if now > START + 600 + at else now)
    run = Run(world, HOOK).until(2400)
    assert run.refused == []
    assert run.use(HOOK, 1200, 2400) > 0.9


@settings(max_examples=10, deadline=None)
@given(_seeds, _scales, st.floats(0.05, 8.0), st.floats(0.2, 1.8))
def test_a_new_owner_does_not_run_into_what_the_one_before_has_spent(
    seed: int, scale: float, mean: float, at: float
) -> None:
    chance = random.Random(seed)
    world = _world(scale, lambda method, bound: min(bound, chance.uniform(0.5, 1.5) * mean / scale), chance, 0.3)
    run = Run(world, HOOK).until(at * world.window)
    run.change_owner().until((at + 1.5) * world.window)
    # the first question may meet a level that the owner before had just crossed
    assert len(run.refused) <= 1
