"""Reading a small compacted topic from its beginning to its present end, without a consumer group."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

__all__ = ["read_compacted"]


async def read_compacted(servers: Sequence[str], topic: str) -> dict[bytes, bytes]:
    """Newest value of each key; deleted keys are absent. Raises aiokafka's KafkaError."""
    consumer = AIOKafkaConsumer(bootstrap_servers=list(servers), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    rows: dict[bytes, bytes] = {}
    try:
        partitions = [TopicPartition(topic, p) for p in (await consumer._client._wait_on_metadata(topic))]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        todo = {tp for tp, end in ends.items() if end > 0}
        begins = await consumer.beginning_offsets(partitions)
        todo = {tp for tp in todo if begins[tp] < ends[tp]}
        while todo:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    if record.key is None:
                        continue
                    if record.value is None:
                        rows.pop(record.key, None)
                    else:
                        rows[record.key] = record.value
            # by position, not by record: compaction may have removed the last ones
            todo = {tp for tp in todo if await consumer.position(tp) < ends[tp]}
    finally:
        await consumer.stop()
    return rows
