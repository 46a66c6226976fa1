"""Older flat settlements: PAYMENTS, SHIPMENTS and GOODS beside ORDERS, put back into the tree by their references.

    ORDERS: [{XML_ID}]                                  ORDERS
    PAYMENTS: [{ORDER_XML_ID}]                 ->         PAYNEMTS
    SHIPMENTS: [{XML_ID, ORDER_XML_ID}]                   SHIPMENTS
    GOODS: [{SHIPMENT_XML_ID} or {ORDER_XML_ID}]            GOODS

An item that refers to no order (or shipment) of the message is a fault. GOODS of an order that name no shipment are
lines of the order (flows/settlements/goods.py says how they go with those of its shipments).

A list beside ORDERS is carried for every order, also for those that nothing in it refers to. A key that is nowhere says
nothing: what it would hold is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.flows.messages.reader import Reader, same

__all__ = ["DELIVERY", "PAYMENTS", "OrderParts", "ShipmentParts", "assemble"]

PAYMENTS = ("PAYNEMTS", "PAYMENTS")
DELIVERY = ("DELEVERY", "DELIVERY")
_ORDER = ("XML_ID", "NUMBER", "SHIPMENTS", "GOODS", *PAYMENTS)
_SHIPMENT = ("XML_ID", "ORDER_XML_ID", "NUMBER", "GOODS", *DELIVERY)
_PAYMENT = ("XML_ID", "ORDER_XML_ID", "NUMBER", "SUM")
_GOOD = ("XML_ID", "ORDER_XML_ID", "SHIPMENT_XML_ID", "QUANTITY", "PRICE")


@dataclass(slots=True)
class ShipmentParts:
    """A shipment and its goods, wherever the message has them."""

    reader: Reader
    xml_id: str
    goods: list[Reader] = field(default_factory=list)


@dataclass(slots=True)
class OrderParts:
    """An order and what belongs to it, wherever the message has it; `has_...`: is it anywhere?"""

    reader: Reader
    xml_id: str
    shipments: list[ShipmentParts] = field(default_factory=list)
    payments: list[Reader] = field(default_factory=list)
    goods: list[Reader] = field(default_factory=list)
    has_shipments: bool = False
    has_payments: bool = False
    has_goods: bool = False


_Shipments = dict[str, list[tuple[OrderParts, ShipmentParts]]]


def assemble(application: Reader) -> list[OrderParts]:
    """The orders of an application with all that belongs to them; faults are in the reader."""
    orders = _orders(application)
    for payment in application.objects(*PAYMENTS, single=_PAYMENT):
        if order := _order_of(payment, orders):
            order.payments.append(payment)
    for shipment in application.objects("SHIPMENTS", single=_SHIPMENT):
        order = _order_of(shipment, orders)
        parts = _shipment(shipment)
        if order:
            order.shipments.append(parts)
    goods = application.objects("GOODS", single=_GOOD)
    shipments = _by_id(orders.values()) if goods else {}
    for good in goods:
        _place_good(good, orders, shipments)
    for order in orders.values():
        _note_carried(order, application)
    return list(orders.values())


def _note_carried(order: OrderParts, application: Reader) -> None:
    order.has_shipments = order.reader.has("SHIPMENTS") or application.has("SHIPMENTS")
    order.has_payments = order.reader.has(*PAYMENTS) or application.has(*PAYMENTS)
    if order.reader.has("GOODS") or application.has("GOODS"):
        order.has_goods = True
        return
    without = [one.reader for one in order.shipments if not one.reader.has("GOODS")]
    order.has_goods = order.has_shipments and not without
    if len(without) < len(order.shipments):
        for reader in without:
            # half a basket: neither can it be made, nor may what is said of the other half be passed over
            reader.faults.missing(reader.at("GOODS"), "a list, as other shipments of the order have one")


def _orders(application: Reader) -> dict[str, OrderParts]:
    orders: dict[str, OrderParts] = {}
    for reader in application.objects("ORDERS", single=_ORDER):
        xml_id = reader.xml_id()
        # an order without an id is read on under its path, which no id is: its other faults are listed as well
        key = xml_id or f"\0{reader.path}"
        if key in orders:
            if not same(orders[key].reader.data, reader.data):
                where = orders[key].reader.path
                reader.faults.value(reader.at("XML_ID"), xml_id, f"is also in {where} with different content")
            continue
        order = orders[key] = OrderParts(reader, xml_id)
        order.payments = reader.objects(*PAYMENTS, single=_PAYMENT)
        order.shipments = [_shipment(one) for one in reader.objects("SHIPMENTS", single=_SHIPMENT)]
        goods = reader.objects("GOODS", single=_GOOD)
        shipments = _by_id([order]) if goods else {}
        for good in goods:
            if good.data.get("SHIPMENT_XML_ID"):
                _to_shipment(good, shipments, None)
            else:
                order.goods.append(good)
    return orders


def _shipment(reader: Reader) -> ShipmentParts:
    return ShipmentParts(reader, reader.xml_id(), reader.objects("GOODS", single=_GOOD))


def _order_of(item: Reader, orders: dict[str, OrderParts]) -> OrderParts | None:
    known = item.faults.count
    xml_id = item.xml_id("ORDER_XML_ID")
    found = orders.get(xml_id)
    if found is None and item.faults.count == known:
        item.faults.value(item.at("ORDER_XML_ID"), xml_id, "is no order of the message")
    return found


def _by_id(orders: Iterable[OrderParts]) -> _Shipments:
    """Shipments by id, each with its order."""
    found: _Shipments = {}
    for order in orders:
        for parts in order.shipments:
            found.setdefault(parts.xml_id, []).append((order, parts))
    return found


def _place_good(good: Reader, orders: dict[str, OrderParts], shipments: _Shipments) -> None:
    if not good.data.get("ORDER_XML_ID") and not good.data.get("SHIPMENT_XML_ID"):
        good.faults.note(f"{good.path} belongs to nothing: expected ORDER_XML_ID or SHIPMENT_XML_ID")
        return
    order = None
    if good.data.get("ORDER_XML_ID"):
        order = _order_of(good, orders)
        if order is None:
            return
        if not good.data.get("SHIPMENT_XML_ID"):
            order.goods.append(good)
            return
    _to_shipment(good, shipments, order)


def _to_shipment(good: Reader, shipments: _Shipments, within: OrderParts | None) -> None:
    xml_id = good.id("SHIPMENT_XML_ID")
    if xml_id is None:
        return
    found = [(order, parts) for order, parts in shipments.get(xml_id, ()) if within is None or order is within]
    if not found:
        good.faults.value(good.at("SHIPMENT_XML_ID"), xml_id, "is no shipment of the message")
    elif len({id(order) for order, _ in found}) > 1:
        good.faults.value(good.at("SHIPMENT_XML_ID"), xml_id, "is in several orders: expected ORDER_XML_ID as well")
    else:
        found[0][1].goods.append(good)
