"""A message of the day, as RabbitMQ gets it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Message"]


@dataclass(frozen=True, slots=True)
class Message:
    """`keys` name the objects that it tells of (`user:U-1`); `at` is when it was sent.

    `timestamp` and `message_id` are AMQP properties, None = the message has none. `versioned`: the body or `timestamp`
    says how new it is; without that only the order of the messages does. `wrong`: why nothing can come of it but a
    dead letter, empty = nothing is wrong.
    """

    exchange: str
    routing_key: str
    body: bytes
    keys: tuple[str, ...]
    at: datetime
    timestamp: datetime | None = None
    message_id: str | None = None
    versioned: bool = True
    wrong: str = ""
