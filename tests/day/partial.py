"""Settlements that do not carry all of their lists: each list is that of the newest message that carries it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.day.wire import identity

__all__ = ["newest_goods", "whole"]

_LISTS = (("SHIPMENTS",), ("PAYNEMTS", "PAYMENTS"))


def whole(bodies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The newest body (the last one), with what it does not carry taken from those before it."""
    orders: dict[str, dict[str, Any]] = {}
    for body in bodies:
        if "ORDERS" in body:
            given = {identity(one["XML_ID"]): one for one in body["ORDERS"]}
            orders = {key: _with(one, orders.get(key, {})) for key, one in given.items()}
    return {**bodies[-1], "ORDERS": list(orders.values())}


def newest_goods(bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Orders of the newest body that carries the goods of each: rows and sum of the deal are theirs."""
    for body in reversed(bodies):
        if "ORDERS" in body and all("SHIPMENTS" in order for order in body["ORDERS"]):
            return list(body["ORDERS"])
    return []


def _with(order: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    kept = [key for keys in _LISTS if not any(key in order for key in keys) for key in keys if key in earlier]
    return {**order, **{key: earlier[key] for key in kept}}
