"""A flow, as far as the gateway sees one: writes records into the lanes, reads answers from portal.results."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from pipeline.settings import Settings
from pipeline.topology import PARTITIONS, RESULTS
from tests.chaos.cases import Answer
from tests.chaos.plans.case import Case

__all__ = ["Flow"]


class Flow:
    """One producer, one consumer; the topics must be there before `start`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cases: dict[str, Case] = {}
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._reader: asyncio.Task[None] | None = None
        self.sent = 0
        self.answered = 0

    async def start(self) -> None:
        """Connect, read answers from the beginning on."""
        servers = self._settings.kafka_servers
        self._producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=None, auto_offset_reset="earliest")
        await self._consumer.start()
        topic = f"{self._settings.topic_prefix}{RESULTS}"
        self._consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        self._reader = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Disconnect."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        for client in (self._producer, self._consumer):
            if client is not None:
                with suppress(KafkaError):
                    await client.stop()

    async def send(self, cases: Sequence[Case], seconds: float) -> None:
        """Write in order, spread over `seconds`; returns when Kafka has all."""
        assert self._producer is not None, "not started"
        pause = seconds / max(1, len(cases))
        written = []
        for case in cases:
            record = case.record
            assert record is not None
            self._cases[case.message_id] = case
            case.attempts += 1
            written.append(
                await self._producer.send(
                    f"{self._settings.topic_prefix}{record.topic}",
                    record.value,
                    key=record.key,
                    headers=[(name, text.encode()) for name, text in record.headers.items()],
                )
            )
            self.sent += 1
            await asyncio.sleep(pause)
        await asyncio.gather(*written)
        for case in cases:
            case.confirmed = True

    async def _read(self) -> None:
        assert self._consumer is not None
        while True:
            for records in (await self._consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    self._take(record)

    def _take(self, record: ConsumerRecord[bytes, bytes]) -> None:
        headers = {name: value.decode() for name, value in record.headers}
        case = self._cases.get(headers.get("message-id", ""))
        if case is None:
            return  # asked for through RabbitMQ, and answered there
        answer = Answer(
            headers.get("answer-id", ""),
            headers.get("error-class"),
            headers.get("status", ""),
            headers.get("portal", ""),
            record.value or b"",
        )
        self.answered += not case.answers
        case.answers.append(answer)
