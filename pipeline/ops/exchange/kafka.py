"""Kafka as a run uses it: a producer beside the workers, and the end of topic outcomes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pipeline.delivery.errors import Transient
from pipeline.delivery.producer import Confirmation, bulk_client, translate
from pipeline.delivery.records import Record, wire_headers
from pipeline.portal.links.kafka import Tail
from pipeline.settings import Settings
from pipeline.topology import DEAD_LETTERS, OUTCOMES, topic, wire_name

__all__ = ["RunKafka", "open_kafka"]


class RunKafka:
    """Made by `open_kafka`. `outcomes`: what comes into the topic from the moment of opening on."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, outcomes: Tail) -> None:
        self.outcomes = outcomes
        self._settings = settings
        self._producer = producer

    async def post(self, record: Record) -> Confirmation:
        """Into the producer's buffer; the future raises aiokafka's errors. Raises PipelineError."""
        try:
            future: Confirmation = await self._producer.send(
                wire_name(self._settings, record.topic),
                record.value,
                key=record.key,
                headers=wire_headers(record.headers),
            )
        except KafkaError as error:
            raise translate(error) from error
        return future


@asynccontextmanager
async def open_kafka(settings: Settings, topics: Iterable[str]) -> AsyncIterator[RunKafka]:
    """Connect. `topics` must be there. Raises Transient: Kafka is away, or no worker has made them yet."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_servers)
    producer = bulk_client(settings.kafka_servers, settings.message_limit + 65_536)
    outcomes = Tail(settings, OUTCOMES, range(topic(OUTCOMES).partitions))
    try:
        try:
            await admin.start()
            needed = {wire_name(settings, name) for name in (*topics, OUTCOMES, DEAD_LETTERS)}
            # asked for by name, a topic that is missing might be made
            if missing := sorted(needed - set(await admin.list_topics())):
                raise Transient(f"Kafka has no topic {', '.join(missing)}: start a worker, which makes it")
            await producer.start()
            await outcomes.open()
        except (KafkaError, OSError) as error:
            raise Transient(f"Kafka ({settings.kafka_url}): {error!r}") from error
        yield RunKafka(settings, producer, outcomes)
    finally:
        await outcomes.close()
        await producer.stop()
        await admin.close()
