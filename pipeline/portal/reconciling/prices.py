"""The rule `prices`: prices of a product become what is wanted; those of other types stay.

    {"name": "prices", "do": "reconcile", "method": "catalog.price.list", "params": {"filter": {"productId": 5}},
     "rule": "prices", "wanted": {"product": 5, "prices": [{"catalogGroupId": 1, "price": "9.90", "currency": "RUB"}]}}

`catalog.price.modify` removes the prices whose ids it is not given (its page), so all others go with it by their ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.portal.plan import CallStep
from pipeline.portal.reconciling.compare import changed, checked, number_of, rows_by_id
from pipeline.portal.rules import rule

__all__ = ["NAME", "prices"]

NAME = "prices"
_KEPT = ("catalogGroupId", "price", "currency", "quantityFrom", "quantityTo")
_RANGE = ("quantityFrom", "quantityTo")


@rule(NAME)
def prices(current: list[Any], wanted: Any) -> Iterable[CallStep]:
    """At most one `catalog.price.modify`. A type that is wanted has one price, without ranges of quantities."""
    given = checked(NAME, wanted, "product", "prices")
    rows = rows_by_id(current)
    asked = {int(item["catalogGroupId"]): item for item in given["prices"]}
    result: list[dict[str, Any]] = []
    differs = False
    placed: set[int] = set()
    for row in rows:
        group = int(row.get("catalogGroupId") or 0)
        if group not in asked:
            result.append({"id": number_of(row), **{name: row[name] for name in _KEPT if row.get(name) is not None}})
        elif group in placed or any(row.get(name) for name in _RANGE):
            differs = True
        else:
            placed.add(group)
            differs = differs or bool(changed(row, asked[group]))
            result.append({"id": number_of(row), **asked[group]})
    missing = [item for group, item in asked.items() if group not in placed]
    if not missing and not differs:
        return []
    product = {"id": int(given["product"]), "prices": [*result, *missing]}
    return [CallStep(name=NAME, method="catalog.price.modify", params={"fields": {"product": product}})]
