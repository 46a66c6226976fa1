"""The rule `gone`: payments or shipments of an order that are no longer wanted are deleted.

    wanted = {"entity": "payment" | "shipment", "keep": ["<external id>", ...]}

Only rows with an external id of ours go, and never the portal's own system shipment.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.delivery.errors import Permanent
from pipeline.portal.plan import CallStep
from pipeline.portal.reconciling.compare import checked, number_of
from pipeline.portal.reconciling.documents import no_longer_wanted
from pipeline.portal.rules import rule

__all__ = ["NAME", "gone"]

NAME = "gone"


@rule(NAME)
def gone(current: list[Any], wanted: Any) -> Iterable[CallStep]:
    """One deletion each."""
    given = checked(NAME, wanted, "entity", "keep")
    if given["entity"] not in ("payment", "shipment"):
        raise Permanent(f"rule {NAME}: entity {given['entity']!r} is neither payment nor shipment")
    own = [row for row in current if isinstance(row, dict) and row.get("system") != "Y"]
    return [
        CallStep(name=f"gone{place}", method=f"sale.{given['entity']}.delete", params={"id": number_of(row)})
        for place, row in enumerate(no_longer_wanted(own, given))
    ]
