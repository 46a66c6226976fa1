"""Sections of the catalogue, three to four levels deep; a parent is named by the site's own number."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from sandbox.site import words
from sandbox.site.clock import Clock, Sender, changes_of
from sandbox.site.forms import identity, nothing
from sandbox.site.message import Message
from sandbox.site.sizes import Sizes

__all__ = ["EXCHANGE", "section_id", "section_messages", "site_number"]

EXCHANGE = "section"
SERVER = "site.www.example.com"
"""The routing key: `site.<server name>`."""
_DEPTH = 4


def section_id(number: int) -> str:
    """XML_ID; every second one is made of digits."""
    return str(9000 + number) if number % 2 else f"sect-{number:04}"


def site_number(number: int) -> str:
    """ID at the site."""
    return str(300 + number)


def section_messages(dice: random.Random, sizes: Sizes, clock: Clock) -> Iterator[Message]:
    """All messages of all sections, section by section."""
    for number in range(sizes.sections):
        key = section_id(number)
        sender = Sender(dice, sizes, EXCHANGE, f"section:{key}")
        for at in clock.times(dice, "section", changes_of(dice, sizes)):
            yield sender.message(_body(dice, number, sizes.sections), at, SERVER)


def _body(dice: random.Random, number: int, count: int) -> dict[str, Any]:
    parent = _parent(dice, number, count)
    body = {
        "ID": identity(dice, site_number(number)),
        "IBLOCK_ID": identity(dice, "5"),
        "XML_ID": identity(dice, section_id(number)),
        "NAME": f"{dice.choice(words.SECTIONS)} {number}",
        "ACTIVE": "N" if dice.random() < 0.1 else "Y",
        "SORT": identity(dice, str(dice.randrange(1, 50) * 10)),
        "IBLOCK_SECTION_ID": dice.choice(("", None, 0, "0")) if parent is None else identity(dice, site_number(parent)),
    }
    if dice.random() < 0.5:
        body |= {"CODE": f"section-{number}", "DESCRIPTION": nothing(dice), "DESCRIPTION_TYPE": "text"}
    if dice.random() < 0.3:
        body |= {"RESULT": True, "MODIFIED_BY": "1", "SEARCHABLE_CONTENT": "..."}
    return body


def _parent(dice: random.Random, number: int, count: int) -> int | None:
    """A section of the level above: levels are ranges of numbers, so nothing can be its own ancestor."""
    level = number * _DEPTH // count
    if level == 0 or dice.random() < 0.1:
        return None
    above = [other for other in range(count) if other * _DEPTH // count == level - 1]
    return dice.choice(above) if above else None
