"""Which requests are answered already, although their rows do not say so.

An answer is confirmed in `portal.results` before its row is done; a crash between the two must not make the call again.
So a new owner looks at the newest answers of its partitions before it calls the portals that requests wait for. Off the
way of the take-over, which the whole group may wait for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from pipeline.delivery.retry import Backoff
from pipeline.portal.requests.row import Row

__all__ = ["LOOK_BACK", "answered", "answers_for", "is_answered"]

#: answers at the end of each partition that are looked at: more than can be on their way at once (completion.py)
LOOK_BACK = 500
#: seconds for one look
_TIMEOUT = 30.0
#: seconds by which clocks of two workers may differ; an answer from before its request belongs to an older memory
_CLOCKS_DIFFER = 5.0

logger = logging.getLogger(__name__)


async def answers_for(rows: Iterable[Row], servers: Sequence[str], topic: str, backoff: Backoff) -> dict[str, float]:
    """What `answered` tells of the partitions of these rows; tried until Kafka tells it."""
    partitions = sorted({row.partition for row in rows})
    if not partitions:
        return {}
    attempt = 1
    while True:
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await answered(servers, topic, partitions)
        except (KafkaError, TimeoutError) as error:
            logger.warning("newest answers could not be read (attempt %d): %r", attempt, error)
            await asyncio.sleep(backoff.pause(attempt))
            attempt += 1


def is_answered(row: Row, answers: Mapping[str, float]) -> bool:
    """Is the answer of this request among those?"""
    return answers.get(row.identity, 0.0) >= row.accepted - _CLOCKS_DIFFER


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
