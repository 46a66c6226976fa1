"""The rules of orders: basket, payments, shipments, their items, links to deals, properties."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.delivery.errors import Permanent
from pipeline.portal.plan import CallStep, UpsertStep
from pipeline.portal.rules import rule_named

LINE = {"xmlId": "A", "productXmlId": "A", "productId": 5, "price": "10", "quantity": "2"}
ROW = {"id": 1, "xmlId": "A", "productId": 5, "price": 10.0, "basePrice": 10, "discountPrice": 0, "quantity": 2.0}


def run(name: str, current: list[Any], wanted: Any) -> list[tuple[Any, ...]]:
    """Steps in short: method and id, or fields of an add."""
    found: list[tuple[Any, ...]] = []
    for step in rule_named(name)(current, wanted):
        if isinstance(step, UpsertStep):
            assert step.new and step.within == {"orderId": 7} and step.key.originator == "O"
            found.append((f"add {step.entity}", step.key.id, step.fields))
        else:
            assert isinstance(step, CallStep)
            found.append((step.method, step.params.get("id"), step.params.get("fields")))
    return found


def basket(*items: dict[str, Any]) -> dict[str, Any]:
    names = [{"xmlId": item["xmlId"], "name": f"Name {item['xmlId']}"} for item in items]
    return {"order": 7, "key": "O", "currency": "RUB", "items": list(items), "names": names}


@pytest.mark.parametrize(
    ("current", "items", "steps"),
    [
        pytest.param([ROW], [LINE], [], id="as wanted"),
        pytest.param([{**ROW, "name": "renamed"}], [LINE], [], id="a name stays"),
        pytest.param([], [], [], id="nothing"),
        pytest.param([ROW], [], [("sale.basketitem.delete", 1, None)], id="removed"),
        pytest.param([{**ROW, "xmlId": "bx_6f"}, {**ROW, "id": 2, "xmlId": ""}], [], [], id="not ours"),
        pytest.param([{**ROW, "id": 4}, ROW], [LINE], [("sale.basketitem.delete", 4, None)], id="the younger double"),
        pytest.param(
            [{**ROW, "quantity": 1}],
            [LINE],
            [
                (
                    "sale.basketitem.update",
                    1,
                    {"quantity": "2", "price": "10", "basePrice": "10", "discountPrice": "0"},
                )
            ],
            id="changed",
        ),
        pytest.param(
            [{**ROW, "productId": 0}],
            [LINE],
            [
                ("sale.basketitem.delete", 1, None),
                (
                    "add basketitem",
                    "A",
                    {
                        "productId": 5,
                        "productXmlId": "A",
                        "currency": "RUB",
                        "name": "Name A",
                        "quantity": "2",
                        "price": "10",
                        "basePrice": "10",
                        "discountPrice": "0",
                        "customPrice": "Y",
                    },
                ),
            ],
            id="its product has come",
        ),
    ],
)
def test_basket(current: list[Any], items: list[Any], steps: list[Any]) -> None:
    assert run("basket", current, basket(*items)) == steps


def test_a_line_whose_product_is_not_sold_is_made_by_name_and_stays_so() -> None:
    (step,) = rule_named("basket")([], basket(LINE))
    assert isinstance(step, UpsertStep) and step.fallback is not None
    assert step.fallback.codes == ("200140400007",)
    made = {**ROW, **step.fallback.fields}
    assert made["productId"] == 0
    assert run("basket", [made], basket(LINE)) == []
    ((method, number, fields),) = run("basket", [made], basket({**LINE, "quantity": "3"}))
    assert (method, number, fields["quantity"]) == ("sale.basketitem.update", 1, "3"), "it is not replaced"
    other = run("basket", [made], basket({**LINE, "productId": 6}))
    assert [step[0] for step in other] == ["sale.basketitem.delete", "add basketitem"], "another product has come"
    assert run("basket", [made], basket({**LINE, "productId": 0})) == []
    (unknown,) = rule_named("basket")([], basket({**LINE, "productId": 0}))
    assert isinstance(unknown, UpsertStep) and unknown.fallback is None


def payments(*items: dict[str, Any], removed: str = "delete") -> dict[str, Any]:
    return {"order": 7, "key": "O", "removed": removed, "items": list(items)}


PAYMENT = {"xmlId": "P", "fields": {"paySystemId": 1, "sum": "5", "paid": "N", "datePayBefore": None}}
PAID = {"id": 3, "xmlId": "P", "paySystemId": 1, "sum": 5.0, "paid": "Y", "datePayBefore": "2026-01-01T00:00:00+03:00"}


def test_payments() -> None:
    add = {"paySystemId": 1, "sum": "5", "paid": "N"}
    assert run("payments", [], payments(PAYMENT)) == [("add payment", "P", add)], "nothing is left out of an add"
    emptied = {"paySystemId": 1, "paid": "N", "datePayBefore": ""}
    assert run("payments", [PAID], payments(PAYMENT)) == [("sale.payment.update", 3, emptied)]
    as_wanted = {**PAID, "paid": "N", "datePayBefore": None}
    assert run("payments", [as_wanted], payments(PAYMENT)) == []


def test_a_payment_that_is_to_go_is_unpaid_first() -> None:
    unpaid = ("sale.payment.update", 3, {"paySystemId": 1, "paid": "N"})
    assert run("payments", [PAID, {**PAID, "id": 4, "xmlId": "bx_1"}], payments()) == [unpaid]
    assert run("payments", [PAID], payments(removed="keep")) == []
    wanted = {"entity": "payment", "keep": ["Q"]}
    rows = [PAID, {**PAID, "id": 5, "xmlId": "Q"}, {**PAID, "id": 6, "xmlId": "Q"}, {**PAID, "id": 7, "xmlId": ""}]
    assert run("gone", rows, wanted) == [("sale.payment.delete", 3, None), ("sale.payment.delete", 6, None)]
    with pytest.raises(Permanent, match="neither payment nor shipment"):
        run("gone", [], {"entity": "order", "keep": []})


def test_shipments() -> None:
    item = {
        "xmlId": "H",
        "fields": {"deliveryId": 2, "statusId": "DF"},
        "new": {"allowDelivery": "N", "deducted": "N"},
    }
    wanted = {"order": 7, "key": "O", "removed": "delete", "items": [item]}
    system = {"id": 1, "xmlId": "S", "system": "Y", "deducted": "Y"}
    new = {"deliveryId": 2, "statusId": "DF", "allowDelivery": "N", "deducted": "N"}
    assert run("shipments", [system], wanted) == [("add shipment", "H", new)]
    held = {"id": 2, "xmlId": "H", "deliveryId": 2, "statusId": "DN", "allowDelivery": "Y", "deducted": "Y"}
    changed = {"allowDelivery": "Y", "deducted": "Y", "deliveryId": 2, "statusId": "DF"}
    assert run("shipments", [system, held], wanted) == [("sale.shipment.update", 2, changed)], "it stays delivered"
    back = {"allowDelivery": "Y", "deducted": "N", "deliveryId": 2, "statusId": "DN"}
    assert run("shipments", [system, held], {**wanted, "items": []}) == [("sale.shipment.update", 2, back)]
    keep = {"entity": "shipment", "keep": []}
    assert run("gone", [system, held], keep) == [("sale.shipment.delete", 2, None)]


def test_shipment_items() -> None:
    wanted = {"shipments": [3], "items": [{"shipment": 3, "line": 11, "quantity": "2"}]}
    rows = [
        {"id": 1, "orderDeliveryId": 3, "basketId": 11, "quantity": 1},
        {"id": 2, "orderDeliveryId": 3, "basketId": 12, "quantity": 1},
        {"id": 3, "orderDeliveryId": 3, "basketId": 11, "quantity": 1},
        {"id": 4, "orderDeliveryId": 9, "basketId": 11, "quantity": 1},
    ]
    assert run("shipment_items", rows, wanted) == [
        ("sale.shipmentitem.delete", 2, None),
        ("sale.shipmentitem.delete", 3, None),
        ("sale.shipmentitem.update", 1, {"quantity": "2"}),
    ], "items of other shipments stay"
    added = {"orderDeliveryId": 3, "basketId": 11, "quantity": "2"}
    assert run("shipment_items", [], wanted) == [("sale.shipmentitem.add", None, added)]
    assert run("shipment_items", [{**rows[0], "quantity": 2.0}], wanted) == []
    with pytest.raises(Permanent, match="a line of the basket is not there any more"):
        run("shipment_items", [], {"shipments": [3], "items": [{"shipment": 3, "line": 0, "quantity": "2"}]})


def test_delivered() -> None:
    fields = {"allowDelivery": "Y", "deducted": "Y", "deliveryId": 1}
    wanted = {"shipments": [{"id": 3, "fields": fields}], "statuses": [""]}
    assert run("delivered", [], wanted) == [("sale.shipment.update", 3, fields)]
    assert run("delivered", [{"id": 3, **fields}], wanted) == []
    row = {"id": 3, **fields, "deducted": "N", "statusId": "DD", "priceDelivery": 5.0, "other": 1}
    kept = {**fields, "statusId": "DD", "priceDelivery": 5.0}
    assert run("delivered", [row], wanted) == [("sale.shipment.update", 3, kept)], "else status and price are lost"
    told = {**wanted, "statuses": ["DF"]}
    assert run("delivered", [row], told) == [("sale.shipment.update", 3, {**kept, "statusId": "DF"})]
    assert run("delivered", [], told) == [("sale.shipment.update", 3, {**fields, "statusId": "DF"})]


def test_a_change_of_a_shipment_keeps_status_and_price_of_the_delivery() -> None:
    item = {"xmlId": "H", "fields": {"deliveryId": 2, "deliveryDocNum": "9"}}
    wanted = {"order": 7, "key": "O", "removed": "keep", "items": [item]}
    flags = {"allowDelivery": "N", "deducted": "N", "deliveryId": 2}
    row = {"id": 2, "xmlId": "H", **flags, "statusId": "DD", "priceDelivery": 300.5, "basePriceDelivery": 301}
    fields = {**flags, "statusId": "DD", "priceDelivery": 300.5, "deliveryDocNum": "9"}
    assert run("shipments", [row], wanted) == [("sale.shipment.update", 2, fields)]


def test_the_sum_of_a_paid_payment() -> None:
    asked = {"xmlId": "P", "fields": {"paySystemId": 1, "sum": "7", "paid": "Y"}}
    assert run("payments", [PAID], payments(asked)) == [("sale.payment.update", 3, {"paySystemId": 1, "paid": "N"})], (
        "a shop refuses to change it"
    )
    assert run("repaid", [PAID | {"paid": "N"}], payments(asked)) == [
        ("sale.payment.update", 3, {"paySystemId": 1, "sum": "7", "paid": "Y"})
    ]
    (_, _, fields) = run("repaid", [PAID | {"paid": "N"}], payments(asked))[0]
    assert list(fields).index("sum") < list(fields).index("paid"), "fields are set in this order"
    assert run("repaid", [], payments(asked)) == [], "it adds nothing"
    assert run("repaid", [PAID | {"sum": 7}], payments(asked)) == []


def test_order_link() -> None:
    fields = {"orderId": 7, "ownerId": 5, "ownerTypeId": 2}
    wanted = {"order": "7", "deal": "5"}
    add = ("crm.orderentity.add", None, fields)
    assert run("order_link", [], wanted) == [add]
    other = ("crm.orderentity.deleteByFilter", None, {**fields, "ownerId": 4})
    assert run("order_link", [{**fields, "ownerId": 4}], wanted) == [other, add]
    assert run("order_link", [{**fields, "ownerId": "4"}, fields], wanted) == [other]
    invoice = {**fields, "ownerId": 4, "ownerTypeId": 31}
    assert run("order_link", [invoice, fields], wanted) == [], "invoices stay"
    assert run("order_link", [{**fields, "ownerId": "5"}], wanted) == []


def test_order_properties() -> None:
    wanted = {"order": 7, "values": {"40": "1.50"}}
    held = [{"id": 1, "orderPropsId": 39, "value": "x"}, {"id": 2, "orderPropsId": 40, "value": "1"}]
    values = [{"orderPropsId": 39, "value": "x"}, {"orderPropsId": 40, "value": "1.50"}]
    modify = ("sale.propertyvalue.modify", None, {"order": {"id": 7, "propertyValues": values}})
    assert run("order_properties", held, wanted) == [modify], "what is not passed would be removed"
    assert run("order_properties", [{"orderPropsId": 40, "value": 1.5}], wanted) == []
    file = {"id": "948", "fileName": "fit.jpeg", "src": "/upload/fit.jpeg"}
    ((_, _, fields),) = run("order_properties", [{"orderPropsId": 53, "value": [file, file]}], wanted)
    assert fields["order"]["propertyValues"][0] == {"orderPropsId": 53, "value": ["948", "948"]}, "files by their ids"


@pytest.mark.parametrize("name", ["basket", "payments", "shipments", "shipment_items", "order_link", "gone", "prices"])
def test_a_plan_that_asks_for_nothing_is_told(name: str) -> None:
    with pytest.raises(Permanent, match=f"rule {name}: wanted"):
        run(name, [], {})
    with pytest.raises(Permanent, match=f"rule {name}: wanted is no object"):
        run(name, [], None)
