"""One key for all workers: its fingerprint stands in a compacted topic, and a worker with another key refuses.

A request that one worker sealed may be sent by any other; with another key it could not open the token.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from pipeline.delivery.errors import Permanent, Transient

__all__ = ["WrongKey", "check_fingerprint"]

#: Each fingerprint is a Kafka key of its own, so that compaction never replaces the first by a later one.
_KEY = "seal:"


class WrongKey(Permanent):
    """This worker's key is not the one that tokens are sealed with. Ends the start."""


async def check_fingerprint(
    servers: Sequence[str], topic: str, fingerprint: str, key_file: Path, timeout: float = 30.0
) -> None:
    """Hold our fingerprint against the first one in the topic; publish ours when there is none.

    Args:
        servers: Kafka, `["host:port", ...]`.
        topic: name in Kafka, prefix included; compacted, one partition; it must exist.
        fingerprint: `Sealer.fingerprint`.
        key_file: named in the error.
        timeout: seconds for all of it.

    Raises:
        WrongKey: another fingerprint stands there.
        Transient: Kafka did not answer in time, or has no such topic.
    """
    try:
        async with asyncio.timeout(timeout):
            expected = await _first(servers, topic)
            if expected is None:
                await _publish(servers, topic, fingerprint, fingerprint)
                # workers that start at once all publish: the first record in the log wins
                expected = await _first(servers, topic)
                if expected != fingerprint:
                    await _publish(servers, topic, fingerprint, None)
    except TimeoutError:
        raise Transient(f"Kafka did not answer within {timeout:g} s about topic {topic}") from None
    except KafkaError as error:
        raise Transient(f"Kafka, topic {topic}: {error}") from None
    if expected != fingerprint:
        raise WrongKey(
            f"the key in {key_file} has fingerprint {fingerprint}, but tokens in this Kafka are sealed with "
            f"{expected} (topic {topic}): put the key file of the other workers in its place"
        )


async def _first(servers: Sequence[str], topic: str) -> str | None:
    """The fingerprint that came first and was not withdrawn."""
    standing: dict[str, str] = {}
    async with _consumer(servers) as consumer:
        if topic not in await consumer.topics():
            raise Transient(f"Kafka has no topic {topic}")
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        await consumer.seek_to_beginning(partition)
        while await consumer.position(partition) < end:
            batches = await consumer.getmany(partition, timeout_ms=500)
            for record in batches.get(partition, []):
                key = (record.key or b"").decode()
                if not key.startswith(_KEY):
                    continue
                if record.value is None:
                    standing.pop(key, None)
                else:
                    standing.setdefault(key, record.value.decode())
    return next(iter(standing.values()), None)


async def _publish(servers: Sequence[str], topic: str, fingerprint: str, value: str | None) -> None:
    """Write (or with None withdraw) a fingerprint; returns at the acknowledgement of all replicas."""
    producer = AIOKafkaProducer(bootstrap_servers=list(servers), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        await producer.send_and_wait(
            topic,
            key=f"{_KEY}{fingerprint}".encode(),
            value=None if value is None else value.encode(),
            partition=0,
        )
    finally:
        await producer.stop()


@asynccontextmanager
async def _consumer(servers: Sequence[str]) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(servers), group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
