"""A whole day of messages, in the order in which they were sent, or shuffled."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson

from sandbox.site import products, sections, settlements, users
from sandbox.site.clock import Clock
from sandbox.site.forms import ZONE
from sandbox.site.message import Message
from sandbox.site.products import product_messages
from sandbox.site.sections import section_messages
from sandbox.site.settlements import settlement_messages
from sandbox.site.sizes import Sizes
from sandbox.site.users import user_messages
from sandbox.site.wrong import wrong_messages

__all__ = ["DATE", "EXCHANGES", "Day", "make_day", "shuffled"]

EXCHANGES = (users.EXCHANGE, products.EXCHANGE, sections.EXCHANGE, settlements.EXCHANGE)
"""All exchanges of the day."""

DATE = datetime(2026, 11, 20, tzinfo=ZONE)
"""The day that is played unless another one is asked for."""


@dataclass(frozen=True, slots=True)
class Day:
    """`messages` in the order of sending."""

    messages: tuple[Message, ...]

    def again(self) -> Day:
        """The messages whose second coming changes nothing.

        Left out are objects that changed during the day without any message saying how new it is: the order of the
        messages alone decides there, so their first state rightly comes back before the last one.
        """
        told: Counter[str] = Counter(key for one in self.messages for key in one.keys if not one.versioned)
        bodies: dict[str, set[bytes]] = defaultdict(set)
        for one in self.messages:
            for key in one.keys:
                bodies[key].add(one.body)
        moving = {key for key in told if len(bodies[key]) > 1}
        return Day(tuple(one for one in self.messages if not one.wrong and not moving.intersection(one.keys)))


def make_day(sizes: Sizes, seed: int = 1, *, midnight: datetime = DATE) -> Day:
    """The day of these sizes; the same seed makes the same day. `midnight` moves all its times."""
    clock = Clock(midnight)
    made: list[Message] = []
    for name, make in (
        ("users", user_messages),
        ("sections", section_messages),
        ("products", product_messages),
        ("settlements", settlement_messages),
    ):
        # dice of its own for each kind: more users do not make other products
        made += make(random.Random(f"{seed} {name}"), sizes, clock)
    dice = random.Random(f"{seed} day")
    made += wrong_messages(dice, sizes, clock)
    made = _together(dice, sorted(made, key=lambda one: one.at))
    return Day(tuple(_repeated(dice, made, sizes.repeated)))


def shuffled(messages: Iterable[Message], seed: int = 1) -> list[Message]:
    """In another order, as several senders and queues may bring them.

    Messages of an object that do not say how new they are keep their order among themselves.
    """
    messages = list(messages)
    dice = random.Random(f"{seed} shuffle")
    places = list(range(len(messages)))
    dice.shuffle(places)
    fixed: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(messages):
        if not one.versioned:
            fixed[one.keys[0]].append(number)
    for numbers in fixed.values():
        for number, place in zip(numbers, sorted(places[number] for number in numbers), strict=True):
            places[number] = place
    return [one for _, one in sorted(zip(places, messages, strict=True), key=lambda pair: pair[0])]


def _together(dice: random.Random, messages: Sequence[Message]) -> list[Message]:
    """Some envelopes hold two applications: a neighbour whose time of change is in its body joins."""
    kept: list[Message] = []
    open_one: Message | None = None
    for one in messages:
        if one.exchange == settlements.EXCHANGE and one.versioned and one.timestamp is None and not one.wrong:
            if open_one is not None and dice.random() < 0.4 and open_one.keys != one.keys:
                kept.append(_joined(open_one, one))
                open_one = None
                continue
            if open_one is not None:
                kept.append(open_one)
            open_one = one
        else:
            kept.append(one)
    if open_one is not None:
        kept.append(open_one)
    return sorted(kept, key=lambda one: one.at)


def _joined(first: Message, second: Message) -> Message:
    one, other = (orjson.loads(message.body) for message in (first, second))
    if one.keys() & other.keys():
        other = {f"{name}_2": value for name, value in other.items()}
    return replace(second, body=orjson.dumps({**one, **other}), keys=first.keys + second.keys)


def _repeated(dice: random.Random, messages: Sequence[Message], share: float) -> list[Message]:
    """Some messages come twice, the second time a little later, but before the next one of the same object."""
    kept: list[Message] = []
    for one in messages:
        kept.append(one)
        if dice.random() < share:
            kept.append(replace(one, at=one.at + timedelta(seconds=1)))
    return sorted(kept, key=lambda one: one.at)
