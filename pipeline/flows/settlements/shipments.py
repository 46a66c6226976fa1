"""What an order holds: its basket, its shipments, what lies in them, and which are delivered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipeline.flows.messages.model import Shipment
from pipeline.flows.settlements.orders import OrderSteps, moment
from pipeline.flows.texts import written
from pipeline.portal.plan import Key
from pipeline.portal.plan_builder import If, Made
from pipeline.portal.plan_steps import MOST_KEYS
from pipeline.portal.reconciling import delivered, shipment_items, shipments, shipped

__all__ = ["add_content"]

_NONE = 0
_DELIVERED = {"allowDelivery": "Y", "deducted": "Y"}
_NOT_DELIVERED = {"allowDelivery": "N", "deducted": "N"}
#: a portal would put the price of the delivery service on a new one: the sums of a settlement are those of its goods
_NEW = {**_NOT_DELIVERED, "basePriceDelivery": "0"}


def add_content(order: OrderSteps, made: Made) -> None:
    """Steps for basket and shipments, as far as the message carries them; what it does not carry stays."""
    carried = order.order
    if carried.has_goods and carried.has_shipments:
        room = _make_room(order, made)
        _add_shipments(order, made, (room,), order.basket(made, (room,)))
    elif carried.has_goods:
        order.basket(made)
    elif carried.has_shipments:
        _add_shipments(order, made)


def _make_room(order: OrderSteps, made: Made) -> str:
    """The steps before the basket changes (rules `reopen` and `shrink`); returns the name of the last one."""
    goods = [
        {
            "xmlId": shipment.xml_id,
            "goods": [
                {"line": order.lines[key].xml_id, "quantity": written(quantity)}
                for key, quantity in _quantities(shipment).items()
            ],
        }
        for shipment in order.order.shipments
    ]
    wanted = {"shipments": goods, "lines": _lines(order)}
    where = {"id": made.id}
    reopened = order.reconcile(made, "reopen", "sale.order.get", shipped.REOPEN, wanted, params=where)
    return order.reconcile(made, "shrink", "sale.order.get", shipped.SHRINK, wanted, params=where, after=(reopened,))


def _add_shipments(order: OrderSteps, made: Made, room: tuple[str, ...] = (), basket: str = "") -> None:
    """Shipments, then their items, then what is delivered: a shipped one takes no items any more.

    The steps are there for an order without shipments, too: they note its version, so that an older message which had
    some changes nothing. `room`: name of the step after which shipments are no longer taken back; `basket`: of the one
    after which the lines are there, "" = the message does not carry what lies in the shipments.
    """
    given = order.order.shipments
    removed = order.mapping.shipment.removed
    items = [_item(order, one, place) for place, one in enumerate(given)]
    wanted = {**order.own(made), "removed": removed, "items": items}
    step = order.reconcile(made, "shipments", "sale.shipment.list", shipments.NAME, wanted, after=room)
    if removed == "delete":
        step = order.gone(made, "shipment", [one.xml_id for one in given], after=step)
    ids = _find(order, made, "shipment", [one.xml_id for one in given], step)
    _deliver(order, made, ids, _fill(order, made, ids, basket) if basket else step)


def _quantities(shipment: Shipment) -> dict[tuple[str, Decimal], Decimal]:
    """By product and price."""
    found: dict[tuple[str, Decimal], Decimal] = {}
    for good in shipment.goods:
        key = (good.xml_id, good.price)
        found[key] = found.get(key, Decimal(0)) + good.quantity
    return found


def _status(order: OrderSteps, one: Shipment, place: int) -> str | None:
    return order.words.shipment_status(one.status, f"{order.path}.SHIPMENTS[{place}].STATUS")


def _item(order: OrderSteps, one: Shipment, place: int) -> dict[str, Any]:
    status = _status(order, one, place)
    fields: dict[str, Any] = {"deliveryId": order.mapping.shipment.delivery}
    fields |= {"deliveryDocNum": one.number or None, "deliveryDocDate": moment(one.created)}
    if status is not None:
        fields["statusId"] = status
    if not one.delivered:
        fields |= _NOT_DELIVERED
    return {"xmlId": one.xml_id, "fields": fields, "new": _NEW}


def _fill(order: OrderSteps, made: Made, ids: list[If], basket: str) -> str:
    found = _find(order, made, "basketitem", [line.xml_id for line in order.lines.values()], basket)
    line_ids = dict(zip(order.lines, found, strict=True))
    items = [
        {"shipment": number, "line": line_ids[key], "quantity": written(quantity)}
        for number, shipment in zip(ids, order.order.shipments, strict=True)
        for key, quantity in _quantities(shipment).items()
    ]
    params: dict[str, Any] = {"filter": {"@orderDeliveryId": ids or [_NONE]}}
    wanted = {"shipments": ids, "items": items}
    return order.reconcile(made, "items", "sale.shipmentitem.list", shipment_items.NAME, wanted, params=params)


def _deliver(order: OrderSteps, made: Made, ids: list[If], after: str) -> None:
    fields = {**_DELIVERED, "deliveryId": order.mapping.shipment.delivery}
    # with the content: a shipment that was taken back to be changed is delivered again
    own = [(place, one) for place, one in enumerate(order.order.shipments) if one.delivered]
    marked = [{"id": ids[place], "fields": fields, "goods": _content(one)} for place, one in own]
    statuses = [_status(order, one, place) or "" for place, one in own]
    wanted = {"shipments": marked, "lines": _lines(order), "statuses": statuses}
    options: dict[str, Any] = {"after": (after,), "apart": ("statuses",)}
    order.reconcile(made, "delivered", "sale.shipment.list", delivered.NAME, wanted, **options)


def _lines(order: OrderSteps) -> list[dict[str, Any]]:
    return [{"xmlId": line.xml_id, "productId": order.found.product_id(line)} for line in order.lines.values()]


def _content(shipment: Shipment) -> list[str]:
    return [f"{xml_id} {written(price)} {written(n)}" for (xml_id, price), n in _quantities(shipment).items()]


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
