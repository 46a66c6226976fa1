"""Messages of a sample day as records of events.*, the way the bridge makes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pipeline.bridge.event_edges import EVENT_EDGES
from pipeline.bridge.message import AmqpMessage
from pipeline.delivery.records import Record
from pipeline.settings import Settings
from pipeline.topology import EVENTS_PRODUCT, EVENTS_SECTION, EVENTS_SETTLEMENT, EVENTS_USER, amqp_in
from sandbox.site.day import make_day
from sandbox.site.message import Message
from sandbox.site.sizes import Sizes

__all__ = ["TOPICS", "day", "records"]

#: by exchange of the site
TOPICS = {
    "users": EVENTS_USER,
    "products": EVENTS_PRODUCT,
    "section": EVENTS_SECTION,
    "mutualsettlements": EVENTS_SETTLEMENT,
}


def day(sizes: Sizes) -> tuple[Message, ...]:
    """The messages of a day."""
    return make_day(sizes).messages


def records(messages: Iterable[Message], settings: Settings) -> dict[str, list[Record]]:
    """Records by topic."""
    by_topic = {inbound.topic: inbound for inbound in reversed(amqp_in(settings)) if inbound.edge in EVENT_EDGES}
    edges = {topic: EVENT_EDGES[inbound.edge](inbound) for topic, inbound in by_topic.items()}
    found: dict[str, list[Record]] = defaultdict(list)
    for one in messages:
        topic = TOPICS[one.exchange]
        made = edges[topic](_amqp(one, by_topic[topic].queue))
        found[topic] += made if isinstance(made, list) else [made]
    return found


def _amqp(message: Message, queue: str) -> AmqpMessage:
    return AmqpMessage(
        exchange=message.exchange,
        routing_key=message.routing_key,
        queue=queue,
        headers={},
        message_id=message.message_id,
        correlation_id=None,
        reply_to=None,
        content_type=None,
        timestamp=message.timestamp,
        redelivered=False,
        body=message.body,
    )
