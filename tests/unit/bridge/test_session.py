"""A session against a channel and a Kafka that behave as told: what is acked when, what is sent again and how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from pipeline.bridge import session as session_module
from pipeline.bridge.counts import Counts
from pipeline.bridge.session import Session
from pipeline.delivery.errors import BadInput, Transient
from pipeline.delivery.records import Record
from pipeline.delivery.retry import Backoff
from pipeline.topology import DEAD_LETTERS, InboundQueue

INBOUND = InboundQueue("in", "requests", "plain")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "RETRY", Backoff(0.001, 0.002))


class Channel:
    """What a session uses of aiormq's channel."""

    def __init__(self) -> None:
        self.closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_consumer_cancel_callbacks: set[Callable[[Any], None]] = set()
        self.acked: list[int] = []
        self.cancelled = False
        self.closed = False
        self.callback: Any = None

    async def basic_qos(self, **_: Any) -> None: ...

    async def basic_consume(self, queue: str, callback: Any, **_: Any) -> None:
        self.callback = callback

    async def basic_cancel(self, tag: str, **_: Any) -> None:
        self.cancelled = True

    async def basic_ack(self, tag: int, *, multiple: bool, wait: bool) -> None:
        assert multiple
        self.acked.append(tag)

    async def close(self, timeout: float) -> None:
        self.closed = True

    async def deliver(self, *tags: int) -> None:
        for tag in tags:
            delivery = Basic.Deliver("pipeline", tag, False, "", "in")
            header = ContentHeader(properties=Basic.Properties(message_id=f"m{tag}"))
            await self.callback(DeliveredMessage(delivery, header, b"%d" % tag, self))  # type: ignore[arg-type]


class Producer:
    """Posts are kept; the test says how each ends. `refuse` errors are raised by the next posts, in order."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes, dict[str, bytes], asyncio.Future[Any]]] = []
        self.refuse: list[Exception] = []

    async def post_raw(self, topic: str, value: bytes, key: Any, partition: Any, headers: Any) -> Any:
        if self.refuse:
            raise self.refuse.pop(0)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.posts.append((topic, value, dict(headers), future))
        return future

    def values(self) -> list[bytes]:
        return [value for _, value, _, _ in self.posts]

    def confirm(self, *numbers: int) -> None:
        for number in numbers:
            self.posts[number][3].set_result(None)

    def fail(self, *numbers: int, error: Exception | None = None) -> None:
        for number in numbers:
            self.posts[number][3].set_exception(error or KafkaTimeoutError())


class Stage:
    def __init__(self, edge: Any = None) -> None:
        self.channel = Channel()
        self.producer = Producer()
        self.counts = Counts("in")
        self.session = Session(
            INBOUND,
            self.channel,  # type: ignore[arg-type]
            edge=edge or (lambda message: Record("requests", message.body, headers={"id": message.message_id or ""})),
            producer=self.producer,  # type: ignore[arg-type]
            wire=lambda topic: f"wire.{topic}",
            counts=self.counts,
            prefetch=10,
            message_limit=10**6,
        )
        self.running = asyncio.create_task(self.session.run())

    async def settled(self) -> None:
        """Let everything run that can."""
        for _ in range(200):
            await asyncio.sleep(0)

    async def posted(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.producer.posts) < count:
                await asyncio.sleep(0.001)


@asynccontextmanager
async def stage(edge: Any = None) -> AsyncIterator[Stage]:
    made = Stage(edge)
    await made.settled()
    try:
        yield made
    finally:
        made.running.cancel()
        await asyncio.wait({made.running})


async def test_acks_only_the_confirmed_prefix_with_one_frame() -> None:
    async with stage() as s:
        await s.channel.deliver(1, 2, 3, 4)
        await s.settled()
        assert s.producer.values() == [b"1", b"2", b"3", b"4"]
        assert s.producer.posts[0][0] == "wire.requests"
        s.producer.confirm(1, 2)
        await s.settled()
        assert s.channel.acked == []
        s.producer.confirm(0)
        await s.settled()
        assert s.channel.acked == [3]
        assert (s.counts.acked, s.counts.unacked) == (3, 1)


async def test_what_kafka_did_not_take_is_sent_again_in_order_and_marked() -> None:
    async with stage() as s:
        await s.channel.deliver(1, 2, 3)
        await s.settled()
        s.producer.fail(0, 2)
        s.producer.confirm(1)
        await s.posted(4)
        await s.channel.deliver(4)
        await s.settled()
        assert s.producer.values() == [b"1", b"2", b"3", b"1"], "one probe, nothing else"
        assert s.channel.acked == []
        assert "KafkaTimeoutError" in s.counts.status().error
        s.producer.confirm(3)
        await s.posted(5)
        assert s.producer.values()[4] == b"3"
        s.producer.confirm(4)
        await s.posted(6)
        assert s.producer.values()[5] == b"4"
        s.producer.confirm(5)
        await s.settled()
        assert s.channel.acked[-1] == 4
        marked = [value for _, value, headers, _ in s.producer.posts if headers.get("amqp-redelivered") == b"1"]
        assert marked == [b"1", b"3"]
        assert s.counts.status().error == ""


async def test_full_buffer_holds_without_marking_anything_as_a_copy() -> None:
    async with stage() as s:
        s.producer.refuse = [Transient("full"), Transient("full")]
        await s.channel.deliver(1, 2)
        await s.posted(2)
        s.producer.confirm(0, 1)
        await s.settled()
        assert s.channel.acked == [2]
        assert s.producer.values() == [b"1", b"2"]
        assert all("amqp-redelivered" not in headers for _, _, headers, _ in s.producer.posts)


@pytest.mark.parametrize("late", [False, True])
async def test_record_that_is_too_long_becomes_a_dead_letter(late: bool) -> None:
    async with stage() as s:
        if not late:
            s.producer.refuse = [BadInput("too long")]
        await s.channel.deliver(1, 2)
        await s.posted(2)
        if late:
            s.producer.fail(0, error=MessageSizeTooLargeError())
            s.producer.confirm(1)
            await s.posted(3)
        topic, value, headers, future = s.producer.posts[2 if late else 0]
        assert topic == f"wire.{DEAD_LETTERS}"
        assert value == b""
        assert headers["dl-value-length"] == b"1"
        assert s.channel.acked == [], "not acked before its dead letter is in Kafka"
        future.set_result(None)
        if not late:
            s.producer.confirm(1)
        await s.settled()
        assert s.channel.acked[-1] == 2
        assert s.counts.buried == 1


async def test_unexpected_error_of_kafka_ends_the_session_with_it() -> None:
    async with stage() as s:
        await s.channel.deliver(1)
        await s.settled()
        s.producer.fail(0, error=ZeroDivisionError("defect"))
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(s.running, 5)
        assert s.channel.acked == []


async def test_stop_acks_what_kafka_confirms_in_time_and_posts_nothing_more() -> None:
    async with stage() as s:
        await s.channel.deliver(1, 2)
        await s.settled()
        s.session.stop(5)
        await s.channel.deliver(3)
        await s.settled()
        assert s.channel.cancelled
        assert not s.running.done()
        s.producer.confirm(0, 1)
        assert await asyncio.wait_for(s.running, 5) == "stopped"
        assert s.channel.acked == [2]
        assert s.producer.values() == [b"1", b"2"]
        assert s.channel.closed


async def test_stop_does_not_wait_for_ever() -> None:
    async with stage() as s:
        await s.channel.deliver(1, 2)
        await s.settled()
        s.producer.confirm(1)
        s.session.stop(0.05)
        await asyncio.wait_for(s.running, 5)
        assert s.channel.acked == []
        assert not s.producer.posts[0][3].cancelled(), "Kafka's future is not ours to cancel"


async def test_messages_of_a_deleted_queue_are_still_posted() -> None:
    async with stage() as s:
        s.producer.refuse = [Transient("full")] * 3
        await s.channel.deliver(1, 2, 3)
        for callback in s.channel.on_consumer_cancel_callbacks:
            callback(Basic.Cancel("pipeline"))
        await s.posted(3)
        s.producer.confirm(0, 1, 2)
        assert "cancelled the consumer" in await asyncio.wait_for(s.running, 5)
        assert s.producer.values() == [b"1", b"2", b"3"]
        assert s.channel.acked[-1] == 3


async def test_lost_channel_ends_the_session_and_acks_nothing() -> None:
    async with stage() as s:
        await s.channel.deliver(1)
        await s.settled()
        s.channel.closing.set_exception(ConnectionResetError("gone"))
        assert "gone" in await asyncio.wait_for(s.running, 5)
        s.producer.confirm(0)
        await s.settled()
        assert s.channel.acked == []
        assert s.counts.unacked == 0


async def test_defect_in_an_edge_costs_one_message() -> None:
    def edge(message: Any) -> Record:
        if message.body == b"1":
            raise RuntimeError("defect")
        return Record("requests", message.body)

    async with stage(edge) as s:
        await s.channel.deliver(1, 2)
        await s.settled()
        assert [topic for topic, *_ in s.producer.posts] == [f"wire.{DEAD_LETTERS}", "wire.requests"]
        assert s.producer.values() == [b"1", b"2"]
        s.producer.confirm(0, 1)
        await s.settled()
        assert s.channel.acked == [2]
        assert s.counts.buried == 1


async def test_lone_messages_wait_for_nothing_and_others_for_a_moment() -> None:
    """One partition that hangs must not hold up the messages of the others."""
    async with stage() as s:
        await s.channel.deliver(1)
        await s.settled()
        assert s.producer.values() == [b"1"], "at once"
        await s.channel.deliver(2, 3)
        await s.settled()
        assert s.producer.values() == [b"1"], "together, when Kafka has spoken"
        s.producer.confirm(0)
        await s.settled()
        assert s.producer.values() == [b"1", b"2", b"3"]
        await s.channel.deliver(4)
        await s.posted(4)
        assert s.channel.acked == [1], "posted although 2 and 3 hang"


async def test_message_of_several_records_is_acked_when_kafka_has_all_of_them() -> None:
    def edge(message: Any) -> Record | list[Record]:
        if message.body == b"2":
            return [Record("requests", b"2%c" % part) for part in b"abc"]
        return Record("requests", message.body)

    async with stage(edge) as s:
        await s.channel.deliver(1, 2, 3)
        await s.settled()
        assert s.producer.values() == [b"1", b"2a", b"2b", b"2c", b"3"]
        s.producer.confirm(1, 2, 4)
        await s.settled()
        assert s.channel.acked == []
        s.producer.confirm(0)
        await s.settled()
        assert s.channel.acked == [1], "two of the second's three records are no reason to ack it"
        assert (s.counts.acked, s.counts.unacked) == (1, 2)
        s.producer.fail(3)
        await s.posted(6)
        assert s.producer.values()[5] == b"2c", "only the one that failed is sent again"
        assert s.channel.acked == [1]
        s.producer.confirm(5)
        await s.settled()
        assert s.channel.acked[-1] == 3
        assert (s.counts.acked, s.counts.unacked) == (3, 0)


async def test_first_records_of_a_message_ack_nothing_of_their_own() -> None:
    """Tag 0 with `multiple` would ack everything that is out."""
    async with stage(lambda message: [Record("requests", b"a"), Record("requests", b"b")]) as s:
        await s.channel.deliver(1)
        await s.settled()
        s.producer.confirm(0)
        await s.settled()
        assert s.channel.acked == []
        s.producer.confirm(1)
        await s.settled()
        assert s.channel.acked == [1]


async def test_edge_that_makes_nothing_is_a_defect_and_loses_nothing() -> None:
    async with stage(lambda message: []) as s:
        await s.channel.deliver(1)
        await s.settled()
        assert [(topic, value) for topic, value, *_ in s.producer.posts] == [(f"wire.{DEAD_LETTERS}", b"1")]
        s.producer.confirm(0)
        await s.settled()
        assert s.channel.acked == [1]
