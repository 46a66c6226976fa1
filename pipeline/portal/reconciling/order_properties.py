"""The rule `order_properties`: properties of an order become what is wanted; all others stay.

    {"method": "sale.propertyvalue.list", "params": {"filter": {"orderId": 7}}, "rule": "order_properties",
     "wanted": {"order": 7, "values": {"40": "150.00"}}}

`sale.propertyvalue.modify` removes the values that it is not given (its page), so all others go with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.portal.plan import CallStep
from pipeline.portal.reconciling.compare import checked, same
from pipeline.portal.rules import rule

__all__ = ["NAME", "order_properties"]

NAME = "order_properties"


@rule(NAME)
def order_properties(current: list[Any], wanted: Any) -> Iterable[CallStep]:
    """At most one `sale.propertyvalue.modify`."""
    given = checked(NAME, wanted, "order", "values")
    held = {int(row["orderPropsId"]): row.get("value") for row in current if _is_value(row)}
    asked = {int(number): value for number, value in given["values"].items()}
    if all(number in held and same(held[number], value) for number, value in asked.items()):
        return []
    kept = {number: _kept(value) for number, value in held.items()}
    values = [{"orderPropsId": number, "value": value} for number, value in {**kept, **asked}.items()]
    order = {"id": int(given["order"]), "propertyValues": values}
    return [CallStep(name=NAME, method="sale.propertyvalue.modify", params={"fields": {"order": order}})]


def _kept(value: Any) -> Any:
    """As it is given back: a file is shown as an object, and kept by its id."""
    if isinstance(value, dict) and "id" in value:
        return str(value["id"])
    return [_kept(item) for item in value] if isinstance(value, list) else value


def _is_value(row: Any) -> bool:
    return isinstance(row, dict) and str(row.get("orderPropsId") or "").isdigit()
