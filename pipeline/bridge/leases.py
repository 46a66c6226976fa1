"""Who reads a queue: the worker that owns the queue's partition of the topic `bridge.leases`.

Kafka's assignment is the lease (design, section 4). RabbitMQ's single active consumer is not used: it cannot be added
to a queue that exists, and quorum queues enforce no exclusive consumers. At a takeover two workers may read for
a moment; RabbitMQ gives no message to both, but what the first had un-acked comes again, marked, and is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.partitioner import murmur2

from pipeline.bridge.inbound import QueueReader
from pipeline.delivery.flow import Event, Flow
from pipeline.topology import LEASES

__all__ = ["Leases", "lease_flow", "partition_of"]

#: Seconds for what is in flight when a lease goes; with the closing of the channel it stays below 20.
LOST_TIMEOUT = 14.0


def partition_of(queue: str, partitions: int) -> int:
    """The partition that a record with this key would go to, as all Kafka clients compute it."""
    hashed: int = murmur2(queue.encode())
    return (hashed & 0x7FFFFFFF) % partitions


class Leases:
    """An `Owner` (delivery/ownership.py) of the topic `bridge.leases`."""

    def __init__(self, readers: Sequence[QueueReader], partitions: int) -> None:
        self._readers = readers
        self._partitions = partitions

    async def on_owned(self, partitions: frozenset[int]) -> None:
        """Read the queues whose partition is ours."""
        for reader in self._readers:
            if partition_of(reader.inbound.queue, self._partitions) in partitions:
                reader.start()

    async def on_lost(self) -> None:
        """Stop reading all; ack what Kafka confirms soon, leave the rest to RabbitMQ."""
        await asyncio.gather(*(reader.stop(LOST_TIMEOUT) for reader in self._readers))


def _ignore(event: Event[Any]) -> None:
    """Nothing is written to that topic; the flow exists so that Kafka assigns its partitions."""


def lease_flow() -> Flow:
    """The flow that makes this worker a member for the topic."""
    return Flow(name="bridge-leases", topics=(LEASES,), handler=_ignore, headers=False)
