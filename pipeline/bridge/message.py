"""From aiormq's delivery to the message that edges see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from pipeline.portal.requests.edge import AmqpMessage

__all__ = ["AmqpMessage", "from_delivery"]

_NO_HEADERS: Mapping[str, object] = {}


def from_delivery(queue: str, delivered: DeliveredMessage) -> AmqpMessage:
    """The message of a delivery from `queue`."""
    properties = delivered.header.properties
    delivery = cast(Basic.Deliver, delivered.delivery)
    return AmqpMessage(
        exchange=delivery.exchange or "",
        routing_key=delivery.routing_key or "",
        queue=queue,
        headers=properties.headers or _NO_HEADERS,
        message_id=properties.message_id or None,
        correlation_id=properties.correlation_id or None,
        reply_to=properties.reply_to or None,
        content_type=properties.content_type or None,
        timestamp=properties.timestamp,
        redelivered=bool(delivery.redelivered),
        body=delivered.body,
    )
