"""The rules `reopen` and `shrink`: what must happen to shipments before the basket of an order can change.

    {"method": "sale.order.get", "params": {"id": 7}, "rule": "shrink",
     "wanted": {"shipments": [{"xmlId": "H", "goods": [{"line": "A", "quantity": "2"}]}],
                "lines": [{"xmlId": "A", "productId": 5}]}}

A portal gives no line of the basket less than its shipments hold, deletes none that lies in a shipped one, and changes
nothing in a shipped one. So shipped ones whose content is to change are taken back first (`reopen`), then what is too
much leaves the shipments (`shrink`), then the basket changes; `shipment_items` and `delivered` bring the rest.

Both rules read the whole order; what the message does not name stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from pipeline.portal.plan import CallStep
from pipeline.portal.reconciling.compare import checked, external_rows, number_of, same
from pipeline.portal.reconciling.documents import SHIPMENT, kept
from pipeline.portal.rules import rule

__all__ = ["REOPEN", "SHRINK", "reopen", "shrink"]

REOPEN = "reopen"
SHRINK = "shrink"
#: (line, quantity) of an item in a shipment; None: its line goes
_Held = tuple[str | None, Any]


@rule(REOPEN)
def reopen(current: list[Any], wanted: Any) -> Iterable[CallStep]:
    """One update for each shipped shipment whose content is to change."""
    for place, (row, goods, items) in enumerate(_shipments(REOPEN, current, wanted)):
        held = {line: quantity for line, quantity in items.values() if line is not None}
        as_wanted = (
            len(held) == len(items)
            and held.keys() == goods.keys()
            and all(same(held[line], quantity) for line, quantity in goods.items())
        )
        if row.get("deducted") == "Y" and not as_wanted:
            fields = {**kept(row, SHIPMENT), "deducted": "N"}
            params = {"id": number_of(row), "fields": fields}
            yield CallStep(name=f"reopen{place}", method="sale.shipment.update", params=params)


@rule(SHRINK)
def shrink(current: list[Any], wanted: Any) -> Iterable[CallStep]:
    """Deletions of items, and smaller quantities."""
    for _, goods, items in _shipments(SHRINK, current, wanted):
        for number, (line, quantity) in items.items():
            asked = None if line is None else goods.get(line)
            if asked is None:
                yield CallStep(name=f"less{number}", method="sale.shipmentitem.delete", params={"id": number})
            elif Decimal(str(asked)) < Decimal(str(quantity or 0)):
                params = {"id": number, "fields": {"quantity": asked}}
                yield CallStep(name=f"less{number}", method="sale.shipmentitem.update", params=params)


def _shipments(
    name: str, current: list[Any], wanted: Any
) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[int, _Held]]]:
    """Shipments of the message that are there: row, wanted quantities by line, items by their ids."""
    given = checked(name, wanted, "shipments", "lines")
    order = current[0].get("order") if current and isinstance(current[0], dict) else None
    if not isinstance(order, dict):
        return
    lines, _ = external_rows(order.get("basketItems") or ())
    products = {line["xmlId"]: int(line["productId"] or 0) for line in given["lines"]}
    staying = {
        number_of(row): external
        for external, row in lines.items()
        if external in products and int(row.get("productId") or 0) == products[external]
    }
    held, _ = external_rows(row for row in order.get("shipments") or () if row.get("system") != "Y")
    for one in given["shipments"]:
        row = held.get(one["xmlId"])
        if row is not None:
            goods = {good["line"]: good["quantity"] for good in one["goods"]}
            rows = [item for item in row.get("shipmentItems") or () if isinstance(item, dict)]
            items = {number_of(item): (staying.get(int(item["basketId"])), item.get("quantity")) for item in rows}
            yield row, goods, items
