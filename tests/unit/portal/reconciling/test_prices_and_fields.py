"""The rules `prices` and `fields`, and what counts as the same value."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.delivery.errors import Permanent
from pipeline.portal.plan import CallStep
from pipeline.portal.reconciling.compare import same
from pipeline.portal.reconciling.fields import fields
from pipeline.portal.reconciling.prices import prices

MINE = {"catalogGroupId": 1, "price": "9.90", "currency": "RUB"}
OTHER = {"id": 8, "catalogGroupId": 2, "price": 7, "currency": "RUB", "quantityFrom": 10, "quantityTo": None}


def modified(current: list[Any], *wanted: dict[str, Any]) -> Any:
    steps = list(prices(current, {"product": "5", "prices": list(wanted)}))
    if not steps:
        return None
    (step,) = steps
    assert isinstance(step, CallStep) and step.method == "catalog.price.modify"
    product = step.params["fields"]["product"]
    assert product["id"] == 5
    return product["prices"]


def test_prices_of_other_types_go_along_by_their_ids() -> None:
    kept = {"id": 8, "catalogGroupId": 2, "price": 7, "currency": "RUB", "quantityFrom": 10}
    assert modified([OTHER], MINE) == [kept, MINE]
    assert modified([], MINE) == [MINE]
    assert modified([OTHER, {"id": 9, **MINE, "price": 9}], MINE) == [kept, {"id": 9, **MINE}]


def test_prices_as_wanted_make_no_call() -> None:
    assert modified([OTHER, {"id": 9, **MINE, "price": 9.9}], MINE) is None
    assert modified([OTHER]) is None


def test_a_price_by_ranges_becomes_one() -> None:
    ranges = [{"id": n, **MINE, "quantityFrom": n, "quantityTo": n + 1} for n in (1, 2)]
    assert modified(ranges, MINE) == [MINE]
    assert modified([{"id": 3, **MINE}, {"id": 4, **MINE}], MINE) == [{"id": 3, **MINE}]


def field_steps(row: Any, wanted: dict[str, Any], **more: Any) -> list[Any]:
    given = {"entity": "company", "id": "5", "fields": wanted, **more}
    steps = fields([] if row is None else [row], given)
    return [step.params["fields"] for step in steps if isinstance(step, CallStep)]


def test_only_what_differs_is_written() -> None:
    row = {"ID": "5", "TITLE": "A", "UF_CRM_N": "1.0", "PHONE": [{"ID": "1", "VALUE": "+7 495 000-00-00"}]}
    assert field_steps(row, {"TITLE": "B", "UF_CRM_N": "1"}) == [{"TITLE": "B"}]
    assert field_steps(row, {"TITLE": "A"}) == []
    assert field_steps(row, {"ADDRESS": ""}) == []
    assert field_steps(row, {"PHONE": [{"VALUE": "84950000000", "VALUE_TYPE": "WORK"}]}, keep=True) == [
        {"PHONE": [{"ID": "1", "VALUE": "84950000000", "VALUE_TYPE": "WORK"}]}
    ]


def test_what_was_just_added_has_its_fields() -> None:
    assert field_steps(None, {"TITLE": "B", "PHONE": ["1"]}) == []


@pytest.mark.parametrize(
    ("row", "wanted", "text"),
    [
        ({"ID": "6"}, {}, "must be crm.company.get of 5"),
        ({"ID": "5"}, {"entity": "order"}, "is none of company"),
        ({"ID": "5"}, {"fields": None}, "wanted is no object"),
    ],
)
def test_a_wrong_plan_is_told(row: Any, wanted: dict[str, Any], text: str) -> None:
    with pytest.raises(Permanent, match=text):
        list(fields([row], {"entity": "company", "id": 5, "fields": {}, **wanted}))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("1.50", 1.5, True),
        (None, "", True),
        (" A ", "A", True),
        ("a", "A", False),
        (True, "Y", True),
        ("2026-01-01T00:00:00+03:00", "2025-12-31T21:00:00+00:00", True),
        ("2026-01-01T00:00:00+03:00", "2026-01-01T00:00:00+00:00", False),
        ("NaN", "NaN", True),
        ("0", "", False),
    ],
)
def test_same(one: Any, other: Any, equal: bool) -> None:
    assert same(one, other) is equal
