"""Reads the log from its beginning to the offsets that were its end, and writes each document to the new index."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord, TopicPartition

from pipeline.delivery.errors import BadInput, Permanent, Transient
from pipeline.delivery.flow import Event
from pipeline.delivery.records import read_headers
from pipeline.search.client import SearchClient
from pipeline.search.documents import Document
from pipeline.search.index import next_alias
from pipeline.search.lane import Item
from pipeline.search.reindex.state import State
from pipeline.search.sink import Sink
from pipeline.settings import Settings

__all__ = ["Counts", "Make", "ReindexError", "Replay", "bounds"]

#: an event with its raw value -> the document, None = none is made of it. Raises BadInput.
Make = Callable[[Event[bytes]], Document | None]

_NOTE_SECONDS = 2.0
_SHOWN = 10


class ReindexError(RuntimeError):
    """It cannot go on; the text says why."""


@dataclass(slots=True)
class Counts:
    """Documents `written`; records that are no product (`unreadable`: they have dead letters); `refused` documents."""

    written: int = 0
    unreadable: int = 0
    refused: int = 0
    carried: int = 0
    reasons: list[str] = field(default_factory=list)

    def refuse(self, document: str, error: Permanent) -> None:
        """Elasticsearch does not take a document."""
        self.refused += 1
        if len(self.reasons) < _SHOWN:
            self.reasons.append(f"{document}: {error}")


async def bounds(servers: Sequence[str], topic: str) -> tuple[dict[int, int], dict[int, int]]:
    """First and next offset of each partition. Raises ReindexError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=list(servers))
    consumer = AIOKafkaConsumer(bootstrap_servers=list(servers))
    await admin.start()
    await consumer.start()
    try:
        (described,) = await admin.describe_topics([topic])
        places = [TopicPartition(topic, one["partition"]) for one in described["partitions"]]
        if not places:
            raise ReindexError(f"there is no topic {topic} in Kafka: a worker makes it when it starts")
        begins, ends = await asyncio.gather(consumer.beginning_offsets(places), consumer.end_offsets(places))
        return {tp.partition: begins[tp] for tp in places}, {tp.partition: ends[tp] for tp in places}
    finally:
        await consumer.stop()
        await admin.close()


class Replay:
    """`note()` keeps the state, `show(state, trouble)` tells how far it is."""

    def __init__(
        self,
        settings: Settings,
        client: SearchClient,
        alias: str,
        make: Make,
        counts: Counts,
        *,
        note: Callable[[], Awaitable[None]],
        show: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._alias = alias
        self._make = make
        self._counts = counts
        self._note = note
        self._show = show
        self._gone: Permanent | None = None
        self._left = 0
        self._noted = 0.0
        self._sink = Sink(
            settings, client, alive=lambda _: True, settle=self._settle, targets=_only_itself, make=_not_here
        )

    async def run(self, topic: str, state: State) -> None:
        """From `state.positions` to `state.ends`. Raises ReindexError."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=self._settings.message_limit,
        )
        await consumer.start()
        try:
            left = {TopicPartition(topic, p) for p in state.ends if state.positions[p] < state.ends[p]}
            consumer.assign(list(left))
            for tp in left:
                consumer.seek(tp, state.positions[tp.partition])
            while left:
                # only partitions that are not through: the log goes on growing behind the ends
                received = await consumer.getmany(*left, timeout_ms=500, max_records=self._settings.run_limit)
                for tp, records in received.items():
                    await self._take([one for one in records if one.offset < state.ends[tp.partition]])
                await self._written()
                for tp in tuple(left):
                    state.positions[tp.partition] = min(await consumer.position(tp), state.ends[tp.partition])
                    if state.positions[tp.partition] >= state.ends[tp.partition]:
                        left.discard(tp)
                await self._tell()
        finally:
            await self._sink.drain(0)
            await consumer.stop()

    async def _take(self, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            if record.value is None:
                continue
            try:
                document = self._make(event_of(record))
            except BadInput:
                self._counts.unreadable += 1
                continue
            if document is not None and document.index == self._alias:
                await self._sink.room()
                self._left += 1
                self._sink.submit(replace(document, index=next_alias(self._alias)), None)

    async def _written(self) -> None:
        """Wait for all that was handed over; what is noted as read must be in the index."""
        while self._left and self._gone is None:
            await asyncio.sleep(0.005)
            await self._tell()
        if self._gone is not None:
            raise ReindexError(str(self._gone))

    def _settle(self, item: Item, error: Permanent | None) -> bool:
        self._left -= 1
        if error is None:
            self._counts.written += 1
        elif isinstance(error, _Gone):
            self._gone = error
        else:
            self._counts.refuse(item.document.id, error)
        return True

    async def _tell(self) -> None:
        trouble = self._sink.status.trouble
        self._show(trouble.text if trouble is not None else "")
        # also a sign of life while nothing moves
        if trouble is None and time.monotonic() - self._noted > _NOTE_SECONDS:
            with suppress(Transient):
                await self._note()
            self._noted = time.monotonic()


class _Gone(Permanent):
    """The new index was taken away."""


async def _only_itself(alias: str) -> tuple[str, ...]:
    return (alias,)


async def _not_here(alias: str) -> None:
    raise _Gone(f"the alias {alias} is gone: another reindex was started, or it was removed")


def event_of(record: ConsumerRecord) -> Event[bytes]:
    """A record in the form that flows see."""
    return Event(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        headers=read_headers(record.headers),
        raw=record.value,
        value=record.value,
        timestamp=record.timestamp / 1000,
    )
