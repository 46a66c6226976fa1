"""Which partition is a portal's: the same of every topic and table that is keyed by portal."""

from __future__ import annotations

from aiokafka.partitioner import murmur2

from pipeline.topology import PARTITIONS

__all__ = ["partition_of"]


def partition_of(portal: str) -> int:
    """The default partitioner of Kafka's clients."""
    return int((murmur2(portal.encode()) & 0x7FFFFFFF) % PARTITIONS)
