"""What is published: broken messages of several days, with the messages of a good day between them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from sandbox.site.day import make_day
from sandbox.site.message import Message
from sandbox.site.mutate import Mutated, mutated
from sandbox.site.sizes import Sizes

__all__ = ["Material", "make_material"]

#: Of a day that is broken, and of the good one for each 424 of its messages; at most 5 days, of at least 150 each.
_DAY = Sizes(wrong=0)
_DAY_LENGTH = 424
_GOOD_SHARE = 0.2
_SEEDS = 5
_EACH = 150
#: keys whose values are ids; those of the broken days get a prefix, so that no good object is touched
_IDS = frozenset(
    ("XML_ID", "ID", "COMPANY", "IBLOCK_SECTION_ID", "IBLOCK_SECTION", "SECTION_XML_ID", "UF_SALE_SPOT_PARENT")
)


@dataclass(frozen=True)
class Material:
    """`ground`: sections of the broken days as they are. `bad` by message id. `mixed`: bad and good in one order."""

    good: tuple[Message, ...]
    ground: tuple[Message, ...]
    bad: dict[str, Mutated]
    mixed: tuple[Message, ...]


def make_material(count: int, seed: int) -> Material:
    """`count` broken messages from several seeds, and about a fifth as many good ones; all with ids of their own."""
    share = count * _GOOD_SHARE / _DAY_LENGTH
    sizes = replace(
        _DAY,
        users=max(3, round(_DAY.users * share)),
        products=max(5, round(_DAY.products * share)),
        sections=max(3, round(_DAY.sections * share)),
        settlements=max(3, round(_DAY.settlements * share)),
    )
    good = tuple(replace(one, message_id=f"good-{n}") for n, one in enumerate(make_day(sizes, seed).messages))
    ground: list[Message] = []
    bad: dict[str, Mutated] = {}
    days = min(_SEEDS, max(1, count // _EACH))
    for part in range(days):
        day = [_moved(one, f"9{part}") for one in make_day(_DAY, seed + part).messages]
        ground += [one for one in day if one.exchange == "section"]
        wanted = count // days + (part < count % days)
        for one in mutated(day, wanted, seed + part):
            name = f"bad-{len(bad)}"
            bad[name] = replace(one, message=replace(one.message, message_id=name))
    dice = random.Random(f"{seed} mixed")
    places = sorted(dice.sample(range(len(bad) + len(good)), len(good)))
    ground = [replace(one, message_id=f"ground-{n}") for n, one in enumerate(ground)]
    broken = [one.message for one in bad.values()]
    dice.shuffle(broken)
    return Material(good, tuple(ground), bad, tuple(_mixed(good, broken, set(places))))


def _mixed(good: tuple[Message, ...], bad: list[Message], places: set[int]) -> Iterator[Message]:
    left, right = iter(good), iter(bad)
    for place in range(len(good) + len(bad)):
        yield next(left) if place in places else next(right)


def _moved(message: Message, prefix: str) -> Message:
    """The same message of another object: ids begin with `prefix`."""
    return replace(message, body=orjson.dumps(_renamed(orjson.loads(message.body), prefix)))


def _renamed(value: Any, prefix: str, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, prefix, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, prefix, name) for item in value]
    if name not in _IDS or isinstance(value, bool) or value in (None, "", "0", 0):
        return value
    return int(f"{prefix}{value}") if isinstance(value, int) else f"{prefix}{value}"
