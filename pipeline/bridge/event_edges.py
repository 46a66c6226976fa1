"""Edges of the site's queues: users, products, sections and mutual settlements become records of events.*.

Bodies stay as they came. Whatever is wrong in one is the flow's to say, in a dead letter that names the path.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from pipeline.bridge.envelope import applications
from pipeline.bridge.event_keys import key_of, xml_id_of
from pipeline.bridge.message import AmqpMessage
from pipeline.delivery.records import Record
from pipeline.topology import InboundQueue

__all__ = ["EVENT_EDGES", "REDELIVERED", "YES", "EventEdge", "event", "settlements"]

EventEdge = Callable[[AmqpMessage], "Record | list[Record]"]

#: Header of a record that may be a copy of an earlier one; only such records are compared (design, section 5).
REDELIVERED = "amqp-redelivered"
YES = "1"


def event(inbound: InboundQueue) -> EventEdge:
    """One record a message, keyed by XML_ID (and catalogue)."""
    topic, catalog = inbound.topic, inbound.catalog

    def translate(message: AmqpMessage) -> Record:
        body = message.body
        return Record(topic, body, key_of(xml_id_of(body), catalog, body), _headers(message, catalog))

    return translate


def settlements(inbound: InboundQueue) -> EventEdge:
    """One record an application; the body itself when it holds one, or nothing that can be taken apart."""
    topic, catalog = inbound.topic, inbound.catalog

    def translate(message: AmqpMessage) -> Record | list[Record]:
        body, headers = message.body, _headers(message, catalog)
        found = applications(body)
        if not found:
            return Record(topic, body, key_of(xml_id_of(body), catalog, body), headers)
        records = [Record(topic, one.value, key_of(one.xml_id, catalog, one.value), headers) for one in found]
        return records if len(records) > 1 else records[0]

    return translate


#: by the names in topology.py
EVENT_EDGES: dict[str, Callable[[InboundQueue], EventEdge]] = {"event": event, "settlements": settlements}


def _headers(message: AmqpMessage, catalog: str) -> dict[str, str]:
    headers = {
        "amqp-exchange": message.exchange,
        "amqp-routing-key": message.routing_key,
        "queue": message.queue,
    }
    if message.message_id is not None:
        headers["amqp-message-id"] = message.message_id
    if message.redelivered:
        headers[REDELIVERED] = YES
    if catalog:
        headers["catalog"] = catalog
    if (seconds := _unix(message.timestamp)) is not None:
        headers["amqp-timestamp"] = seconds
    return headers


def _unix(moment: datetime | int | float | None) -> str | None:
    """Unix seconds; None when the message has no time, or one that is none (lenient.py leaves such a number)."""
    if not isinstance(moment, datetime):
        return None
    try:
        seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError, OSError):
        return None
    return f"{seconds:.0f}" if seconds == int(seconds) else f"{seconds:.3f}"
