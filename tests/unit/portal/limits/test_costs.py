"""pipeline/portal/limits/costs.py: how long calls are expected to take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portal.limits.costs import FEW, HEADROOM, LONGEST, MEMORY, METHODS, UNKNOWN, Costs

ADD = "crm.deal.add"


@pytest.mark.parametrize(
    ("method", "seconds"),
    [
        ("crm.deal.list", 0.16),
        ("crm.deal.get", 0.05),
        ("crm.company.update", 0.26),
        ("crm.company.add", 0.65),
        ("crm.item.add", 1.8),
        ("crm.item.list", 0.16),
        ("crm.item.import", 2.4),
        ("crm.requisite.add", 0.33),
        ("crm.timeline.comment.add", 0.09),
        ("crm.duplicate.findbycomm", 0.5),
        ("profile", 0.5),
        # an end of the name in whole words
        ("crm.newlist", 0.5),
    ],
)
def test_defaults_by_verb(method: str, seconds: float) -> None:
    assert Costs().expected(method) == seconds
    assert Costs(scale=60.0).expected(method) == pytest.approx(seconds / 60)
    assert Costs().upper(method) == UNKNOWN * seconds


def test_a_wrong_default_does_not_last() -> None:
    costs = Costs()
    for _ in range(30):
        costs.learn(ADD, 3.0)
    assert costs.expected(ADD) == pytest.approx(3.0, rel=0.1)
    assert costs.expected("crm.deal.list") == 0.16


@given(st.lists(st.floats(0.01, 50.0), min_size=20, max_size=200))
def test_the_mean_stays_among_what_was_seen(seconds: list[float]) -> None:
    costs = Costs()
    for value in seconds:
        costs.learn(ADD, value)
    assert min(*seconds, 0.65) <= costs.expected(ADD) <= max(*seconds, 0.65)


@given(st.lists(st.floats(0.0, 60.0), min_size=1, max_size=3 * MEMORY))
def test_the_upper_estimate_covers_the_last_calls(seconds: list[float]) -> None:
    costs = Costs()
    for value in seconds:
        costs.learn(ADD, value)
    assert costs.upper(ADD) >= HEADROOM * max(seconds[-MEMORY:])
    assert costs.upper(ADD) >= costs.expected(ADD)
    if len(seconds) >= FEW:
        remembered = max(seconds[-2 * MEMORY :])
        assert costs.upper(ADD) <= max(HEADROOM * remembered, costs.expected(ADD))


def test_a_dear_call_is_forgotten_in_the_end() -> None:
    costs = Costs()
    costs.learn(ADD, 40.0)
    for _ in range(MEMORY - 1):
        costs.learn(ADD, 0.5)
    assert costs.upper(ADD) == 80.0
    for _ in range(MEMORY + 1):
        costs.learn(ADD, 0.5)
    assert costs.upper(ADD) == pytest.approx(1.0)


def test_few_calls_say_little() -> None:
    costs = Costs()
    for _ in range(FEW - 1):
        costs.learn(ADD, 0.01)
    assert costs.upper(ADD) == UNKNOWN * 0.65
    costs.learn(ADD, 0.01)
    assert costs.upper(ADD) < 0.5


def test_a_cut_doubles_what_is_expected_up_to_a_bound() -> None:
    costs = Costs(scale=2.0)
    costs.timed_out(ADD)
    assert costs.expected(ADD) == 0.65
    for _ in range(20):
        costs.timed_out(ADD)
    assert costs.expected(ADD) == LONGEST / 2
    assert costs.upper(ADD) >= LONGEST / 2
    for _ in range(100):
        costs.learn(ADD, 0.3)
    assert costs.expected(ADD) == pytest.approx(0.3, rel=0.5)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0])
def test_what_is_no_time_is_passed_over(seconds: float) -> None:
    costs = Costs()
    costs.learn(ADD, seconds)
    assert costs.expected(ADD) == 0.65


def test_never_nothing() -> None:
    costs = Costs()
    for _ in range(1000):
        costs.learn(ADD, 0.0)
    assert costs.expected(ADD) > 0


def test_names_come_from_outside() -> None:
    costs = Costs()
    costs.learn("kept.add", 7.0)
    for number in range(2 * METHODS):
        costs.learn(f"m{number}.add", 7.0)
        if number % 100 == 0:
            costs.learn("kept.add", 7.0)
    assert len(costs._known) == METHODS
    assert costs.expected("kept.add") > 6
