"""Orders, baskets, payments, shipments, links to deals, payments of deals; documented errors."""

from typing import Any

import pytest

from tests.unit.sandbox.calling import Desk

ORDER = {"lid": "s1", "personTypeId": 1, "currency": "RUB"}
ITEM = {"orderId": 1, "productId": 0, "currency": "RUB", "quantity": 2, "name": "I"}


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.result("sale.order.add", {"fields": {**ORDER, "xmlId": "o-1", "id1c": "1c"}})
    return desk


def test_an_update_of_a_shipment_keeps_neither_status_nor_price_that_it_does_not_say(desk: Desk) -> None:
    """sale.shipment.update."""
    order = desk.result("sale.order.add", {"fields": {"lid": "s1", "personTypeId": 1, "currency": "RUB"}})["order"]
    flags = {"allowDelivery": "N", "deducted": "N", "deliveryId": 1}
    given = {"orderId": order["id"], **flags, "statusId": "DD", "basePriceDelivery": 300}
    number = desk.result("sale.shipment.add", {"fields": given})["shipment"]["id"]

    def updated(**more: object) -> tuple[object, ...]:
        row = desk.result("sale.shipment.update", {"id": number, "fields": {**flags, **more}})["shipment"]
        return row["statusId"], row["basePriceDelivery"], row["priceDelivery"]

    assert updated(statusId="DD", priceDelivery=250) == ("DD", 250, 250)
    assert updated(statusId="DD", priceDelivery=250, basePriceDelivery=200) == ("DD", 200, 200)
    assert updated() == ("DN", 0, 0)


def test_orders(desk: Desk) -> None:
    order = desk.result("sale.order.get", {"id": 1})["order"]
    assert (order["xmlId"], order["accountNumber"], order["statusId"], order["payed"]) == ("o-1", "1", "N", "N")
    assert (order["comments"], order["price"], order["basketItems"], order["userId"]) == ("", 0, [], None)
    made = desk.result("sale.order.add", {"fields": {**ORDER, "price": 100, "no": 1}})["order"]
    assert made["xmlId"].startswith("bx_")
    assert made["price"] == 100
    desk.result("sale.order.add", {"fields": {**ORDER, "xmlId": "o-1"}})
    reply = desk.reply(
        "sale.order.list", {"filter": {"xmlId": "o-1"}, "select": ["id", "xmlId"], "order": {"id": "desc"}}
    )
    assert (reply.result["orders"], reply.total) == ([{"id": 3, "xmlId": "o-1"}, {"id": 1, "xmlId": "o-1"}], 2)
    changed = desk.result("sale.order.update", {"id": 1, "fields": {"statusId": "P", "canceled": "Y"}})["order"]
    assert (changed["statusId"], changed["canceled"]) == ("P", "Y")
    assert changed["dateCanceled"] is not None
    assert desk.last is not None
    assert [change.event for change in desk.last.changes] == ["ONORDERENTITYSAVED"]
    assert desk.result("sale.order.delete", {"id": 1}) is True


def test_a_basket_makes_the_price(desk: Desk) -> None:
    item = desk.result("sale.basketitem.add", {"fields": {**ITEM, "price": 10, "customPrice": "Y", "xmlId": "b-1"}})
    assert (item["basketItem"]["price"], item["basketItem"]["properties"], item["basketItem"]["xmlId"]) == (
        10,
        [],
        "b-1",
    )
    desk.result("catalog.product.add", {"fields": {"iblockId": 23, "name": "P"}})
    price = {"productId": 1, "catalogGroupId": 1, "price": 7, "currency": "RUB"}
    desk.result("catalog.price.add", {"fields": price})
    named = {name: value for name, value in ITEM.items() if name != "productId"}
    second = desk.result("sale.basketitem.add", {"fields": {**named, "productid": 1, "price": 99}})["basketItem"]
    assert (second["productId"], second["price"], second["basePrice"]) == (1, 7, 7), "the catalogue decides"
    loose = {**ITEM, "price": 1, "basePrice": 5, "discountPrice": 1, "customPrice": "Y"}
    assert desk.result("sale.basketitem.add", {"fields": loose})["basketItem"]["basePrice"] == 5, "nobody adds up"
    assert desk.result("sale.order.get", {"id": 1})["order"]["price"] == 20 + 14 + 2
    desk.result("sale.basketitem.update", {"id": 1, "fields": {"quantity": 1}})
    desk.result("sale.basketitem.delete", {"id": 3})
    assert desk.result("sale.order.get", {"id": 1})["order"]["price"] == 10 + 14
    rows = desk.result("sale.basketitem.list", {"filter": {"orderId": 1}, "select": ["id"]})["basketItems"]
    assert rows == [{"id": 1}, {"id": 2}]


def test_payments_and_shipments(desk: Desk) -> None:
    desk.result("sale.basketitem.add", {"fields": {**ITEM, "price": 50, "customPrice": "Y"}})
    payment = desk.result("sale.payment.add", {"fields": {"orderId": 1, "paySystemId": 2, "sum": 100, "xmlId": "p"}})
    shown = payment["payment"]
    assert (shown["accountNumber"], shown["paid"], shown["paySystemName"], shown["paySystemIsCash"]) == (
        "1/1",
        "N",
        "Cash",
        "Y",
    )
    paid = desk.result("sale.payment.update", {"id": 1, "fields": {"paySystemId": 2, "paid": "Y", "orderId": 9}})
    paid = paid["payment"]
    assert (paid["paid"], paid["datePaid"] is None, paid["orderId"]) == ("Y", False, 1)
    assert desk.result("sale.order.get", {"id": 1})["order"]["payed"] == "Y"
    fields = {"orderId": 1, "allowDelivery": "Y", "deducted": "N", "deliveryId": 2, "basePriceDelivery": 5}
    shipment = desk.result("sale.shipment.add", {"fields": fields})["shipment"]
    assert (shipment["deliveryName"], shipment["priceDelivery"], shipment["statusId"]) == ("Courier", 5, "DN")
    item = desk.result("sale.shipmentitem.add", {"fields": {"orderDeliveryId": 1, "basketId": 1, "quantity": 2}})
    assert item["shipmentItem"]["reservedQuantity"] == 0
    order = desk.result("sale.order.get", {"id": 1})["order"]
    assert (order["price"], order["payed"], len(order["shipments"][0]["shipmentItems"])) == (105, "N", 1)
    desk.result("sale.order.delete", {"id": 1})
    for name, many in (("payment", "payments"), ("shipment", "shipments"), ("shipmentitem", "shipmentItems")):
        assert desk.result(f"sale.{name}.list")[many] == []


def test_updates_need_what_their_pages_mark(desk: Desk) -> None:
    desk.result("sale.payment.add", {"fields": {"orderId": 1, "paySystemId": 2, "sum": 1}})
    code, text = desk.error("sale.payment.update", {"id": 1, "fields": {"sum": 5}})
    assert (code, text) == (0, "Required fields: paySystemId")
    desk.result("catalog.section.add", {"fields": {"iblockId": 23, "name": "A"}})
    code, text = desk.error("catalog.section.update", {"id": 1, "fields": {"sort": 5}})
    assert (code, text) == (0, "Required fields: iblockId, name")
    fields = {"iblockId": 23, "name": "A", "sort": 5}
    assert desk.result("catalog.section.update", {"id": 1, "fields": fields})["section"]["sort"] == 5


def test_links_are_unique(desk: Desk) -> None:
    fields = {"orderId": 1, "ownerId": 5, "ownerTypeId": 2}
    assert desk.result("crm.orderentity.add", {"fields": fields}) == {"dealOrder": fields}
    code, text = desk.error("crm.orderentity.add", {"fields": fields})
    assert (code, text) == ("201650000001", "Duplicate entry for key [ownerId, ownerTypeId, orderId]")
    params = {"filter": {"=ownerTypeId": 2, "@ownerId": [5, 6]}, "select": ["orderId", "ownerId"]}
    reply = desk.reply("crm.orderentity.list", params)
    assert (reply.result, reply.total) == ({"orderEntity": [{"orderId": 1, "ownerId": 5}]}, 1)
    assert desk.result("crm.orderentity.deleteByFilter", {"fields": fields}) is True
    assert desk.result("crm.orderentity.list") == {"orderEntity": []}
    gone = ("201640400004", "entity relation is not exists")
    assert desk.error("crm.orderentity.deleteByFilter", {"fields": fields}) == gone


def test_payments_of_a_deal(desk: Desk) -> None:
    desk.result("crm.deal.add", {"fields": {}})
    owner = {"entityId": 1, "entityTypeId": 2}
    assert desk.result("crm.item.payment.list", owner) == []
    first = desk.result("crm.item.payment.add", owner)
    assert desk.result("crm.item.payment.add", owner) == first + 1
    assert desk.result("crm.item.payment.pay", {"id": first}) is True
    shown = desk.result("crm.item.payment.get", {"id": first})
    assert (shown["paid"], shown["empPaidId"], shown["sum"], shown["paySystemName"]) == ("Y", 1, 0, "Cash")
    assert len(shown) == 9
    rows = desk.result("crm.item.payment.list", {**owner, "filter": {"@id": [first + 1]}})
    assert [row["id"] for row in rows] == [first + 1]
    assert desk.result("crm.item.payment.unpay", {"id": first}) is True
    assert desk.result("crm.item.payment.delete", {"id": first}) is True
    code, text = desk.error("crm.item.payment.add", {**owner, "entityId": 13})
    assert (code, text) == (0, "Entity with identifier №13 does not exist")


def test_dictionaries(desk: Desk) -> None:
    assert desk.result("sale.status.list", {"filter": {"id": "N"}})["statuses"][0]["color"] == "#BEEDF1"
    assert [row["id"] for row in desk.result("sale.persontype.list")["personTypes"]] == [1, 2]
    systems = desk.result("sale.paysystem.list", {"FILTER": {"IS_CASH": "Y"}, "SELECT": ["ID", "NAME"]})
    assert systems == [{"ID": 2, "NAME": "Cash"}]
    assert desk.result("sale.delivery.getlist", {"SELECT": ["ID"]}) == [{"ID": 1}, {"ID": 2}, {"ID": 3}]


@pytest.mark.parametrize(
    ("method", "params", "code", "text"),
    [
        ("sale.order.add", {}, 100, "Could not find value for parameter {fields}"),
        ("sale.order.add", {"fields": {"lid": "s1"}}, 0, "Required fields: personTypeId, currency"),
        ("sale.propertyvalue.modify", {"fields": {"order": {"id": 9, "propertyValues": []}}}, 200540400001, "does not"),
        ("sale.propertyvalue.modify", {"fields": {"order": {"id": 1}}}, 0, "Required fields: propertyValues"),
        ("sale.order.get", {"id": 9}, 200540400001, "order does not exist"),
        ("sale.order.update", {"id": 9, "fields": {"comments": "x"}}, 200540400001, "order does not exist"),
        ("sale.basketitem.add", {"fields": {**ITEM, "orderId": 0}}, 200140400008, "Required fields: fields[ORDER_ID]"),
        ("sale.basketitem.add", {"fields": {**ITEM, "orderId": 9}}, 200140400009, "Order not found"),
        ("sale.basketitem.add", {"fields": {**ITEM, "currency": "USD"}}, 200140400011, "Currency must be"),
        ("sale.basketitem.add", {"fields": {**ITEM, "productId": 9}}, 200140400007, "bad data"),
        ("sale.basketitem.get", {"id": 9}, 200140400001, "basket item does not exist"),
        ("sale.payment.add", {"fields": {"orderId": 1}}, 0, "Required fields: paySystemId"),
        ("sale.payment.add", {"fields": {"orderId": 9, "paySystemId": 2}}, 0, "Unable to load order"),
        ("sale.payment.get", {"id": 9}, 200640400001, "payment does not exist"),
        ("sale.shipment.get", {"id": 9}, 201140400001, "shipment does not exist"),
        ("sale.shipmentitem.get", {"id": 9}, 201240400001, "shipment item does not exist"),
        (
            "sale.shipment.add",
            {"fields": {"orderId": 1, "allowDelivery": "Y", "deducted": "N", "deliveryId": 9}},
            "SALE_SHIPMENT_WRONG_DELIVERY_SERVICE",
            "",
        ),
        ("crm.orderentity.add", {"fields": {"orderId": 1}}, 0, "Required fields: ownerId, ownerTypeId"),
        ("crm.orderentity.add", {"fields": {"orderId": 9, "ownerId": 1, "ownerTypeId": 2}}, 200540400001, "order does"),
        ("crm.item.payment.add", {"entityId": 1}, 100, "{entityTypeId}"),
        ("crm.item.payment.get", {"id": 9}, 0, "Payment not found"),
    ],
)
def test_errors(desk: Desk, method: str, params: Any, code: Any, text: str) -> None:
    found_code, found_text = desk.error(method, params)
    assert (found_code, text in found_text) == (code, True), found_text


def test_property_values_are_set_whole(desk: Desk) -> None:
    def modify(*values: Any) -> Any:
        order = {"id": 1, "propertyValues": [{"orderPropsId": number, "value": value} for number, value in values]}
        return desk.result("sale.propertyvalue.modify", {"fields": {"order": order}})["propertyValues"]

    first = modify((39, "A"), (40, 15.5), (99, "unknown"))
    assert [(row["orderPropsId"], row["value"], row["code"]) for row in first] == [
        (39, "A", "OLD_DEAL"),
        (40, "15.5", "CACHBACK"),
    ]
    assert [row["value"] for row in modify((40, "16"))] == ["16"], "what is not passed is gone"
    rows = desk.result("sale.propertyvalue.list", {"filter": {"orderId": 1}})["propertyValues"]
    assert [(row["id"], row["orderId"], row["value"]) for row in rows] == [(2, 1, "16")]
    assert [row["id"] for row in desk.result("sale.property.list", {"filter": {"personTypeId": 2}})["properties"]] == [
        30,
        39,
        40,
    ]
    desk.result("sale.order.delete", {"id": 1})
    assert desk.result("sale.propertyvalue.list")["propertyValues"] == []
