"""RabbitMQ -> Kafka on real brokers: nothing is acked before Kafka has it, and nothing is lost on the way."""

from pathlib import Path

import pytest

from tests.support.bridge import TOKEN, publish, ready_count, until, world

pytestmark = pytest.mark.services


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
