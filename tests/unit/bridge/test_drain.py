"""A drain against a RabbitMQ that gives as the real one does (prefetch, and one more for each ack) and a told Kafka."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelClosed
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from pipeline.bridge import drain as drain_module
from pipeline.bridge.drain import Drain
from pipeline.bridge.event_edges import EVENT_EDGES
from pipeline.bridge.run_items import Item, RunItems
from pipeline.delivery.errors import Transient
from pipeline.delivery.records import Record
from pipeline.topology import DEAD_LETTERS, EVENTS_SETTLEMENT, InboundQueue

INBOUND = InboundQueue("q", EVENTS_SETTLEMENT, "settlements", event="settlement", mode="on-command")


class Broker:
    """One queue and one channel to it."""

    def __init__(self, bodies: list[bytes]) -> None:
        self.queue = bodies
        self.given: list[bytes] = []
        self.acked = 0
        self.prefetch = 0
        self.cancelled = False
        self.gives = True
        self.closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_consumer_cancel_callbacks: set[Callable[[Any], None]] = set()
        self._callback: Any = None

    # -- channel

    async def basic_qos(self, *, prefetch_count: int, timeout: float) -> None:
        self.prefetch = prefetch_count

    async def basic_consume(self, queue: str, callback: Any, **_: Any) -> None:
        self._callback = callback
        await self._give()

    async def basic_cancel(self, tag: str, **_: Any) -> None:
        self.cancelled = True

    async def basic_ack(self, tag: int, *, multiple: bool, wait: bool) -> None:
        if self.closing.done():
            raise ChannelClosed()
        assert multiple and self.acked < tag <= len(self.given)
        self.acked = tag
        await self._give()

    async def close(self, timeout: float) -> None: ...

    async def _give(self) -> None:
        while self.gives and self.queue and not self.cancelled and len(self.given) - self.acked < self.prefetch:
            body = self.queue.pop(0)
            self.given.append(body)
            delivery = Basic.Deliver("tag", len(self.given), False, "x", "")
            header = ContentHeader(properties=Basic.Properties())
            await self._callback(DeliveredMessage(delivery, header, body, self))  # type: ignore[arg-type]

    # -- connection

    async def channel(self) -> Any:
        return self

    @asynccontextmanager
    async def throwaway(self) -> AsyncIterator[Any]:
        yield self

    async def queue_declare(self, name: str, **_: Any) -> Any:
        return type("Declared", (), {"message_count": len(self.queue)})


class Kafka:
    """`fate` tells how each record ends: an error, or None = confirmed; in any order."""

    def __init__(self, fate: Callable[[Record], Exception | None] = lambda record: None) -> None:
        self.records: list[Record] = []
        self.confirmed: list[Record] = []
        self._fate = fate
        self._random = random.Random(7)

    async def post(self, record: Record) -> Any:
        self.records.append(record)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        loop.call_later(self._random.random() * 0.002, self._end, future, record)
        return future

    def _end(self, future: asyncio.Future[Any], record: Record) -> None:
        error = self._fate(record)
        if error is None:
            self.confirmed.append(record)
            future.set_result(None)
        else:
            future.set_exception(error)


class Stage:
    def __init__(self, bodies: list[bytes], kafka: Kafka | None = None, edge: Any = None) -> None:
        self.broker = Broker(bodies)
        self.kafka = kafka or Kafka()
        self.items: list[Item] = []
        self.failed: list[tuple[str, str]] = []
        self.drain = Drain(
            INBOUND,
            edge or EVENT_EDGES["settlements"](INBOUND),
            self.broker,  # type: ignore[arg-type]
            self.kafka.post,
            RunItems(
                "run",
                force=False,
                took=self.items.append,
                failed=lambda item, reason: self.failed.append((item.label, reason)),
            ),
            10**6,
        )


def bodies(count: int) -> list[bytes]:
    """Every third message has two applications."""
    return [
        b'{"a": {"XML_ID": "a%d"}, "b": {"XML_ID": "b%d"}}' % (n, n) if n % 3 == 0 else b'{"a": {"XML_ID": "a%d"}}' % n
        for n in range(count)
    ]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "IDLE", 0.01)
    monkeypatch.setattr(drain_module, "PREFETCH", 5)


@pytest.mark.parametrize("most", [1, 2, 4, 5, 6, 7, 11, 29])
async def test_exactly_so_many_leave_the_queue(most: int) -> None:
    stage = Stage(bodies(30))
    await stage.drain.take(most)
    assert (stage.drain.received, len(stage.broker.given), stage.broker.acked) == (most, most, most)
    assert len(stage.broker.queue) == 30 - most, "the others have never been given out"
    assert stage.broker.cancelled
    assert len(stage.items) == len(stage.kafka.confirmed) == sum(2 if n % 3 == 0 else 1 for n in range(most))
    assert {record.headers["run"] for record in stage.kafka.records} == {"run"}


async def test_nothing_to_take_touches_nothing() -> None:
    stage = Stage(bodies(3))
    await stage.drain.take(0)
    assert stage.broker.given == [] and stage.broker.prefetch == 0


async def test_what_others_took_meanwhile_is_not_waited_for() -> None:
    stage = Stage(bodies(8))
    await stage.drain.take(20)
    assert (stage.drain.received, stage.broker.acked) == (8, 8)


async def test_a_queue_that_gives_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "STARVED", 0.03)
    stage = Stage(bodies(8))
    stage.broker.gives = False
    with pytest.raises(Transient, match="8 messages are ready"):
        await stage.drain.take(8)


async def test_when_time_is_over_what_has_come_is_still_taken() -> None:
    """Given back it would be marked as delivered before, and count against a quorum queue's limit."""
    stage = Stage(bodies(30))
    await stage.drain.take(30, 0.0)
    assert 0 < stage.drain.received < 30
    assert stage.broker.acked == stage.drain.received == len(stage.broker.given)


async def test_kafka_away_acks_what_it_has_and_no_more() -> None:
    stage = Stage(bodies(12), Kafka(lambda record: KafkaTimeoutError() if record.key == b"a7" else None))
    with pytest.raises(Transient, match="KafkaTimeoutError"):
        await stage.drain.take(12)
    assert stage.broker.acked <= 7
    assert b"a7" not in {record.key for record in stage.kafka.confirmed}


async def test_half_a_message_is_not_acked() -> None:
    stage = Stage(bodies(1), Kafka(lambda record: KafkaTimeoutError() if record.key == b"b0" else None))
    with pytest.raises(Transient):
        await stage.drain.take(1)
    assert stage.broker.acked == 0


async def test_what_is_too_long_becomes_a_dead_letter_and_has_failed() -> None:
    def fate(record: Record) -> Exception | None:
        return MessageSizeTooLargeError() if record.key == b"a1" and record.topic != DEAD_LETTERS else None

    stage = Stage(bodies(3), Kafka(fate))
    await stage.drain.take(3)
    assert stage.broker.acked == 3
    assert [record.key for record in stage.kafka.confirmed if record.topic == DEAD_LETTERS] == [b"a1"]
    ((label, reason),) = stage.failed
    assert label == "a1" and "longer than the topic takes" in reason


async def test_a_defect_of_the_edge_costs_one_item() -> None:
    def edge(message: Any) -> Record:
        if message.body == b"bad":
            raise ValueError("about a secret")
        return Record(INBOUND.topic, message.body, b"k")

    stage = Stage([b"good", b"bad"], edge=edge)
    await stage.drain.take(2)
    assert stage.broker.acked == 2
    assert [record.topic for record in stage.kafka.confirmed].count(DEAD_LETTERS) == 1
    assert stage.failed == [("message 2", "ValueError")]


async def test_a_lost_channel_ends_it() -> None:
    stage = Stage(bodies(3))
    stage.broker.gives = False
    taking = asyncio.create_task(stage.drain.take(3))
    await asyncio.sleep(0)
    stage.broker.closing.set_exception(ConnectionResetError("gone"))
    with pytest.raises(Transient, match="gone"):
        await taking


async def test_a_deleted_queue_ends_it_with_what_has_come() -> None:
    stage = Stage(bodies(5))
    taking = asyncio.create_task(stage.drain.take(30))
    await asyncio.sleep(0)
    for callback in stage.broker.on_consumer_cancel_callbacks:
        callback(None)
    await taking
    assert stage.drain.received == len(stage.kafka.confirmed) - 2 == 5
