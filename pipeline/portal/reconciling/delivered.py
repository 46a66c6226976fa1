"""The rule `delivered`: shipments whose goods have been handed over are marked so, after their items are in them.

    wanted = {"shipments": [{"id": 3, "fields": {"allowDelivery": "Y", "deducted": "Y", "deliveryId": 1}}, ...]}

What else is in `wanted` (goods, lines) makes the step run again when shipments were taken back to be changed.

A step of its own, since a portal puts no items into a shipment that is shipped. Nothing to read (`unless_new`: the
order was just added) means that none is marked yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.portal.plan import CallStep
from pipeline.portal.reconciling.compare import changed, checked, needed, number_of, rows_by_id
from pipeline.portal.rules import rule

__all__ = ["NAME", "delivered"]

NAME = "delivered"


@rule(NAME)
def delivered(current: list[Any], wanted: Any) -> Iterable[CallStep]:
    """One update for each shipment that is not as wanted."""
    given = checked(NAME, wanted, "shipments")
    held = {number_of(row): row for row in rows_by_id(current)}
    steps = []
    for place, item in enumerate(given["shipments"]):
        number = needed(NAME, "a shipment", item["id"])
        if changed(held.get(number, {}), item["fields"]):
            params = {"id": number, "fields": item["fields"]}
            steps.append(CallStep(name=f"delivered{place}", method="sale.shipment.update", params=params))
    return steps
