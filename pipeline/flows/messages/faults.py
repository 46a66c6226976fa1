"""What is wrong with a message: every fault with its wire path, in one text (issue 5, section 1)."""

from __future__ import annotations

import re
from typing import Any

from pipeline.delivery.errors import BadInput

__all__ = ["Faults", "Unfit", "masked", "shown"]

SHOWN = 60
LISTED = 50
ITEMS = 10_000
"""Items of all lists of a message: orders, goods, properties, values ..

As many as become plans well within the time that a worker may stand still (half of Kafka's session timeout, 15 s unless
set otherwise): 3,300 orders of one line each take some 8 s. A message beyond that would end each worker that takes it.
"""

_MAIL = re.compile(r"[^\s@,;<>'\"]{1,64}@[^\s@,;<>'\"]{1,190}")
_PHONE = re.compile(
    r"(?<!\d)(?:\+\d|[78])[\s(-]{0,2}\d{3}[\s)-]{0,2}\d{3}[\s-]?\d{2}[\s-]?\d{2}(?!\d)|\+\d{9,15}(?!\d)"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Unfit(Exception):
    """A value is not what its key takes; the text says it: "is no number"."""


def masked(text: str) -> str:
    """The text without the persons in it: addresses of mail and phone numbers become stars."""
    return _PHONE.sub("***", _MAIL.sub("***@***", text))


def shown(value: Any) -> str:
    """A faulty value as a fault shows it: cut, masked, one line; never the content of an object or a list."""
    if isinstance(value, str):
        text = _CONTROL.sub(" ", masked(value[: SHOWN * 4]))
        return f"'{text[:SHOWN]}…'" if len(text) > SHOWN else f"'{text}'"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else masked(str(value)[:SHOWN])


class Faults:
    """The faults of one message in the order in which they were met, and how many items may still be read of it."""

    __slots__ = ("count", "lines", "room")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0
        self.room = ITEMS

    def value(self, path: str, value: Any, why: str) -> None:
        """A value is wrong: `ORDERS[2].GOODS[0].QUANTITY: '1,5 шт' is no number`."""
        self.note(f"{path}: {shown(value)} {why}")

    def missing(self, path: str, expected: str) -> None:
        """A value is missing: `ORDERS[3].XML_ID is missing: expected a text or a number`."""
        self.note(f"{path} is missing: expected {expected}")

    def note(self, text: str) -> None:
        """Any other fault; the text begins with its path."""
        self.count += 1
        if self.count <= LISTED:
            self.lines.append(text)

    def fits(self, path: str, value: Any) -> bool:
        """Whether the items of a list (or object) may be read; else a fault: no message may hold up the others."""
        count = len(value) if isinstance(value, dict | list) else 0
        if count > self.room >= 0:
            before = f", {ITEMS - self.room} came before" if self.room < ITEMS else ""
            self.note(f"{path} has {count} items: expected at most {ITEMS} in all lists of a message{before}")
        self.room -= count
        return self.room >= 0 or not count

    def check(self) -> None:
        """Raises BadInput that lists the faults; the fiftieth is followed by the number of the others."""
        if self.lines:
            more = self.count - LISTED
            rest = [f"and {more} more faults"] if more > 0 else []
            raise BadInput("; ".join([*self.lines, *rest]))
