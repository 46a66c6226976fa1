"""When things happen in the day, and how a message says so."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from sandbox.site.forms import moment
from sandbox.site.message import Message
from sandbox.site.sizes import Sizes

__all__ = ["Clock", "Sender"]

#: Hours of the day: each kind of object is first told of within an hour, changes follow.
_FIRST = {"section": 8, "user": 9, "product": 10, "settlement": 11}
_CHANGES = (12, 20)
#: Seconds between two messages of one object, at least.
_APART = 60


@dataclass(frozen=True, slots=True)
class Clock:
    """The day begins at `midnight`."""

    midnight: datetime

    def times(self, dice: random.Random, kind: str, changes: int) -> Iterator[datetime]:
        """A moment for the first message of an object and one for each of its changes, in their order."""
        yield self.midnight + timedelta(hours=_FIRST[kind], seconds=dice.randrange(3600))
        slots = (_CHANGES[1] - _CHANGES[0]) * 3600 // _APART
        for slot in sorted(dice.sample(range(slots), changes)):
            yield self.midnight + timedelta(hours=_CHANGES[0], seconds=slot * _APART)


class Sender:
    """Messages of one object: all of them say how new they are, or none does."""

    def __init__(self, dice: random.Random, sizes: Sizes, exchange: str, key: str) -> None:
        self._dice = dice
        self._exchange = exchange
        self._key = key
        self.versioned = dice.random() >= sizes.unversioned
        self._word = dice.choice(("DATE_UPDATE", "TIMESTAMP_X"))

    def message(self, body: dict[str, Any], at: datetime, routing_key: str = "") -> Message:
        """The message of this moment."""
        dice = self._dice
        in_body = self.versioned and dice.random() < 0.6
        if in_body:
            body = {**body, self._word: moment(dice, at)}
        # with a version in the body AMQP's time is only the transport's
        stamped = self.versioned and (not in_body or dice.random() < 0.5)
        return Message(
            exchange=self._exchange,
            routing_key=routing_key,
            body=orjson.dumps(body),
            keys=(self._key,),
            at=at,
            timestamp=at + timedelta(seconds=dice.randrange(5)) if stamped else None,
            message_id=f"{self._key}-{int(at.timestamp())}" if dice.random() < 0.7 else None,
            versioned=self.versioned,
        )


def changes_of(dice: random.Random, sizes: Sizes) -> int:
    """How often an object changes after its first message."""
    return dice.randint(1, sizes.most_changes) if dice.random() < sizes.changed else 0
