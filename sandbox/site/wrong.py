"""Messages of which nothing but a dead letter can come, each with an object of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator

import orjson

from sandbox.site import products, sections, settlements, users
from sandbox.site.clock import Clock
from sandbox.site.message import Message
from sandbox.site.sizes import Sizes

__all__ = ["wrong_messages"]

_NO_STATUS = {"XML_ID": "MS-wrong", "NUMBER": "1", "STATUS": "no such status", "ORDERS": []}
_KINDS: tuple[tuple[str, str, str, bytes], ...] = (
    ("no XML_ID", users.EXCHANGE, "", orjson.dumps({"NAME": "ООО «Никто»"})),
    ("cut JSON", products.EXCHANGE, "property.brand.VIGRO", b'{"XML_ID": "cut", "NAME": "Bol'),
    ("STATUS in no dictionary", settlements.EXCHANGE, "", orjson.dumps({"application": _NO_STATUS})),
    ("no NAME", sections.EXCHANGE, sections.SERVER, orjson.dumps({"XML_ID": "sect-wrong", "ID": 1})),
)


def wrong_messages(dice: random.Random, sizes: Sizes, clock: Clock) -> Iterator[Message]:
    """So many of them as `sizes.wrong` says, the kinds in turn."""
    for number in range(sizes.wrong):
        why, exchange, routing_key, body = _KINDS[number % len(_KINDS)]
        at = next(clock.times(dice, "settlement", 0))
        yield Message(exchange, routing_key, body, (f"wrong:{number}",), at, at, f"wrong-{number}", True, why)
