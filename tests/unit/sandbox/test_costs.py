"""What a call costs."""

import pytest

from sandbox.portal.costs import DOCUMENTED_COSTS, Costs


@pytest.mark.parametrize(
    ("method", "seconds"),
    [
        ("crm.deal.list", 0.16),
        ("catalog.product.list", 0.16),
        ("crm.deal.get", 0.05),
        ("crm.company.update", 0.26),
        ("crm.lead.add", 0.65),
        ("crm.item.add", 1.0),
        ("crm.item.update", 1.0),
        ("crm.deal.productrows.set", 0.57),
        ("crm.requisite.add", 0.33),
        ("crm.deal.userfield.add", 0.19),
        ("crm.timeline.comment.add", 0.09),
        ("profile", 0.02),
        ("batch", 0.0),
    ],
)
def test_documented(method: str, seconds: float) -> None:
    assert Costs(DOCUMENTED_COSTS).of(method) == seconds


def test_jitter_is_even_and_repeatable() -> None:
    draws = [[Costs({"*": 0.5}, jitter=0.2, seed=seed).draw("profile")] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    costs = Costs({"*": 0.5}, jitter=0.2)
    many = [costs.draw("profile") for _ in range(2000)]
    assert 0.4 <= min(many) < 0.41
    assert 0.59 < max(many) <= 0.6
    assert sum(many) / len(many) == pytest.approx(0.5, rel=0.02)


def test_no_jitter_is_exact() -> None:
    assert {Costs({"*": 0.5}).draw("profile") for _ in range(10)} == {0.5}
