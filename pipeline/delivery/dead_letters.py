"""Dead letters: what failed for good, with its full origin, in one topic.

Headers `dl-*` tell the origin and the errors; the record's own headers, key and bytes are kept as they were, so that
it can be repaired and sent again.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from pipeline.delivery.errors import PipelineError
from pipeline.delivery.flow import Event
from pipeline.delivery.records import Record, wire_size
from pipeline.topology import DEAD_LETTERS

__all__ = ["HEADROOM", "dead_letter", "describe"]

#: room for headers in a record of the greatest length
HEADROOM = 64 * 1024
_TEXT_LIMIT = 4096
#: the two headers that stand for a value that is left out
_LENGTH_AND_HASH = 256


def dead_letter(
    event: Event[Any],
    error: BaseException,
    *,
    agent: str,
    version: str,
    message_limit: int,
    first_error: str | None = None,
    first_time: float | None = None,
) -> Record:
    """The record for topic `dead.letters`, keyed as its origin was.

    A value too long to be carried beside the headers is replaced by its length and SHA-256.
    """
    now = time.time()
    text = describe(error)
    headers = {
        **event.headers,
        "dl-topic": event.topic,
        "dl-partition": str(event.partition),
        "dl-offset": str(event.offset),
        "dl-timestamp": f"{event.timestamp:.3f}",
        "dl-agent": agent,
        "dl-agent-version": version,
        "dl-error-class": error.error_class if isinstance(error, PipelineError) else "unexpected",
        "dl-first-error": (first_error or text)[:_TEXT_LIMIT],
        "dl-last-error": text[:_TEXT_LIMIT],
        "dl-attempts": str(event.attempt),
        "dl-first-time": f"{first_time or now:.3f}",
        "dl-time": f"{now:.3f}",
    }
    key = event.key or f"{event.topic}:{event.partition}".encode()
    value = event.raw
    if len(value) > message_limit - HEADROOM or wire_size(key, value, headers) > message_limit - _LENGTH_AND_HASH:
        headers["dl-value-length"] = str(len(event.raw))
        headers["dl-value-sha256"] = hashlib.sha256(event.raw).hexdigest()
        value = b""
    return Record(DEAD_LETTERS, value, key=key, headers=headers)


def describe(error: BaseException) -> str:
    """What went wrong, for people. Errors of the taxonomy speak for themselves, others with their type."""
    return str(error) if isinstance(error, PipelineError) else f"{type(error).__name__}: {error}"
