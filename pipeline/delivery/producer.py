"""Confirmed sends: nothing counts as sent before the broker has acknowledged it.

`Producer` wraps the worker's own idempotent producer (acks=all, short linger) and, for paths that move thousands a
second, a second one with a long linger. reference: Faust's own `send` can be awaited without being delivered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Protocol

from aiokafka.structs import RecordMetadata

from pipeline.delivery.records import Record

__all__ = ["ConfirmedProducer"]


class ConfirmedProducer(Protocol):
    """What flows and bridges send with."""

    async def post(self, record: Record) -> asyncio.Future[RecordMetadata]:
        """Put into the producer's buffer (waits while it is full); the future resolves at the acknowledgement.

        Raises (from the future): Transient when the broker did not take it in time; BadInput when too long.
        """
        ...

    async def send(self, records: Iterable[Record]) -> Sequence[RecordMetadata]:
        """Send all and wait for all acknowledgements. Raises Transient if any was not acknowledged."""
        ...


Confirmation = Awaitable[RecordMetadata]
