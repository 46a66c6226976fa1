"""The rule `payments`: payments of an order become what is wanted, by their external ids.

    wanted = {"order": 7, "key": "<XML_ID of the order>", "removed": "delete" | "keep",
              "items": [{"xmlId", "fields": {"paySystemId", "sum", "paid", ...}}]}

A portal deletes no payment that is paid, so with `delete` those that are no longer wanted become unpaid here, and the
rule `gone` deletes them in a later step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.portal.plan import CallStep, UpsertStep
from pipeline.portal.reconciling.compare import checked, number_of
from pipeline.portal.reconciling.documents import made_as_wanted, no_longer_wanted
from pipeline.portal.rules import rule

__all__ = ["NAME", "payments"]

NAME = "payments"


@rule(NAME)
def payments(current: list[Any], wanted: Any) -> Iterable[CallStep | UpsertStep]:
    """Additions, changes, and `paid: N` for those that are to go."""
    given = {**checked(NAME, wanted, "order", "key", "items", "removed"), "always": ("paySystemId",)}
    steps = list(made_as_wanted("payment", current, given))
    if given["removed"] == "delete":
        for place, row in enumerate(no_longer_wanted(current, given)):
            if row.get("paid") == "Y":
                fields = {"paySystemId": row.get("paySystemId"), "paid": "N"}
                params = {"id": number_of(row), "fields": fields}
                steps.append(CallStep(name=f"unpaid{place}", method="sale.payment.update", params=params))
    return steps
