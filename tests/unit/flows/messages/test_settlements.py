"""Settlements: what belongs to what, what is given twice, what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import BadInput
from pipeline.flows.messages import decode_settlement
from pipeline.flows.messages.model import Order, Settlement

GOOD = {"XML_ID": "g", "QUANTITY": 1, "PRICE": 10}


def order(**keys: Any) -> Order:
    """The one order of a message."""
    (one,) = decode_settlement(orjson.dumps({"XML_ID": "1", "ORDERS": [{"XML_ID": "o", **keys}]})).orders
    return one


def carried(settlement: Settlement) -> str:
    """What each order carries: s(hipments), p(ayments), g(oods); `-`: the message has no orders."""
    flags = [(one.has_shipments, one.has_payments, one.has_goods) for one in settlement.orders]
    each = ["".join(letter for letter, has in zip("spg", one, strict=True) if has) for one in flags]
    return " ".join(each) if settlement.has_orders else "-"


H, BARE = {"XML_ID": "s", "GOODS": []}, {"XML_ID": "s"}
ONE, TWO = {"XML_ID": "o"}, [{"XML_ID": "o"}, {"XML_ID": "q"}]


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        ({}, "-"),
        ({"PAYMENTS": [], "GOODS": [], "SHIPMENTS": []}, "-"),
        *(({"ORDERS": empty}, "") for empty in ([], {}, "", None, False)),
        ({"ORDERS": [ONE]}, ""),
        *(({"ORDERS": [{**ONE, "PAYNEMTS": empty}]}, "p") for empty in ([], {}, "", None, False)),
        *(({"ORDERS": [{**ONE, "SHIPMENTS": empty}]}, "sg") for empty in ([], {}, "", None, False)),
        ({"ORDERS": [{**ONE, "PAYMENTS": []}]}, "p"),
        ({"ORDERS": [{**ONE, "GOODS": []}]}, "g"),
        ({"ORDERS": [{**ONE, "SHIPMENTS": [H]}]}, "sg"),
        ({"ORDERS": [{**ONE, "SHIPMENTS": [BARE]}]}, "s"),
        ({"ORDERS": [{**ONE, "SHIPMENTS": [BARE], "GOODS": ""}]}, "sg"),
        ({"ORDERS": {"0": {**ONE, "SHIPMENTS": BARE}}, "GOODS": None}, "sg"),
        ({"ORDERS": TWO, "PAYMENTS": [{"XML_ID": "p", "SUM": 1, "ORDER_XML_ID": "o"}]}, "p p"),
        ({"ORDERS": TWO, "SHIPMENTS": [{**H, "ORDER_XML_ID": "o"}]}, "sg sg"),
        ({"ORDERS": TWO, "SHIPMENTS": [{**BARE, "ORDER_XML_ID": "o"}]}, "s sg"),
        ({"ORDERS": TWO, "GOODS": [{**GOOD, "ORDER_XML_ID": "o"}]}, "g g"),
        ({"ORDERS": [{**ONE, "SHIPMENTS": [H]}, {"XML_ID": "q", "PAYNEMTS": []}]}, "sg p"),
    ],
)
def test_a_key_that_is_absent_is_not_carried(application: dict[str, Any], expected: str) -> None:
    assert carried(decode_settlement(orjson.dumps({"XML_ID": "1", **application}))) == expected


def test_half_a_basket_is_a_fault() -> None:
    shipments = [H, {"XML_ID": "t"}]
    assert faults(ORDERS=[{"XML_ID": "o", "SHIPMENTS": shipments}]) == [
        "ORDERS[0].SHIPMENTS[1].GOODS is missing: expected a list, as other shipments of the order have one"
    ]
    assert order(SHIPMENTS=shipments, GOODS=[]).has_goods


def faults(**application: Any) -> list[str]:
    """What is wrong with an application."""
    with pytest.raises(BadInput) as caught:
        decode_settlement(orjson.dumps({"XML_ID": "1", **application}))
    return str(caught.value).split("; ")


def test_goods_of_a_shipment_are_added_up_and_a_quantity_of_nothing_is_no_line() -> None:
    lines = [GOOD, {**GOOD, "QUANTITY": "2,5"}, {**GOOD, "PRICE": 11}, {**GOOD, "XML_ID": "h", "QUANTITY": ""}]
    (shipment,) = order(SHIPMENTS=[{"XML_ID": "s", "GOODS": lines}]).shipments
    assert [(one.xml_id, one.quantity, one.price) for one in shipment.goods] == [
        ("g", Decimal("3.5"), Decimal(10)),
        ("g", Decimal(1), Decimal(11)),
    ]


def test_the_same_good_in_two_shipments_stays_in_both() -> None:
    found = order(SHIPMENTS=[{"XML_ID": "s", "GOODS": [GOOD]}, {"XML_ID": "t", "GOODS": [{**GOOD, "XML_ID": "g"}]}])
    assert [one.goods[0].quantity for one in found.shipments] == [1, 1]


@pytest.mark.parametrize(
    ("value", "delivered"), [(0, False), ("", False), (None, False), (1, True), ("3", True), ("Y", True), (-1, False)]
)
def test_delivery(value: Any, delivered: bool) -> None:
    (shipment,) = order(SHIPMENTS=[{"XML_ID": "s", "DELEVERY": value}]).shipments
    assert shipment.delivered is delivered


def test_the_right_spelling_is_taken_and_an_empty_one_does_not_count() -> None:
    found = order(PAYMENTS=[{"XML_ID": "p", "SUM": "-5"}], PAYNEMTS=[], CASHBACK="1,5", CACHBACK="")
    assert (found.payments[0].sum, found.cashback) == (Decimal(-5), Decimal("1.5"))


def test_given_twice_with_the_same_content_is_given_once() -> None:
    payments = [{"XML_ID": "p", "SUM": 5}, {"XML_ID": "p", "SUM": "5,00"}]
    assert len(order(PAYNEMTS=payments).payments) == 1
    again = {"XML_ID": "o", "NUMBER": 1}
    assert len(decode_settlement(orjson.dumps({"XML_ID": "1", "ORDERS": [again, again]})).orders) == 1


def test_given_twice_with_different_content_is_a_fault() -> None:
    shipment = {"XML_ID": "s", "GOODS": [GOOD]}
    payments = [{"XML_ID": "p", "SUM": 5}, {"XML_ID": "p", "SUM": 6}]
    orders = [
        {"XML_ID": "o", "SHIPMENTS": [shipment, {**shipment, "GOODS": []}], "PAYNEMTS": payments},
        {"XML_ID": "o"},
    ]
    assert faults(ORDERS=orders) == [
        "ORDERS[1].XML_ID: 'o' is also in ORDERS[0] with different content",
        "ORDERS[0].SHIPMENTS[1].XML_ID: 's' is also in ORDERS[0].SHIPMENTS[0] with different content",
        "ORDERS[0].PAYNEMTS[1].XML_ID: 'p' is also in ORDERS[0].PAYNEMTS[0] with different content",
    ]


def test_what_belongs_to_nothing_is_a_fault() -> None:
    shipments = [{"XML_ID": "s", "GOODS": []}]
    found = faults(
        ORDERS=[{"XML_ID": "o", "SHIPMENTS": shipments}, {"XML_ID": "q", "SHIPMENTS": shipments}],
        PAYMENTS=[{"XML_ID": "p", "SUM": 1}, {"XML_ID": "p", "SUM": 1, "ORDER_XML_ID": "none"}],
        GOODS=[GOOD, {**GOOD, "SHIPMENT_XML_ID": "s"}, {**GOOD, "SHIPMENT_XML_ID": "x", "ORDER_XML_ID": "o"}],
    )
    assert found == [
        "PAYMENTS[0].ORDER_XML_ID is missing: expected a text or a number",
        "PAYMENTS[1].ORDER_XML_ID: 'none' is no order of the message",
        "GOODS[0] belongs to nothing: expected ORDER_XML_ID or SHIPMENT_XML_ID",
        "GOODS[1].SHIPMENT_XML_ID: 's' is in several orders: expected ORDER_XML_ID as well",
        "GOODS[2].SHIPMENT_XML_ID: 'x' is no shipment of the message",
    ]


@pytest.mark.parametrize("value", [{}, [], None, 1, "x", {"a": {}}, {"a": 1}])
def test_no_application(value: Any) -> None:
    with pytest.raises(BadInput, match="has no application"):
        decode_settlement(orjson.dumps(value))


def test_several_applications_are_refused_here() -> None:
    with pytest.raises(BadInput, match="2 applications"):
        decode_settlement(orjson.dumps({"a": {"XML_ID": 1}, "b": {"XML_ID": 2}}))


def test_many_faults_end_in_their_number() -> None:
    found = faults(ORDERS=[{"STATUS": [1]}] * 40)
    assert (len(found), found[-1]) == (51, "and 30 more faults")


def test_a_message_has_no_more_items_than_can_be_carried_out() -> None:
    goods = [{}] * 6_000
    orders = [{"XML_ID": "1", "GOODS": goods}, {"XML_ID": "2", "GOODS": goods}]
    (found, *_) = faults(ORDERS=orders)
    assert found == "ORDERS[1].GOODS has 6000 items: expected at most 10000 in all lists of a message, 6002 came before"
