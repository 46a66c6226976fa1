"""Reading a small compacted topic from its beginning to its present end, without a consumer group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from pipeline.delivery.store import unpack

__all__ = ["read_compacted", "read_table"]


async def read_compacted(servers: Sequence[str], topic: str) -> dict[bytes, bytes]:
    """Newest value of each key; deleted keys are absent. Raises aiokafka's KafkaError."""
    rows: dict[bytes, bytes] = {}
    async for record in _records(servers, topic):
        if record.value is None:
            rows.pop(record.key, None)
        else:
            rows[record.key] = record.value
    return rows


async def read_table(servers: Sequence[str], changelog: str) -> dict[tuple[int, bytes], bytes]:
    """What stands in a table, by partition and key, without revisions: as a restore reads it (decision 0001).

    A late record of a frozen worker, whose revision is smaller, changes nothing. Raises aiokafka's KafkaError.
    """
    rows: dict[tuple[int, bytes], tuple[int, bytes]] = {}
    async for record in _records(servers, changelog):
        place = record.partition, record.key
        if record.value is None:
            rows.pop(place, None)
            continue
        row = unpack(record.value)
        if place not in rows or row[0] >= rows[place][0]:
            rows[place] = row
    return {place: value for place, (_, value) in rows.items()}


async def _records(servers: Sequence[str], topic: str) -> AsyncIterator[Any]:
    """Records that have a key."""
    consumer = AIOKafkaConsumer(bootstrap_servers=list(servers), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, p) for p in (await consumer._client._wait_on_metadata(topic))]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        begins = await consumer.beginning_offsets(partitions)
        todo = {tp for tp in partitions if begins[tp] < ends[tp]}
        while todo:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    if record.key is not None:
                        yield record
            # by position, not by record: compaction may have removed the last ones
            todo = {tp for tp in todo if await consumer.position(tp) < ends[tp]}
    finally:
        await consumer.stop()
