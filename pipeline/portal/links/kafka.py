"""Kafka as the commands of links use it: beside the workers, in no consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord, RecordMetadata, TopicPartition

from pipeline.delivery.producer import bulk_client
from pipeline.delivery.records import Record, wire_headers
from pipeline.portal.partition import partition_of
from pipeline.settings import Settings
from pipeline.topology import wire_name

__all__ = ["Kafka", "LinksError", "Tail", "open_kafka"]


class LinksError(Exception):
    """A command cannot be done, or not to its end; the text is for people."""


class Kafka:
    """Made by `open_kafka`."""

    def __init__(self, settings: Settings, admin: AIOKafkaAdminClient, producer: AIOKafkaProducer) -> None:
        self.settings = settings
        self._admin = admin
        self._producer = producer

    async def need(self, *topics: str) -> None:
        """Raises LinksError: one of these topics (as Kafka names them) is not there; to ask for it might make it."""
        missing = sorted(set(topics) - set(await self._admin.list_topics()))
        if missing:
            raise LinksError(f"Kafka has no topic {', '.join(missing)}: start a worker, which makes it")

    async def post(self, record: Record) -> asyncio.Future[RecordMetadata]:
        """Send to the portal that is the record's key; the future resolves when the broker has it."""
        portal = (record.key or b"").decode()
        future: asyncio.Future[RecordMetadata] = await self._producer.send(
            wire_name(self.settings, record.topic),
            record.value,
            key=record.key,
            partition=partition_of(portal),
            headers=wire_headers(record.headers),
        )
        return future

    async def committed(self, topic: str) -> dict[int, int]:
        """Offsets that the workers have committed, by partition."""
        name = wire_name(self.settings, topic)
        offsets = await self._admin.list_consumer_group_offsets(self.settings.app_id)
        return {place.partition: at.offset for place, at in offsets.items() if place.topic == name}

    async def partitions(self, topic: str) -> list[int]:
        """Partitions of a declared topic."""
        (described,) = await self._admin.describe_topics([wire_name(self.settings, topic)])
        return [partition["partition"] for partition in described["partitions"]]


@asynccontextmanager
async def open_kafka(settings: Settings) -> AsyncIterator[Kafka]:
    """Connect. Raises aiokafka's KafkaError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_servers)
    producer = bulk_client(settings.kafka_servers, settings.message_limit + 65_536)
    try:
        await admin.start()
        await producer.start()
        yield Kafka(settings, admin, producer)
    finally:
        await producer.stop()
        await admin.close()


class Tail:
    """What comes into partitions of a topic from the moment of `open` on."""

    def __init__(self, settings: Settings, topic: str, partitions: Sequence[int]) -> None:
        self._places = [TopicPartition(wire_name(settings, topic), partition) for partition in partitions]
        self._consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_servers, enable_auto_commit=False)

    async def open(self) -> None:
        """Note the present ends."""
        await self._consumer.start()
        self._consumer.assign(self._places)
        for place, end in (await self._consumer.end_offsets(self._places)).items():
            self._consumer.seek(place, end)

    async def close(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def some(self, seconds: float) -> list[ConsumerRecord]:
        """What has come, waiting for it at most so long."""
        found = await self._consumer.getmany(timeout_ms=int(seconds * 1000))
        return [record for records in found.values() for record in records]

    async def rest(self) -> list[ConsumerRecord]:
        """What has come up to now."""
        ends = await self._consumer.end_offsets(self._places)
        records: list[ConsumerRecord] = []
        while [place for place, end in ends.items() if await self._consumer.position(place) < end]:
            records += await self.some(0.5)
        return records
