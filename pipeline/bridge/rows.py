"""Rows of the table `parked`: an answer that its destination did not take, with all that is needed to send it later.

On the wire: 4 bytes length of the head (big endian), head (JSON), body. The body is not put into the JSON: base64
would make an answer of 16 MiB longer than a record may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.bridge.answers import Answer, Destination, answer_of
from pipeline.delivery.flow import Event

__all__ = ["ParkedRow", "decode_row", "encode_row", "row_key"]


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """`since`: unix time of the first refusal; `event`: the record of portal.results as it was received."""

    event: Event[bytes]
    destination: Destination
    since: float
    reason: str

    @property
    def answer(self) -> Answer:
        """What is published."""
        return answer_of(self.event.headers, self.event.raw)


def row_key(event: Event[Any]) -> bytes:
    """The answer's id; a record without one is known by its place."""
    answer_id = event.headers.get("answer-id")
    return (answer_id or f"{event.topic}:{event.partition}:{event.offset}").encode()


def encode_row(row: ParkedRow) -> bytes:
    """The row's bytes."""
    event = row.event
    head = orjson.dumps(
        {
            "topic": event.topic,
            "partition": event.partition,
            "offset": event.offset,
            "key": None if event.key is None else event.key.hex(),
            "headers": event.headers,
            "timestamp": event.timestamp,
            "attempt": event.attempt,
            "exchange": row.destination.exchange,
            "routing_key": row.destination.routing_key,
            "since": row.since,
            "reason": row.reason,
        }
    )
    return len(head).to_bytes(4, "big") + head + event.raw


def decode_row(raw: bytes, *, body: bool = True) -> ParkedRow:
    """The row of these bytes; without `body` its place in memory stays small."""
    length = int.from_bytes(raw[:4], "big")
    head = orjson.loads(raw[4 : 4 + length])
    content = raw[4 + length :] if body else b""
    return ParkedRow(
        event=Event(
            topic=head["topic"],
            partition=head["partition"],
            offset=head["offset"],
            key=None if head["key"] is None else bytes.fromhex(head["key"]),
            headers=head["headers"],
            raw=content,
            value=content,
            timestamp=head["timestamp"],
            attempt=head["attempt"],
        ),
        destination=Destination(head["exchange"], head["routing_key"]),
        since=head["since"],
        reason=head["reason"],
    )
