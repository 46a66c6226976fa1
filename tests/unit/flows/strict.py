"""What the shop of a real portal refuses beside what its REST pages say: orders that would no longer add up.

The names of the refusals are those of the shop's own code; the simulator keeps to the documentation and lets them pass.
"""

from __future__ import annotations

from typing import Any

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.store import Store

__all__ = ["check"]


def check(store: Store, method: str, params: Any) -> None:
    """Raises RestError for a call that breaks an order. A deleted line leaves its shipments."""
    family, _, verb = method.rpartition(".")
    number, fields = int(params.get("id") or 0), params.get("fields") or {}
    if family == "sale.payment" and verb == "delete" and store.tables["payment"].rows[number]["paid"] == "Y":
        _refuse("PAYMENT_EXIST_PAID")
    if family == "sale.payment" and verb == "update" and "sum" in fields:
        _check_sum(store.tables["payment"].rows[number], fields)
    if family == "sale.shipment" and verb == "delete" and _is_shipped(store, number):
        _refuse("SALE_SHIPMENT_EXIST_SHIPPED")
    if family == "sale.basketitem" and verb in ("update", "delete"):
        _check_line(store, verb, number, fields)
    if family == "sale.shipmentitem" and verb in ("add", "update", "delete"):
        _check_item(store, verb, number, fields)


def _check_sum(row: Any, fields: Any) -> None:
    """Fields are set one after another."""
    names = list(fields)
    paid = fields["paid"] if "paid" in fields and names.index("paid") < names.index("sum") else row["paid"]
    if paid == "Y" and float(fields["sum"]) != row["sum"]:
        _refuse("SALE_PAYMENT_NOT_ALLOWED_CHANGE_SUM")


def _check_line(store: Store, verb: str, number: int, fields: Any) -> None:
    items = store.tables["shipment_item"]
    own = items.where("basketId", number)
    if verb == "update" and float(fields.get("quantity", 10**9)) < sum(item["quantity"] for item in own):
        _refuse("SALE_ORDER_SYSTEM_SHIPMENT_LESS_QUANTITY")
    if verb == "delete":
        if any(_is_shipped(store, item["orderDeliveryId"]) for item in own):
            _refuse("SALE_BASKET_ITEM_SHIPPED")
        for item in own:
            items.delete(item["id"])


def _check_item(store: Store, verb: str, number: int, fields: Any) -> None:
    items = store.tables["shipment_item"]
    row = fields if verb == "add" else items.rows[number]
    if _is_shipped(store, int(row["orderDeliveryId"])):
        _refuse("SALE_SHIPMENT_ALREADY_SHIPPED_CANNOT_EDIT")
    if verb == "delete":
        return
    others = sum(item["quantity"] for item in items.where("basketId", int(row["basketId"])) if item["id"] != number)
    if others + float(fields["quantity"]) > store.tables["basket_item"].rows[int(row["basketId"])]["quantity"]:
        _refuse("SALE_SHIPMENT_ITEM_LESS_AVAILABLE_QUANTITY")


def _is_shipped(store: Store, shipment: int) -> bool:
    return bool(store.tables["shipment"].rows[shipment]["deducted"] == "Y")


def _refuse(code: str) -> None:
    raise RestError(Problem(400, code, code))
