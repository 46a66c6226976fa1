"""The rules `reopen` and `shrink`: what leaves shipments before the basket changes."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.delivery.errors import Permanent
from pipeline.portal.plan import CallStep
from pipeline.portal.rules import rule_named

LINES = [{"id": 11, "xmlId": "A", "productId": 5}, {"id": 12, "xmlId": "B", "productId": 0}]
BACK = ("sale.shipment.update", {"id": 3, "fields": {"allowDelivery": "Y", "deducted": "N", "deliveryId": 1}})


def run(name: str, items: dict[int, float], goods: dict[str, str], products: dict[str, int], **more: Any) -> Any:
    """`items`: line id -> quantity in the portal; `goods`: what the message has; the only shipment is shipped."""
    rows = [{"id": 100 + line, "basketId": line, "quantity": quantity} for line, quantity in items.items()]
    shipment = {"id": 3, "xmlId": "H", "allowDelivery": "Y", "deducted": "Y", "deliveryId": 1, "shipmentItems": rows}
    order = {"basketItems": LINES, "shipments": [{**shipment, "id": 2, "system": "Y"}, {**shipment, **more}]}
    wanted = {
        "shipments": [{"xmlId": "H", "goods": [{"line": line, "quantity": text} for line, text in goods.items()]}],
        "lines": [{"xmlId": line, "productId": product} for line, product in products.items()],
    }
    steps = rule_named(name)([{"order": order}], wanted)
    return [(step.method, step.params) for step in steps if isinstance(step, CallStep)]


@pytest.mark.parametrize(
    ("items", "goods", "products", "reopened", "less"),
    [
        pytest.param({11: 2.0}, {"A": "2"}, {"A": 5}, False, [], id="as wanted"),
        pytest.param({11: 2.0}, {"A": "3"}, {"A": 5}, True, [], id="more"),
        pytest.param({11: 2}, {"A": "2", "B": "1"}, {"A": 5, "B": 0}, True, [], id="another line"),
        pytest.param(
            {11: 2.5},
            {"A": "2"},
            {"A": 5},
            True,
            [("sale.shipmentitem.update", {"id": 111, "fields": {"quantity": "2"}})],
            id="less",
        ),
        pytest.param(
            {11: 2, 12: 1}, {"A": "2"}, {"A": 5}, True, [("sale.shipmentitem.delete", {"id": 112})], id="a line is gone"
        ),
        pytest.param(
            {12: 1}, {"B": "1"}, {"B": 7}, True, [("sale.shipmentitem.delete", {"id": 112})], id="its product has come"
        ),
    ],
)
def test_before_the_basket(
    items: dict[int, float], goods: dict[str, str], products: dict[str, int], reopened: bool, less: list[Any]
) -> None:
    assert run("reopen", items, goods, products) == ([BACK] if reopened else [])
    assert run("shrink", items, goods, products) == less
    assert run("reopen", items, goods, products, deducted="N") == [], "what is not shipped may change"


def test_what_the_message_does_not_name_stays() -> None:
    for name in ("reopen", "shrink"):
        assert run(name, {11: 9}, {"A": "1"}, {"A": 5}, xmlId="other") == []
        assert list(rule_named(name)([], {"shipments": [], "lines": []})) == []
        with pytest.raises(Permanent, match=f"rule {name}: wanted has no lines"):
            list(rule_named(name)([], {"shipments": []}))
