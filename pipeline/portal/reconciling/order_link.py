"""The rule `order_link`: an order belongs to a deal.

    {"method": "crm.orderentity.list", "params": {"filter": {"orderId": 7, "ownerTypeId": 2}}, "rule": "order_link",
     "wanted": {"order": 7, "deal": 5}}

A second add of the same link is refused (201650000001), so what is there is read first. Links to other deals go: an
order that is now in another settlement counts there alone, whichever of the two messages came first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.portal.plan import CallStep
from pipeline.portal.reconciling.compare import checked, same
from pipeline.portal.rules import rule

__all__ = ["DEAL", "NAME", "order_link"]

NAME = "order_link"
#: ownerTypeId
DEAL = 2


@rule(NAME)
def order_link(current: list[Any], wanted: Any) -> Iterable[CallStep]:
    """Links to other deals are taken away, the one to this deal is added."""
    given = checked(NAME, wanted, "order", "deal")
    fields = {"orderId": int(given["order"]), "ownerId": int(given["deal"]), "ownerTypeId": DEAL}
    there, others = False, []
    for row in current:
        if not isinstance(row, dict) or not all(
            same(row.get(name), fields[name]) for name in ("orderId", "ownerTypeId")
        ):
            continue
        if same(row.get("ownerId"), fields["ownerId"]):
            there = True
        elif str(row.get("ownerId") or "").isdigit():
            others.append(int(row["ownerId"]))
    steps = [
        CallStep(
            name=f"other{owner}",
            method="crm.orderentity.deleteByFilter",
            params={"fields": {**fields, "ownerId": owner}},
        )
        for owner in sorted(set(others))
    ]
    if not there:
        steps.append(CallStep(name=NAME, method="crm.orderentity.add", params={"fields": fields}))
    return steps
