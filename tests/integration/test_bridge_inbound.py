"""RabbitMQ -> Kafka on real brokers: nothing is acked before Kafka has it, and nothing is lost on the way."""

import asyncio
from pathlib import Path

import pytest
from pamqp.commands import Basic

from pipeline.bridge import prefetch
from pipeline.topology import DEAD_LETTERS
from tests.support.bridge import TOKEN, amqp, declare, delete, drain, publish, ready_count, until, world
from tests.support.cut import relay
from tests.support.services import KafkaFactory, RabbitMQFactory

pytestmark = pytest.mark.services


# Basic.Properties on the wire: flags, then values (AMQP 0-9-1, 4.2.6.1).
NOT_UTF8 = b"\x00\x80" + b"\x04\xff\xfe\xfdx"
FAR_FUTURE = b"\x00\x40" + (1_800_000_000 * 10**9).to_bytes(8, "big")
STRANGE_HEADER = b"\x20\x00" + b"\x00\x00\x00\x04" + b"\x01\xff" + b"t\x01"


class RawProperties(Basic.Properties):
    """Properties that are on the wire as given."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()
        self._raw = raw

    def marshal(self) -> bytes:
        return self._raw


def ids(records) -> list[str]:
    return [dict(record.headers)["amqp-message-id"].decode() for record in records]


async def test_messages_go_through_in_order_and_are_acked(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.reading()
        sent = await publish(w.url, w.settings.ampqin, 500)
        await until(lambda: w.bridge.status().queues[0].acked == 500, "500 acked")
        assert ids(await w.records()) == sent
        status = w.bridge.status()
        assert status.down_since is None
        assert status.queues[0].unacked == 0
        await w.bridge.stop()
        assert await ready_count(w.url, w.settings.ampqin) == 0


async def test_no_token_gets_into_kafka(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.reading()
        await publish(w.url, w.settings.ampqin, 3)
        await until(lambda: w.bridge.status().queues[0].acked == 3, "3 acked")
        for record in await w.records():
            assert TOKEN not in repr(record)


async def test_nothing_is_acked_while_kafka_is_frozen(kafka_factory: KafkaFactory, rabbitmq, tmp_path: Path) -> None:
    kafka = kafka_factory()
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.reading()
        before = await publish(w.url, w.settings.ampqin, 50)
        await until(lambda: w.bridge.status().queues[0].acked == 50, "50 acked")
        kafka.pause()
        try:
            sent = before + await publish(w.url, w.settings.ampqin, 300, first=50)
            await until(lambda: w.bridge.status().queues[0].unacked == 300, "300 taken")
            await until(lambda: w.bridge.status().queues[0].waits > 3, "Kafka's silence is shown")
            assert w.bridge.status().queues[0].acked == 50
        finally:
            kafka.resume()
        await until(lambda: w.bridge.status().queues[0].acked == 350, "all acked", 60)
        assert ids(await w.records()) == sent
        assert w.bridge.status().queues[0].redelivered == 0


async def test_kafka_stopped_and_started(kafka_factory: KafkaFactory, rabbitmq, tmp_path: Path) -> None:
    kafka = kafka_factory()
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.reading()
        await asyncio.to_thread(kafka.stop)
        sent = await publish(w.url, w.settings.ampqin, 200)
        await until(lambda: w.bridge.status().queues[0].unacked == 200, "200 taken")
        assert w.bridge.status().queues[0].acked == 0
        await asyncio.to_thread(kafka.start)
        await until(lambda: w.bridge.status().queues[0].acked == 200, "all acked", 60)
        assert set(ids(await w.records())) == set(sent)


async def test_giving_a_queue_up_while_kafka_is_frozen_leaves_all_to_the_next(
    kafka_factory: KafkaFactory, rabbitmq, tmp_path: Path
) -> None:
    kafka = kafka_factory()
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.reading()
        kafka.pause()
        try:
            sent = await publish(w.url, w.settings.ampqin, 100)
            await until(lambda: w.bridge.status().queues[0].unacked == 100, "100 taken")
            await w.bridge.readers[0].stop(0.5)
        finally:
            kafka.resume()
        async with asyncio.timeout(30):  # RabbitMQ puts them back one after another
            while await ready_count(w.url, w.settings.ampqin) != 100:
                await asyncio.sleep(0.05)
        await w.runtime.client.flush()
        w.bridge.readers[0].start()
        await until(lambda: w.bridge.status().queues[0].acked == 100, "all acked", 60)
        assert w.bridge.status().queues[0].redelivered == 100
        records = await w.records()
        copies = [r for r in records if dict(r.headers).get("amqp-redelivered") == b"1"]
        assert set(ids(records)) == set(sent)
        assert set(ids(copies)) == set(sent), "what may be a copy says so"


async def test_rabbitmq_stopped_and_started(kafka, rabbitmq_factory: RabbitMQFactory, tmp_path: Path) -> None:
    rabbitmq = rabbitmq_factory()
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.reading()
        sent = await publish(w.url, w.settings.ampqin, 100)
        await until(lambda: w.bridge.status().queues[0].acked == 100, "100 acked")
        await asyncio.to_thread(rabbitmq.stop)
        await until(lambda: w.bridge.status().down_since is not None, "it is seen to be down")
        waiting = asyncio.create_task(w.answer(w.event(b"1", message_id="m1", answer_id="a1")))
        await until(lambda: "guest:" not in (error := w.bridge.status().error) and error, "the reason is shown")
        await asyncio.to_thread(rabbitmq.start)
        sent += await publish(w.url, w.settings.ampqin, 100, first=100)
        await until(lambda: w.bridge.status().queues[0].acked == 200, "200 acked")
        await asyncio.wait_for(waiting, 30)
        assert [m.body for m in await drain(w.url, w.settings.ampqout)] == [b"1"]
        assert set(ids(await w.records())) == set(sent)
        assert w.bridge.status().down_since is None


async def test_connection_cut_again_and_again_loses_nothing(kafka, rabbitmq, tmp_path: Path) -> None:
    async with relay(rabbitmq.url) as wire, world(kafka.url, wire.url, tmp_path, prefetch=200) as w:
        await declare(rabbitmq.url, w.settings.ampqin)
        sent = await publish(rabbitmq.url, w.settings.ampqin, 3000)
        await w.run()
        for round_ in range(5):
            goal = 400 * (round_ + 1)
            await until(lambda goal=goal: w.bridge.status().queues[0].received >= goal, f"{goal} received")
            wire.cut()
        await until(lambda: w.bridge.inward.connects >= 6, "connected again")
        await w.reading()
        # Behind all others: what was un-acked goes back to its old place.
        sent += await publish(rabbitmq.url, w.settings.ampqin, 1, first=9999)
        while sent[-1] not in ids(await w.records()):
            assert w.bridge.status().queues[0].waits < 10
        await until(lambda: w.bridge.status().queues[0].unacked == 0, "all acked")
        assert set(ids(await w.records())) == set(sent)
        assert await ready_count(rabbitmq.url, w.settings.ampqin) == 0
        assert w.bridge.inward.connects >= 6
        assert w.bridge.status().queues[0].redelivered > 0


async def test_channel_closed_by_rabbitmq_comes_back(kafka, rabbitmq, tmp_path: Path) -> None:
    """As consumer_timeout does it: the channel ends with 406, the connection stays."""
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.reading()
        session = w.bridge.readers[0]._session
        assert session is not None
        await session._channel.basic_ack(4711)  # an unknown tag: PRECONDITION_FAILED
        await until(lambda: w.bridge.readers[0]._session not in (session, None), "a new session")
        sent = await publish(w.url, w.settings.ampqin, 20)
        await until(lambda: w.bridge.status().queues[0].acked == 20, "20 acked")
        assert ids(await w.records()) == sent
        assert w.bridge.inward.connects == 1


async def test_existing_queue_is_used_as_it_is_and_the_difference_told(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await declare(w.url, w.settings.ampqin, {"x-max-length": 1000}, durable=False)
        await w.run()
        await w.reading()
        (difference,) = w.bridge.status().queues[0].differences
        assert "inequivalent arg" in difference
        await publish(w.url, w.settings.ampqin, 5)
        await until(lambda: w.bridge.status().queues[0].acked == 5, "5 acked")


async def test_quorum_queue_is_used_as_it_is(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await declare(w.url, w.settings.ampqin, {"x-queue-type": "quorum"})
        await w.run()
        await w.reading()
        assert w.bridge.status().queues[0].differences
        await publish(w.url, w.settings.ampqin, 5)
        await until(lambda: w.bridge.status().queues[0].acked == 5, "5 acked")


async def test_queue_of_our_own_making_is_no_difference(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await declare(w.url, w.settings.ampqin)
        await w.run()
        await w.reading()
        assert w.bridge.status().queues[0].differences == ()


async def test_deleted_queue_is_made_again(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.reading()
        session = w.bridge.readers[0]._session
        await delete(w.url, w.settings.ampqin)
        await until(lambda: w.bridge.readers[0]._session not in (session, None), "a new session")
        await w.reading()
        await publish(w.url, w.settings.ampqin, 5)
        await until(lambda: w.bridge.status().queues[0].acked == 5, "5 acked")


async def test_edge_that_fails_buries_the_message_and_goes_on(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        reader = w.bridge.readers[0]
        good = reader._edge

        def edge(message):
            if message.body == b"bad":
                raise ValueError(f"about {message.headers}")
            return good(message)

        reader._edge = edge
        await w.run()
        await w.reading()
        await publish(w.url, w.settings.ampqin, 1, body=b"bad")
        await publish(w.url, w.settings.ampqin, 2, first=1)
        await until(lambda: w.bridge.status().queues[0].acked == 3, "3 acked")
        (letter,) = await w.records(DEAD_LETTERS)
        assert letter.value == b"bad"
        assert TOKEN not in repr(letter)
        headers = {name: text.decode() for name, text in letter.headers}
        assert headers["dl-queue"] == w.settings.ampqin
        assert "ValueError" in headers["dl-last-error"]
        assert headers["amqp-message-id"] == "m0"
        assert ids(await w.records()) == ["m1", "m2"]
        assert w.bridge.status().queues[0].buried == 1


async def test_message_that_cannot_be_decoded_does_not_stop_its_queue(kafka, rabbitmq, tmp_path: Path) -> None:
    """pamqp refuses these; without lenient.py the connection ends, and the message comes again for ever."""
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.reading()
        async with amqp(w.url) as channel:
            for properties in (NOT_UTF8, FAR_FUTURE, STRANGE_HEADER):
                await channel.basic_publish(b"{}", routing_key=w.settings.ampqin, properties=RawProperties(properties))
        await publish(w.url, w.settings.ampqin, 1)
        await until(lambda: w.bridge.status().queues[0].acked == 4, "4 acked")
        assert w.bridge.inward.connects == 1


async def test_prefetch_follows_the_size_of_messages(
    kafka, rabbitmq, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The consumer is registered anew, smaller and larger, under way: nothing is lost, doubled or out of order."""
    monkeypatch.setattr(prefetch, "HOLD", 2**20)
    async with world(kafka.url, rabbitmq.url, tmp_path, prefetch=200) as w:
        await declare(w.url, w.settings.ampqin)
        sent = await publish(w.url, w.settings.ampqin, 500)
        sent += await publish(w.url, w.settings.ampqin, 300, first=500, body=b"[%s]" % (b"1," * 50_000 + b"1"))
        sent += await publish(w.url, w.settings.ampqin, 500, first=800)
        await w.run()
        seen = set()
        await w.reading()
        session = w.bridge.readers[0]._session
        assert session is not None
        await until(
            lambda: seen.add(session._consumer._applied) or w.bridge.status().queues[0].acked == len(sent), "acked", 60
        )
        assert ids(await w.records()) == sent
        assert w.bridge.status().queues[0].redelivered == 0
        assert w.bridge.readers[0]._session is session
        assert min(seen) < prefetch.START < max(seen)
