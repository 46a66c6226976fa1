"""An answer on its way to RabbitMQ: where it goes, and what it looks like there.

The contract is the old proxy's (seed 001): body verbatim, content type `text/json`, message_id echoed; ours besides:
headers `answer-id` (the same for a repeat), `status`, `attempts`, `portal`, `error-class` when it failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pamqp.commands import Basic

from pipeline.delivery.errors import Permanent

__all__ = ["ANSWER_ID", "CONTENT_TYPE", "Answer", "Destination", "answer_of", "destination_of"]

CONTENT_TYPE = "text/json"
ANSWER_ID = "answer-id"
_PASSED_ON = (ANSWER_ID, "status", "attempts", "portal", "error-class")
_PERSISTENT = 2
#: Bytes of an AMQP short string: names, routing keys, message ids.
_SHORT = 255


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message is published. `exchange` "" = the default one: the routing key is a queue's name."""

    exchange: str
    routing_key: str

    def __str__(self) -> str:
        if not self.exchange:
            return f"queue {self.routing_key}"
        return f"exchange {self.exchange}, routing key {self.routing_key}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is published, the same at every repeat."""

    body: bytes
    message_id: str
    correlation_id: str | None
    headers: Mapping[str, str]

    def properties(self) -> Basic.Properties:
        """A new object each time: aiormq writes into it."""
        return Basic.Properties(
            content_type=CONTENT_TYPE,
            delivery_mode=_PERSISTENT,
            message_id=self.message_id,
            correlation_id=self.correlation_id,
            headers=dict(self.headers),
        )


def answer_of(headers: Mapping[str, str], body: bytes) -> Answer:
    """The answer in a record of portal.results. Raises Permanent: an id is longer than AMQP can carry."""
    return Answer(
        body=body,
        message_id=_short("message-id", headers.get("message-id") or headers.get(ANSWER_ID, "")),
        correlation_id=_short("correlation-id", headers.get("correlation-id", "")) or None,
        headers={name: headers[name] for name in _PASSED_ON if name in headers},
    )


def destination_of(name: str, is_exchange: bool, reply_to: str | None) -> Destination:
    """Where an answer goes. `name`, `is_exchange`: AMPQOUT. Raises Permanent: a name is too long for AMQP.

    | AMPQOUT | reply_to | goes to |
    |---|---|---|
    | queue | absent | that queue |
    | queue | present | the queue that reply_to names |
    | exchange | present | that exchange, routing key reply_to |
    | exchange | absent | that exchange, routing key AMPQOUT |
    """
    key = _short("reply-to", reply_to or name)
    return Destination(name if is_exchange else "", key)


def _short(what: str, text: str) -> str:
    if len(text.encode()) > _SHORT:
        raise Permanent(f"{what} is longer than the {_SHORT} bytes that AMQP carries")
    return text
