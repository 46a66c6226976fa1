"""Dead letters of messages that have no place in Kafka yet: an edge failed on them, or no topic takes their length.

Headers are those of pipeline/delivery/dead_letters.py, with the queue in place of topic, partition and offset. Of the
message's own headers only names are kept, and the values of a few that are known to be harmless: others may hold
a token.
"""

from __future__ import annotations

import hashlib
import time
import traceback

from pipeline.bridge.message import AmqpMessage
from pipeline.delivery.errors import PipelineError
from pipeline.delivery.records import Record
from pipeline.topology import DEAD_LETTERS, InboundQueue

__all__ = ["edge_letter", "too_long_letter"]

AGENT = "bridge-inbound"
_HEADROOM = 64 * 1024
_HARMLESS = ("method", "user", "portal")


def edge_letter(
    inbound: InboundQueue, message: AmqpMessage, error: Exception, *, version: str, message_limit: int
) -> Record:
    """An edge raised `error` on `message`. Its text is left out unless the taxonomy vouches for it."""
    if isinstance(error, PipelineError):
        error_class, text = error.error_class, str(error)
    else:
        frames = traceback.extract_tb(error.__traceback__)
        place = f" at {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
        error_class, text = "unexpected", f"edge {inbound.edge}: {type(error).__name__}{place}"
    now = f"{time.time():.3f}"
    headers = {
        "dl-queue": inbound.queue,
        "dl-topic": inbound.topic,
        "dl-agent": AGENT,
        "dl-agent-version": version,
        "dl-error-class": error_class,
        "dl-first-error": text,
        "dl-last-error": text,
        "dl-attempts": "1",
        "dl-first-time": now,
        "dl-time": now,
        "amqp-exchange": message.exchange,
        "amqp-routing-key": message.routing_key,
        "amqp-header-names": ", ".join(sorted(map(str, message.headers))),
    }
    if message.message_id is not None:
        headers["amqp-message-id"] = message.message_id
    if message.reply_to is not None:
        headers["amqp-reply-to"] = message.reply_to
    for name in _HARMLESS:
        if isinstance(value := message.headers.get(name), str | int):
            headers[name] = str(value)
    return Record(DEAD_LETTERS, _carried(message.body, headers, message_limit), inbound.queue.encode(), headers)


def too_long_letter(inbound: InboundQueue, record: Record, error: PipelineError, *, version: str) -> Record:
    """Kafka refused the record for its length: everything but the value, of which length and SHA-256 stay."""
    now = f"{time.time():.3f}"
    value = record.value or b""
    headers = {
        **record.headers,
        "dl-queue": inbound.queue,
        "dl-topic": record.topic,
        "dl-agent": AGENT,
        "dl-agent-version": version,
        "dl-error-class": error.error_class,
        "dl-first-error": str(error),
        "dl-last-error": str(error),
        "dl-attempts": "1",
        "dl-first-time": now,
        "dl-time": now,
    }
    return Record(DEAD_LETTERS, _carried(value, headers, 0), record.key or inbound.queue.encode(), headers)


def _carried(value: bytes, headers: dict[str, str], limit: int) -> bytes:
    if len(value) <= limit - _HEADROOM:
        return value
    headers["dl-value-length"] = str(len(value))
    headers["dl-value-sha256"] = hashlib.sha256(value).hexdigest()
    return b""
