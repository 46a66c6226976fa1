"""The rule `shipments`: shipments of an order become what is wanted, by their external ids.

    wanted = {"order": 7, "key": "<XML_ID of the order>", "removed": "delete" | "keep",
              "items": [{"xmlId", "fields": {"deliveryId", "statusId", ...}, "new": {"allowDelivery": "N", ...}}]}

The portal's own system shipment stays as it is. A shipment that is shipped takes no items any more and is not deleted:
a new one begins unshipped, and with `removed: delete` those that are no longer wanted are taken back here; the rule
`gone` deletes them in a later step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.portal.plan import CallStep, UpsertStep
from pipeline.portal.reconciling.compare import checked, number_of
from pipeline.portal.reconciling.documents import SHIPMENT, kept, made_as_wanted, no_longer_wanted
from pipeline.portal.rules import rule

__all__ = ["NAME", "shipments"]

NAME = "shipments"


@rule(NAME)
def shipments(current: list[Any], wanted: Any) -> Iterable[CallStep | UpsertStep]:
    """Additions, changes, and `deducted: N` for those that are to go."""
    given = {**checked(NAME, wanted, "order", "key", "items", "removed"), "always": SHIPMENT}
    own = [row for row in current if isinstance(row, dict) and row.get("system") != "Y"]
    steps = list(made_as_wanted("shipment", own, given))
    if given["removed"] == "delete":
        for place, row in enumerate(no_longer_wanted(own, given)):
            if row.get("deducted") == "Y":
                fields = {**kept(row, SHIPMENT), "deducted": "N"}
                params = {"id": number_of(row), "fields": fields}
                steps.append(CallStep(name=f"back{place}", method="sale.shipment.update", params=params))
    return steps
