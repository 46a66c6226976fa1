"""pipeline/portal/limits/spent.py: what the portal surely forgets, against its own minutes (Meter of the sandbox)."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.portal.limits.spent import Spent
from sandbox.portal.operating import Meter

KEY = ("user", "token", "crm.deal.add")


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from([5.0, 60.0, 400.0]))
def test_never_more_than_the_portal_has_forgotten(seed: int, calls: int, longest_gap: float) -> None:
    """Calls that overlap and end in any order; after each state the mirror is cut as the governor does it."""
    chance = random.Random(seed)
    meter, spent, now, ends = Meter(480.0, whole=False), Spent(600.0), 1_800_000_000.0, []
    for _ in range(calls):
        now += chance.uniform(0, longest_gap)
        ends.append((now + (seconds := chance.choice([0.05, 0.5, 20.0, 70.0]) * chance.random()), seconds))
    now = 0.0
    for finish, seconds in sorted(ends):
        now = finish
        meter.charge(KEY, finish - seconds, seconds)
        spent.add(finish - seconds, finish, seconds)
        state = meter.state(KEY, finish)
        # a thousandth of a second is lost on the wire
        spent.forget(state.reset_at + 0.001 - 600.0 if state.operating else finish)
        assert spent.total <= state.operating + 1e-6
    told = state.operating
    for later in range(0, 700, 7):
        counted = meter.state(KEY, now + later).operating
        assert told - spent.freed(now + later) >= counted - 1e-6


def test_a_call_is_forgotten_one_window_after_its_end() -> None:
    spent = Spent(600.0)
    spent.add(100.0, 110.0, 10.0)
    spent.add(300.0, 301.0, 1.0)
    assert spent.total == 11.0
    assert [spent.freed(now) for now in (709.0, 710.0, 900.0, 901.0)] == [0.0, 10.0, 10.0, 11.0]
    assert list(spent.frees()) == [710.0, 901.0]


def test_calls_of_one_moment_are_one_slot() -> None:
    spent = Spent(600.0)
    for number in range(10_000):
        spent.add(100.0 + number / 100, 100.2 + number / 100, 0.2)
    assert len(list(spent.frees())) <= 101
    assert abs(spent.total - 2000.0) < 1e-6


def test_what_is_not_billed_frees_nothing() -> None:
    spent = Spent(600.0)
    spent.add(100.0, 100.05, 0.05)
    assert spent.total == 0.0
    fast = Spent(10.0)
    fast.add(100.0, 100.05, 0.05)
    assert fast.total == 0.05


def test_what_may_be_forgotten_is_not_counted_on() -> None:
    spent = Spent(600.0)
    spent.add(100.0, 101.0, 1.0)
    spent.add(200.0, 201.0, 1.0)
    spent.forget(100.0)
    assert (spent.total, spent.freed(710.0)) == (1.0, 0.0)
    spent.add(99.0, 102.0, 3.0)
    assert spent.total == 1.0
    spent.drop(801.0)
    assert spent.total == 0.0
