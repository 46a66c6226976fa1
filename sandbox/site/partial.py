"""Settlements that do not carry all of their lists: a key that is absent means that nothing has changed there."""

from __future__ import annotations

import random
from typing import Any

__all__ = ["without_lists"]

_PAYMENTS = ("PAYNEMTS", "PAYMENTS")


def without_lists(dice: random.Random, body: dict[str, Any], *, goods: bool) -> dict[str, Any]:
    """The application with an order that lacks its payments.

    `goods`: or its shipments, or both, or the application without its orders.
    """
    if goods and dice.random() < 0.3:
        return {key: value for key, value in body.items() if key != "ORDERS"}
    left_out = dice.choice((_PAYMENTS, ("SHIPMENTS",), ("SHIPMENTS", *_PAYMENTS))) if goods else _PAYMENTS
    orders = list(body["ORDERS"])
    place = dice.randrange(len(orders))
    orders[place] = {key: value for key, value in orders[place].items() if key not in left_out}
    return {**body, "ORDERS": orders}
