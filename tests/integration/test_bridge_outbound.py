"""Answers -> RabbitMQ on real brokers: addressed as the old proxy did it, confirmed, parked when nobody takes them."""

import asyncio
from pathlib import Path

import pytest

from pipeline.topology import DEAD_LETTERS
from tests.support.bridge import MemoryTable, World, amqp, declare, delete, drain, ready_count, until, world

pytestmark = pytest.mark.services


def parked(w: World) -> int:
    return sum(destination.parked for destination in w.bridge.status().destinations)


async def test_answer_goes_to_the_queue_ampqout_as_the_old_proxy_sent_it(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.answer(w.event(b'{"result":1}', message_id="m1", answer_id="a1", correlation_id="c1"))
        await w.answer(w.event(b'{"error":"x"}', message_id="m2", answer_id="a2", error_class="auth"))
        first, second = await drain(w.url, w.settings.ampqout)
        assert first.body == b'{"result":1}'
        properties = first.header.properties
        assert properties.content_type == "text/json"
        assert properties.delivery_mode == 2
        assert (properties.message_id, properties.correlation_id) == ("m1", "c1")
        assert properties.headers == {"answer-id": "a1", "status": "200", "attempts": "1", "portal": "default"}
        assert second.header.properties.headers["error-class"] == "auth"
        assert second.header.properties.correlation_id is None


async def test_results_of_flows_are_not_ours(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.answer(w.event(b"{}", message_id="m1", answer_id="a1", source="flow"))
        await w.answer(w.event(b"{}", message_id="m2", answer_id="a2"))
        assert [m.header.properties.message_id for m in await drain(w.url, w.settings.ampqout)] == ["m2"]


async def test_reply_to_names_a_queue_when_ampqout_is_one(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        own = f"{w.settings.ampqout}-own"
        await declare(w.url, own)
        await w.run()
        await w.answer(w.event(b"{}", message_id="m1", answer_id="a1", reply_to=own))
        assert len(await drain(w.url, own)) == 1
        assert await ready_count(w.url, w.settings.ampqout) == 0


async def test_ampqout_may_be_an_exchange(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        name = w.settings.ampqout
        async with amqp(w.url) as channel:
            await channel.exchange_declare(name, exchange_type="direct", durable=True)
            for queue, key in ((f"{name}-a", "a"), (f"{name}-b", name)):
                await channel.queue_declare(queue, durable=True)
                await channel.queue_bind(queue, name, key)
        await w.run()
        await w.answer(w.event(b"{}", message_id="m1", answer_id="a1", reply_to="a"))
        await w.answer(w.event(b"{}", message_id="m2", answer_id="a2"))
        assert [m.header.properties.message_id for m in await drain(w.url, f"{name}-a")] == ["m1"]
        assert [m.header.properties.message_id for m in await drain(w.url, f"{name}-b")] == ["m2"]
        assert await ready_count(w.url, name) is None, "no queue of the exchange's name is made"


async def test_missing_reply_queue_parks_its_answers_and_nobody_elses(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        gone = f"{w.settings.ampqout}-gone"
        await w.run()
        for number in range(120):
            await w.answer(
                w.event(b"%d" % number, offset=number, message_id=f"m{number}", answer_id=f"a{number}", reply_to=gone)
            )
        await w.answer(w.event(b"{}", offset=200, message_id="other", answer_id="a-other"))
        assert len(await drain(w.url, w.settings.ampqout)) == 1
        assert parked(w) == 120
        assert len(w.runtime.parked.rows) == 120
        (destination,) = w.bridge.status().destinations
        assert destination.destination == f"queue {gone}"
        assert "NO_ROUTE" in destination.reason
        assert destination.oldest_age is not None
        await declare(w.url, gone)
        await until(lambda: parked(w) == 0, "parked answers leave")
        found = await drain(w.url, gone)
        assert sorted(int(m.body) for m in found) == list(range(120))
        assert {m.header.properties.headers["answer-id"] for m in found} == {f"a{n}" for n in range(120)}
        assert not w.runtime.parked.rows


async def test_full_queue_that_rejects_parks_until_there_is_room(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await declare(w.url, w.settings.ampqout, {"x-max-length": 2, "x-overflow": "reject-publish"})
        await w.run()
        for number in range(5):
            await w.answer(w.event(b"%d" % number, offset=number, message_id=f"m{number}", answer_id=f"a{number}"))
        assert parked(w) == 3
        got: list[int] = []
        while len(got) < 5:
            got += [int(m.body) for m in await drain(w.url, w.settings.ampqout)]
            await asyncio.sleep(0.05)
        assert sorted(got) == [0, 1, 2, 3, 4]
        await until(lambda: parked(w) == 0, "no row is left")


async def test_parked_answers_are_taken_over_by_the_next_owner(kafka, rabbitmq, tmp_path: Path) -> None:
    table = MemoryTable()
    async with world(kafka.url, rabbitmq.url, tmp_path, table=table) as w:
        gone = f"{w.settings.ampqout}-gone"
        await w.run()
        await w.answer(w.event(b"kept", message_id="m1", answer_id="a1", reply_to=gone, partition=7))
        await w.bridge.stop()
        assert len(table.rows) == 1
    async with world(kafka.url, rabbitmq.url, tmp_path, table=table) as w:
        await w.run()
        assert parked(w) == 1
        await declare(w.url, gone)
        await until(lambda: parked(w) == 0, "it leaves")
        assert [m.body for m in await drain(w.url, gone)] == [b"kept"]


async def test_parked_for_too_long_is_a_dead_letter_with_its_origin(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path, answer_park_limit=0.5) as w:
        gone = f"{w.settings.ampqout}-gone"
        await w.run()
        await w.answer(w.event(b"old", offset=42, partition=3, message_id="m1", answer_id="a1", reply_to=gone))
        await until(lambda: parked(w) == 0, "it is buried")
        (letter,) = await w.records(DEAD_LETTERS)
        headers = {name: text.decode() for name, text in letter.headers}
        assert letter.value == b"old"
        assert headers["dl-offset"] == "42"
        assert headers["dl-partition"] == "3"
        assert headers["dl-agent"] == "amqp-answers"
        assert gone in headers["dl-last-error"]
        assert headers["answer-id"] == "a1"
        assert not w.runtime.parked.rows


async def test_two_answers_of_one_message_id_each_get_their_own_fate(kafka, rabbitmq, tmp_path: Path) -> None:
    """aiormq matches returned messages by message_id: in flight together, the wrong one would count as delivered."""
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        gone = f"{w.settings.ampqout}-gone"
        await w.run()
        await asyncio.gather(
            *(
                w.answer(
                    w.event(
                        b"%d" % number,
                        offset=number,
                        message_id="same",
                        answer_id=f"a{number}",
                        **({"reply_to": gone} if number % 2 else {}),
                    )
                )
                for number in range(40)
            )
        )
        assert sorted(int(m.body) for m in await drain(w.url, w.settings.ampqout)) == list(range(0, 40, 2))
        assert parked(w) == 20


async def test_vanished_exchange_parks_and_does_not_hold_up_the_channel(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path, ampqout_kind="exchange") as w:
        await w.run()
        await w.answer(w.event(b"{}", message_id="m1", answer_id="a1", reply_to="k"))
        assert parked(w) == 1
        assert "NOT_FOUND" in w.bridge.status().destinations[0].reason
        async with amqp(w.url) as channel:
            await channel.exchange_declare(w.settings.ampqout, durable=True)
            queue = f"{w.settings.ampqout}-q"
            await channel.queue_declare(queue, durable=True)
            await channel.queue_bind(queue, w.settings.ampqout, "k")
        await until(lambda: parked(w) == 0, "it leaves")
        assert len(await drain(w.url, queue)) == 1


async def test_queue_deleted_while_running_parks(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.answer(w.event(b"1", message_id="m1", answer_id="a1"))
        await delete(w.url, w.settings.ampqout)
        await w.answer(w.event(b"2", message_id="m2", answer_id="a2"))
        assert parked(w) == 1
        await declare(w.url, w.settings.ampqout)
        await until(lambda: parked(w) == 0, "it leaves")
        assert [m.body for m in await drain(w.url, w.settings.ampqout)] == [b"2"]
