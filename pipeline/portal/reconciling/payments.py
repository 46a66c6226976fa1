"""The rule `payments`: payments of an order become what is wanted, by their external ids.

    wanted = {"order": 7, "key": "<XML_ID of the order>", "removed": "delete" | "keep",
              "items": [{"xmlId", "fields": {"paySystemId", "sum", "paid", ...}}]}

A portal deletes no payment that is paid, so with `delete` those that are no longer wanted become unpaid here, and the
rule `gone` deletes them in a later step. Nor does it change the sum of a paid one: it becomes unpaid here, and the rule
`repaid` (the same `wanted`, a later step) gives it the sum and has it paid again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.portal.plan import CallStep, UpsertStep
from pipeline.portal.reconciling.compare import checked, external_rows, number_of, same
from pipeline.portal.reconciling.documents import made_as_wanted, no_longer_wanted
from pipeline.portal.rules import rule

__all__ = ["NAME", "REPAID", "payments", "repaid"]

NAME = "payments"
REPAID = "repaid"
#: fields that each update must have (sale.payment.update), and one that it may take for N
_ALWAYS = ("paySystemId", "paid")


@rule(NAME)
def payments(current: list[Any], wanted: Any) -> Iterable[CallStep | UpsertStep]:
    """Additions, changes, and `paid: N` for those that are to go."""
    given = {**checked(NAME, wanted, "order", "key", "items", "removed"), "always": _ALWAYS}
    held, _ = external_rows(current)
    dear = {item["xmlId"] for item in given["items"] if _is_paid_otherwise(held.get(item["xmlId"]), item)}
    items = [item for item in given["items"] if item["xmlId"] not in dear]
    steps = list(made_as_wanted("payment", current, {**given, "items": items}))
    gone = no_longer_wanted(current, given) if given["removed"] == "delete" else []
    unpaid = [*(held[external] for external in sorted(dear)), *(row for row in gone if row.get("paid") == "Y")]
    for place, row in enumerate(unpaid):
        params = {"id": number_of(row), "fields": {"paySystemId": row.get("paySystemId"), "paid": "N"}}
        steps.append(CallStep(name=f"unpaid{place}", method="sale.payment.update", params=params))
    return steps


@rule(REPAID)
def repaid(current: list[Any], wanted: Any) -> Iterable[CallStep | UpsertStep]:
    """Changes alone, of what `payments` has made unpaid; nothing to read means that nothing is to be changed."""
    given = {**checked(REPAID, wanted, "order", "key", "items", "removed"), "always": _ALWAYS}
    held, _ = external_rows(current)
    there = [item for item in given["items"] if item["xmlId"] in held]
    return list(made_as_wanted("payment", current, {**given, "items": there}))


def _is_paid_otherwise(row: Mapping[str, Any] | None, item: Mapping[str, Any]) -> bool:
    return row is not None and row.get("paid") == "Y" and not same(row.get("sum"), item["fields"]["sum"])
