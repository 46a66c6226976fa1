"""Which requests are answered already, although their rows do not say so.

An answer is confirmed in `portal.results` before its row is done; a crash between the two must not make the call again.
So a new owner looks at the newest answers of its partitions first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

__all__ = ["LOOK_BACK", "answered"]

#: answers at the end of each partition that are looked at: more than can be on their way at once (completion.py)
LOOK_BACK = 2000


async def answered(servers: Sequence[str], topic: str, partitions: Iterable[int]) -> dict[str, float]:
    """`answer-id` -> unix time of the newest answers in those partitions. Raises aiokafka's KafkaError.

    `topic` is the name in Kafka.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=list(servers), enable_auto_commit=False)
    await consumer.start()
    found: dict[str, float] = {}
    try:
        tps = [TopicPartition(topic, partition) for partition in partitions]
        consumer.assign(tps)
        ends, begins = await consumer.end_offsets(tps), await consumer.beginning_offsets(tps)
        for tp in tps:
            consumer.seek(tp, max(begins[tp], ends[tp] - LOOK_BACK))
        todo = {tp for tp in tps if begins[tp] < ends[tp]}
        while todo:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    for name, text in record.headers:
                        if name == "answer-id":
                            found[text.decode()] = record.timestamp / 1000
            todo = {tp for tp in todo if await consumer.position(tp) < ends[tp]}
    finally:
        await consumer.stop()
    return found
