"""Edges: how a message of a queue becomes a record of a topic. `InboundQueue.edge` names one.

An edge is pure and quick. Bad input is no error here: it becomes a record all the same, and the flow behind the topic
answers or buries it. So whatever an edge raises is a defect of ours; the message then goes to the dead letters with
its bytes, and the queue goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.bridge.event_edges import EVENT_EDGES, REDELIVERED, YES
from pipeline.bridge.message import AmqpMessage
from pipeline.delivery.records import Record
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.requests.edge import to_record
from pipeline.settings import Settings
from pipeline.topology import InboundQueue

__all__ = ["EDGES", "REDELIVERED", "YES", "Edge", "EdgeContext", "checked", "edge_of"]

#: Several records of one message are acked together, when Kafka has all of them; there is at least one.
Edge = Callable[[AmqpMessage], Record | list[Record]]


@dataclass(frozen=True, slots=True)
class EdgeContext:
    """What edges may need besides the message."""

    settings: Settings
    credentials: Credentials


def bitrix24(inbound: InboundQueue, context: EdgeContext) -> Edge:
    """Requests to portals, as the old proxy took them (pipeline/portal/requests/edge.py)."""
    credentials, limit = context.credentials, context.settings.message_limit
    return lambda message: to_record(message, credentials, limit)


def plain(inbound: InboundQueue, context: EdgeContext) -> Edge:
    """The body untouched, where it came from in headers; key = message id, so that copies stay together."""
    topic = inbound.topic

    def translate(message: AmqpMessage) -> Record:
        headers = {"amqp-exchange": message.exchange, "amqp-routing-key": message.routing_key}
        if message.message_id is not None:
            headers["amqp-message-id"] = message.message_id
        if message.correlation_id is not None:
            headers["amqp-correlation-id"] = message.correlation_id
        if message.reply_to is not None:
            headers["amqp-reply-to"] = message.reply_to
        if message.redelivered:
            headers[REDELIVERED] = YES
        key = message.message_id.encode() if message.message_id is not None else None
        return Record(topic, message.body, key=key, headers=headers)

    return translate


#: All edges by name.
EDGES: dict[str, Callable[[InboundQueue, EdgeContext], Edge]] = {
    "bitrix24": bitrix24,
    "plain": plain,
    "event": lambda inbound, _: EVENT_EDGES["event"](inbound),
    "settlements": lambda inbound, _: EVENT_EDGES["settlements"](inbound),
}


def checked(made: Record | list[Record]) -> Record | list[Record]:
    """What an edge made of a message. Raises AssertionError: nothing; then an ack would lose the message."""
    assert made, "an edge made no record"
    return made


def edge_of(inbound: InboundQueue, context: EdgeContext) -> Edge:
    """The edge that the topology names. Raises KeyError: no edge has that name."""
    factory = EDGES.get(inbound.edge)
    if factory is None:
        raise KeyError(f"queue {inbound.queue}: no edge is called {inbound.edge!r} (pipeline/bridge/edges.py)")
    return factory(inbound, context)
