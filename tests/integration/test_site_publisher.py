"""The sample day's publisher on a real RabbitMQ: order, properties, and exchanges that are not there."""

from __future__ import annotations

import uuid

import aio_pika
import pytest

from sandbox.site.day import EXCHANGES, make_day
from sandbox.site.publish import NoExchange, Publisher
from sandbox.site.sizes import Sizes
from stack.rabbitmq import RabbitMQ

pytestmark = pytest.mark.services


async def test_messages_arrive_as_they_were_made_and_a_missing_exchange_is_named(rabbitmq: RabbitMQ) -> None:
    prefix = f"{uuid.uuid4().hex[:6]}-"
    day = make_day(Sizes(users=20, products=10, sections=5, settlements=5), 1)
    connection = await aio_pika.connect(rabbitmq.url)
    async with connection, Publisher(rabbitmq.url, prefix) as publisher:
        with pytest.raises(NoExchange, match=f"{prefix}users, {prefix}products"):
            await publisher.look(EXCHANGES)
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        for name in EXCHANGES:
            await queue.bind(await channel.declare_exchange(prefix + name, "topic", auto_delete=True), "#")
        sent: list[int] = []
        await publisher.send(day.messages, sent.append)
        assert sum(sent) == len(day.messages)
        for wanted in day.messages:
            got = await queue.get()
            assert (got.exchange, got.routing_key, got.body) == (
                prefix + wanted.exchange,
                wanted.routing_key,
                wanted.body,
            )
            # the library gives an id of its own to what has none
            assert wanted.message_id in (None, got.message_id)
            assert got.timestamp == wanted.timestamp
            assert got.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
