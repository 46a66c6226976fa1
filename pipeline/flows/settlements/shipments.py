"""Shipments of an order, what lies in them, and which are delivered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipeline.flows.messages.model import Shipment
from pipeline.flows.settlements.goods import goods_of, lines_of
from pipeline.flows.settlements.orders import OrderSteps, moment
from pipeline.flows.texts import written
from pipeline.portal.plan import Key
from pipeline.portal.plan_builder import If, Made
from pipeline.portal.plan_steps import MOST_KEYS
from pipeline.portal.reconciling import delivered, shipment_items, shipments

__all__ = ["add_shipments"]

_NONE = 0
_DELIVERED = {"allowDelivery": "Y", "deducted": "Y"}
_NOT_DELIVERED = {"allowDelivery": "N", "deducted": "N"}


def add_shipments(order: OrderSteps, made: Made) -> None:
    """Shipments, then their items, then what is delivered: a shipped one takes no items any more.

    The steps are there for an order without shipments, too: they note its version, so that an older message which had
    some changes nothing.
    """
    given = order.order.shipments
    removed = order.mapping.shipment.removed
    items = [_item(order, one, f"{order.path}.SHIPMENTS[{place}]") for place, one in enumerate(given)]
    wanted = {**order.own(made), "removed": removed, "items": items}
    step = order.reconcile(made, "shipments", "sale.shipment.list", shipments.NAME, wanted)
    if removed == "delete":
        step = order.gone(made, "shipment", [one.xml_id for one in given], after=step)
    ids = _find(order, made, "shipment", [one.xml_id for one in given], step)
    _deliver(order, made, ids, _fill(order, made, ids))


def _item(order: OrderSteps, one: Shipment, path: str) -> dict[str, Any]:
    status = order.words.shipment_status(one.status, f"{path}.STATUS")
    fields: dict[str, Any] = {"deliveryId": order.mapping.shipment.delivery}
    fields |= {"deliveryDocNum": one.number or None, "deliveryDocDate": moment(one.created)}
    if status is not None:
        fields["statusId"] = status
    if not one.delivered:
        fields |= _NOT_DELIVERED
    return {"xmlId": one.xml_id, "fields": fields, "new": _NOT_DELIVERED}


def _fill(order: OrderSteps, made: Made, ids: list[If]) -> str:
    lines = lines_of(goods_of(order.order))
    found = _find(order, made, "basketitem", [line.xml_id for line in lines.values()], order.basket_step())
    line_ids = dict(zip(lines, found, strict=True))
    items = []
    for number, shipment in enumerate(order.order.shipments):
        quantities: dict[tuple[str, Decimal], Decimal] = {}
        for good in shipment.goods:
            key = (good.xml_id, good.price)
            quantities[key] = quantities.get(key, Decimal(0)) + good.quantity
        items += [
            {"shipment": ids[number], "line": line_ids[key], "quantity": written(quantity)}
            for key, quantity in quantities.items()
        ]
    wanted = {"shipments": ids, "items": items}
    where: dict[str, Any] = {"@orderDeliveryId": ids or [_NONE]}
    return order.reconcile(made, "items", "sale.shipmentitem.list", shipment_items.NAME, wanted, where=where)


def _deliver(order: OrderSteps, made: Made, ids: list[If], after: str) -> None:
    fields = {**_DELIVERED, "deliveryId": order.mapping.shipment.delivery}
    marked = [
        {"id": number, "fields": fields}
        for number, one in zip(ids, order.order.shipments, strict=True)
        if one.delivered
    ]
    wanted = {"shipments": marked}
    order.reconcile(made, "delivered", "sale.shipment.list", delivered.NAME, wanted, after=(after,))


def _find(order: OrderSteps, made: Made, entity: str, externals: list[str], after: str) -> list[If]:
    """Ids of what has just been made, which links know without a call.

    0 is nothing: what an older message names may be gone, and then no step of it needs an id.
    """
    keys = [Key(id=external, originator=order.order.xml_id) for external in externals]
    ids: list[If] = []
    for start in range(0, len(keys), MOST_KEYS):
        part = keys[start : start + MOST_KEYS]
        name = f"{order.prefix}{entity}s{start // MOST_KEYS}"
        found = order.steps.find(name, entity, part, within={"orderId": made.id}, after=(after,))
        ids += [If(found.found(place, ""), found.found(place), _NONE) for place in range(len(part))]
    return ids
