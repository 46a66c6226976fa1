"""Mutual settlements: applications with orders, shipments, goods and payments, and what becomes of them in a day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.site.clock import Clock, Sender, changes_of
from sandbox.site.forms import amount, date, flag, identity, nothing
from sandbox.site.message import Message
from sandbox.site.partial import without_lists
from sandbox.site.products import leaves, product_id
from sandbox.site.sizes import Sizes
from sandbox.site.users import user_id

__all__ = [
    "EXCHANGE",
    "KINDS",
    "ORDER_STATUSES",
    "SHIPMENT_STATUSES",
    "STATUSES",
    "settlement_id",
    "settlement_messages",
]

EXCHANGE = "mutualsettlements"
KINDS = ("application", "request")
"""Keys of the envelope."""
STATUSES = ("NEW", "В работе", "SHIPPED", "DONE", "0")
ORDER_STATUSES = ("N", "ACCEPTED", "Выполнен")
SHIPMENT_STATUSES = ("WAIT", "SENT")
_SOURCES = ("WEB", "CALL", "1C")
_USERS = ("7", "12", None)


def settlement_id(number: int) -> str:
    """XML_ID of an application; every second one is made of digits."""
    return str(880_000 + number) if number % 2 else f"MS-{number:05}"


def settlement_messages(dice: random.Random, sizes: Sizes, clock: Clock) -> Iterator[Message]:
    """All messages of all applications, application by application, one in each envelope."""
    for number in range(sizes.settlements):
        key = settlement_id(number)
        sender = Sender(dice, sizes, EXCHANGE, f"settlement:{key}")
        times = list(clock.times(dice, "settlement", changes_of(dice, sizes)))
        application = _Application(dice, number, sizes, times[0])
        # dice of their own: what is left out changes nothing else
        gaps = random.Random(f"{key} {times[0]} lists")
        for turn, at in enumerate(times):
            if turn:
                application.change()
            body = application.body()
            if turn and gaps.random() < sizes.partial:
                body = without_lists(gaps, body, goods=sizes.partial_goods)
            yield _enveloped(sender.message(body, at), dice.choice(KINDS))


def _enveloped(message: Message, kind: str) -> Message:
    body = b'{"' + kind.encode() + b'":' + message.body + b"}"
    return Message(
        message.exchange,
        message.routing_key,
        body,
        message.keys,
        message.at,
        message.timestamp,
        message.message_id,
        message.versioned,
    )


class _Application:
    def __init__(self, dice: random.Random, number: int, sizes: Sizes, created: datetime) -> None:
        self._dice = dice
        self._number = number
        self._created = created - timedelta(days=dice.randrange(1, 30), seconds=dice.randrange(3600))
        self.status = dice.choice(STATUSES)
        stranger = dice.random() < sizes.strangers or not sizes.users
        self.company = f"unknown-{number % 5}" if stranger else user_id(dice.randrange(sizes.users))
        self.with_company = dice.random() < 0.95
        self.source = dice.choice(_SOURCES)
        self.assigned = dice.choice(_USERS)
        self.orders = [_Order(dice, f"{settlement_id(number)}-{turn}", sizes) for turn in range(dice.randint(1, 3))]

    def change(self) -> None:
        dice = self._dice
        if dice.random() < 0.5:
            self.status = dice.choice(STATUSES)
        dice.choice(self.orders).change()

    def body(self) -> dict[str, Any]:
        dice = self._dice
        body: dict[str, Any] = {
            "XML_ID": identity(dice, settlement_id(self._number)),
            "NUMBER": identity(dice, str(1000 + self._number)),
            "STATUS": self.status,
            "DATE_CREATE": date(dice, self._created),
            "COMPANY": identity(dice, self.company) if self.with_company else nothing(dice),
            "SOURCE": self.source,
            "ORDERS": [order.body(self._created) for order in self.orders],
        }
        if self.assigned is not None:
            body["ASSIGNED_BY_ID"] = identity(dice, self.assigned)
        elif dice.random() < 0.5:
            body["ASSIGNED_BY_ID"] = nothing(dice)
        if dice.random() < 0.2:
            body |= {"COMMENT_1C": "из 1С", "FLAGS": {"A": [1, 2]}}
        return body


class _Order:
    """Lines are quantities by good, for each shipment; the same good in two shipments has one price."""

    def __init__(self, dice: random.Random, key: str, sizes: Sizes) -> None:
        self._dice = dice
        self.key = key
        self.status = dice.choice(ORDER_STATUSES)
        self.user = dice.choice(_USERS)
        self.cashback = Decimal(dice.randrange(0, 5000)) / 10
        self.prices = {good: Decimal(dice.randrange(100, 500_000)) / 100 for good in _goods(dice, key, sizes)}
        goods = list(self.prices)
        self.shipments = [self._lines(goods) for _ in range(dice.randint(1, 3))]
        self.delivered = [dice.random() < 0.3 for _ in self.shipments]
        self.payments = {
            f"{key}-P{number}": (Decimal(dice.randrange(100, 900_000)) / 100, dice.random() < 0.5)
            for number in range(dice.randint(0, 3))
        }

    def _lines(self, goods: list[str]) -> dict[str, Decimal]:
        some = self._dice.sample(goods, self._dice.randint(1, len(goods)))
        return {good: self._quantity() for good in some}

    def _quantity(self) -> Decimal:
        dice = self._dice
        return Decimal(dice.randrange(1, 60)) if dice.random() < 0.8 else Decimal(dice.randrange(1, 400)) / 8

    def change(self) -> None:
        dice = self._dice
        what = dice.choice(("quantity", "line", "pay", "payment", "withdrawn", "delivered", "status", "price"))
        lines = dice.choice(self.shipments)
        if what == "quantity":
            lines[dice.choice(list(lines))] = self._quantity()
        elif what == "line" and len(lines) > 1:
            del lines[dice.choice(list(lines))]
        elif what == "line":
            lines[dice.choice(list(self.prices))] = self._quantity()
        elif what == "pay" and self.payments:
            key = dice.choice(list(self.payments))
            self.payments[key] = (self.payments[key][0], not self.payments[key][1])
        elif what == "payment":
            self.payments[f"{self.key}-P{dice.randrange(10, 99)}"] = (Decimal(dice.randrange(100, 900)), False)
        elif what == "withdrawn" and self.payments:
            del self.payments[dice.choice(list(self.payments))]
        elif what == "delivered":
            place = dice.randrange(len(self.delivered))
            self.delivered[place] = not self.delivered[place]
        elif what == "status":
            self.status = dice.choice(ORDER_STATUSES)
        elif what == "price":
            self.prices[dice.choice(list(self.prices))] = Decimal(dice.randrange(100, 500_000)) / 100

    def body(self, created: datetime) -> dict[str, Any]:
        dice = self._dice
        none: list[Any] = [[], "", None]
        payments = [self._payment(key, created) for key in self.payments]
        body: dict[str, Any] = {
            "XML_ID": self.key,
            "NUMBER": f"Z-{self.key}",
            "STATUS": self.status,
            "DATE_CREATE": date(dice, created),
            "SHIPMENTS": [self._shipment(place, created) for place in range(len(self.shipments))],
            dice.choice(("PAYNEMTS", "PAYNEMTS", "PAYMENTS")): payments or dice.choice(none),
            dice.choice(("CACHBACK", "CASHBACK")): amount(dice, self.cashback),
        }
        if self.user is not None:
            body["USER_ID"] = identity(dice, self.user)
        return body

    def _shipment(self, place: int, created: datetime) -> dict[str, Any]:
        dice = self._dice
        on = self.delivered[place]
        goods = [
            {
                "XML_ID": identity(dice, good),
                "QUANTITY": amount(dice, quantity),
                "PRICE": amount(dice, self.prices[good]),
            }
            for good, quantity in self.shipments[place].items()
        ]
        return {
            "XML_ID": f"{self.key}-S{place}",
            "NUMBER": identity(dice, str(place + 1)),
            "STATUS": SHIPMENT_STATUSES[on],
            "DATE_CREATE": date(dice, created),
            dice.choice(("DELEVERY", "DELEVERY", "DELIVERY")): identity(dice, "1") if on else dice.choice((0, "0", "")),
            "GOODS": goods,
        }

    def _payment(self, key: str, created: datetime) -> dict[str, Any]:
        dice = self._dice
        total, paid = self.payments[key]
        body = {
            "XML_ID": key,
            "NUMBER": f"PP-{key[-2:]}",
            "SUM": amount(dice, total),
            "STATUS": flag(dice, paid),
            "DATE_CREATE": date(dice, created),
            "DATE_PAY": date(dice, created + timedelta(days=1)) if paid else nothing(dice),
            "DATE_PAY_BEFORE": date(dice, created + timedelta(days=10)),
        }
        if dice.random() < 0.2:
            body["DATE_PAY_BEFORE"] = dice.choice(("", "01.01.0001"))
        return body


def _goods(dice: random.Random, key: str, sizes: Sizes) -> list[str]:
    sold = [number for number in range(sizes.products) if sizes.sold_when_inactive or not leaves(number)]
    goods = [product_id(number) for number in dice.sample(sold, min(len(sold), dice.randint(1, 5)))]
    if dice.random() < sizes.strangers or not goods:
        goods.append(f"no-such-good-{key}")
    return goods
