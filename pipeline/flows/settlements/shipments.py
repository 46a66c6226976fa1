"""Shipments of an order, what lies in them, and which are delivered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipeline.flows.messages.model import Shipment
from pipeline.flows.settlements.goods import goods_of, lines_of
from pipeline.flows.settlements.orders import OrderSteps, moment
from pipeline.flows.texts import written
from pipeline.portal.plan import Key
from pipeline.portal.plan_builder import Made
from pipeline.portal.reconciling import delivered, shipment_items, shipments

__all__ = ["add_shipments"]

_DELIVERED = {"allowDelivery": "Y", "deducted": "Y"}
_NOT_DELIVERED = {"allowDelivery": "N", "deducted": "N"}


def add_shipments(order: OrderSteps, made: Made) -> None:
    """Shipments, then their items, then what is delivered: a shipped one takes no items any more."""
    given = order.order.shipments
    removed = order.mapping.shipment.removed
    if not given and removed == "keep":
        return
    items = [_item(order, one, f"{order.path}.SHIPMENTS[{place}]") for place, one in enumerate(given)]
    wanted = {**order.own(made), "removed": removed, "items": items}
    step = order.reconcile(made, "shipments", "sale.shipment.list", shipments.NAME, wanted)
    if removed == "delete":
        order.gone(made, "shipment", [one.xml_id for one in given], after=step)
    if given:
        found = _find(order, made, "shipment", [one.xml_id for one in given], step)
        filled = _fill(order, made, found)
        _deliver(order, made, found, filled)


def _item(order: OrderSteps, one: Shipment, path: str) -> dict[str, Any]:
    status = order.words.shipment_status(one.status, f"{path}.STATUS")
    fields: dict[str, Any] = {"deliveryId": order.mapping.shipment.delivery}
    optional = {
        "statusId": status,
        "deliveryDocNum": one.number or None,
        "deliveryDocDate": moment(one.created),
    }
    fields |= {name: value for name, value in optional.items() if value is not None}
    if not one.delivered:
        fields |= _NOT_DELIVERED
    return {"xmlId": one.xml_id, "fields": fields, "new": _NOT_DELIVERED}


def _find(order: OrderSteps, made: Made, entity: str, externals: list[str], after: str) -> Made:
    """Ids of what has just been made: links know them, no call."""
    keys = [Key(id=external, originator=order.order.xml_id) for external in externals]
    return order.steps.find(f"{order.prefix}{entity}s-found", entity, keys, within={"orderId": made.id}, after=(after,))


def _fill(order: OrderSteps, made: Made, found: Made) -> str:
    lines = lines_of(goods_of(order.order))
    places = {key: place for place, key in enumerate(lines)}
    basket = _find(order, made, "basketitem", [line.xml_id for line in lines.values()], order.basket_step())
    items = []
    for number, shipment in enumerate(order.order.shipments):
        quantities: dict[tuple[str, Decimal], Decimal] = {}
        for good in shipment.goods:
            key = (good.xml_id, good.price)
            quantities[key] = quantities.get(key, Decimal(0)) + good.quantity
        items += [
            {"shipment": found.found(number), "line": basket.found(places[key]), "quantity": written(quantity)}
            for key, quantity in quantities.items()
        ]
    ids = [found.found(number) for number in range(len(order.order.shipments))]
    wanted = {"shipments": ids, "items": items}
    return order.reconcile(
        made,
        "items",
        "sale.shipmentitem.list",
        shipment_items.NAME,
        wanted,
        where={"@orderDeliveryId": ids},
        after=(),
    )


def _deliver(order: OrderSteps, made: Made, found: Made, after: str) -> None:
    fields = {**_DELIVERED, "deliveryId": order.mapping.shipment.delivery}
    marked = [
        {"id": found.found(number), "fields": fields}
        for number, one in enumerate(order.order.shipments)
        if one.delivered
    ]
    if marked:
        wanted = {"shipments": marked}
        order.reconcile(made, "delivered", "sale.shipment.list", delivered.NAME, wanted, after=(after,))
