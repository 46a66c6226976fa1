"""The rule `shipment_items`: what lies in shipments becomes what is wanted; the quantity is that of the shipment.

    wanted = {"shipments": [3, 4], "items": [{"shipment": 3, "line": 11, "quantity": "2"}, ...]}

`current`: `sale.shipmentitem.list` of these shipments. Items of other shipments are not touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.portal.plan import CallStep
from pipeline.portal.reconciling.compare import checked, needed, number_of, rows_by_id, same
from pipeline.portal.rules import rule

__all__ = ["NAME", "shipment_items"]

NAME = "shipment_items"


@rule(NAME)
def shipment_items(current: list[Any], wanted: Any) -> Iterable[CallStep]:
    """Deletions first, so that no quantity is in two shipments for a while."""
    given = checked(NAME, wanted, "shipments", "items")
    ours = {needed(NAME, "a shipment", number) for number in given["shipments"]}
    asked = {
        (int(item["shipment"]), needed(NAME, "a line of the basket", item["line"])): item["quantity"]
        for item in given["items"]
    }
    gone, changes = [], []
    left = dict(asked)
    for row in rows_by_id(current):
        place = int(row.get("orderDeliveryId") or 0), int(row.get("basketId") or 0)
        if place[0] not in ours:
            continue
        quantity = left.pop(place, None)
        if quantity is None:
            gone.append(_call("delete", number_of(row), {"id": number_of(row)}))
        elif not same(row.get("quantity"), quantity):
            changes.append(_call("update", number_of(row), {"id": number_of(row), "fields": {"quantity": quantity}}))
    for (shipment, line), quantity in left.items():
        fields = {"orderDeliveryId": shipment, "basketId": line, "quantity": quantity}
        changes.append(_call("add", f"{shipment}-{line}", {"fields": fields}))
    return [*gone, *changes]


def _call(verb: str, place: int | str, params: dict[str, Any]) -> CallStep:
    return CallStep(name=f"{verb}{place}", method=f"sale.shipmentitem.{verb}", params=params)
