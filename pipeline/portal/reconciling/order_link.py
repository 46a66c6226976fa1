"""The rule `order_link`: an order belongs to a deal.

    {"method": "crm.orderentity.list", "params": {"filter": {"orderId": 7, "ownerTypeId": 2}}, "rule": "order_link",
     "wanted": {"order": 7, "deal": 5}}

A second add of the same link is refused (201650000001), so what is there is read first. Links to other deals stay.
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
    """At most one add."""
    given = checked(NAME, wanted, "order", "deal")
    fields = {"orderId": int(given["order"]), "ownerId": int(given["deal"]), "ownerTypeId": DEAL}
    for row in current:
        if isinstance(row, dict) and all(same(row.get(name), value) for name, value in fields.items()):
            return []
    return [CallStep(name=NAME, method="crm.orderentity.add", params={"fields": fields})]
