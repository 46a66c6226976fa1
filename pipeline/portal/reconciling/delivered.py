"""The rule `delivered`: shipments whose goods have been handed over are marked so, after their items are in them.

    wanted = {"shipments": [{"id": 3, "fields": {"allowDelivery": "Y", "deducted": "Y", "deliveryId": 1}}, ...],
              "statuses": ["DF", ...]}

`statuses`: statusId of each, "" where the message says none; else it stays as it is.

What else is in `wanted` (goods, lines) makes the step run again when shipments were taken back to be changed.

A step of its own, since a portal puts no items into a shipment that is shipped. Nothing to read (`unless_new`: the
order was just added) means that none is marked yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.portal.plan import CallStep
from pipeline.portal.reconciling.compare import changed, checked, needed, number_of, rows_by_id
from pipeline.portal.reconciling.documents import SHIPMENT, kept
from pipeline.portal.rules import rule

__all__ = ["NAME", "delivered"]

NAME = "delivered"


@rule(NAME)
def delivered(current: list[Any], wanted: Any) -> Iterable[CallStep]:
    """One update for each shipment that is not as wanted."""
    given = checked(NAME, wanted, "shipments")
    statuses = given.get("statuses") or [""] * len(given["shipments"])
    held = {number_of(row): row for row in rows_by_id(current)}
    steps = []
    for place, (item, status) in enumerate(zip(given["shipments"], statuses, strict=True)):
        number = needed(NAME, "a shipment", item["id"])
        row = held.get(number, {})
        if changed(row, item["fields"]):
            said = {"statusId": status} if status else {}
            params = {"id": number, "fields": {**kept(row, SHIPMENT), **item["fields"], **said}}
            steps.append(CallStep(name=f"delivered{place}", method="sale.shipment.update", params=params))
    return steps
