"""The client of `make run` against a real RabbitMQ, with a stand-in for the bus that answers at once."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel

from stack import demo
from stack.demo import Client, Result, Target
from stack.rabbitmq import RabbitMQ

pytestmark = pytest.mark.services

Answer = Callable[[AbstractIncomingMessage], Awaitable[None]]


@pytest.fixture
async def channel(rabbitmq: RabbitMQ) -> AsyncIterator[AbstractRobustChannel]:
    async with await aio_pika.connect_robust(rabbitmq.url) as connection:
        yield await connection.channel()


async def _bus(channel: AbstractRobustChannel, url: str, *, own_answers: bool, exchange: bool = False) -> Target:
    """A pair of queues with somebody behind them who answers every request but those for `profile`, twice."""
    unique = uuid.uuid4().hex[:8]
    target = Target(url, f"in-{unique}", f"out-{unique}", own_answers=own_answers)
    requests = await channel.declare_queue(target.queue_in, durable=True)
    if exchange:
        out = await channel.declare_exchange(target.queue_out)
    else:
        await channel.declare_queue(target.queue_out, durable=True)
        out = channel.default_exchange

    async def answer(message: AbstractIncomingMessage) -> None:
        assert message.headers["user"] == "1" and message.headers["token"] == "sandbox"
        method = message.headers["method"]
        if method == "crm.deal.get":
            assert json.loads(message.body)["id"] == 77
        body: dict[str, object] = {"result": 77} if method != "profile" else {"error": "NO"}
        for _ in range(2):
            await out.publish(
                aio_pika.Message(json.dumps(body).encode(), message_id=message.message_id),
                message.reply_to or target.queue_out,
            )
        await message.ack()

    await requests.consume(answer)
    return target


@pytest.mark.parametrize(("own_answers", "exchange"), [(False, False), (True, False), (True, True)])
async def test_every_answer_is_counted_once(
    rabbitmq: RabbitMQ, channel: AbstractRobustChannel, own_answers: bool, exchange: bool
) -> None:
    target = await _bus(channel, rabbitmq.url, own_answers=own_answers, exchange=exchange)
    seen: list[tuple[int, int]] = []
    result = await Client(target, lambda r: seen.append((r.sent, r.answered))).run(100)
    assert (result.sent, result.answered, result.errors) == (100, 100, 20)
    assert result.deals == [77] * 10
    assert result.seconds > 0 and result.rate > 0
    assert seen[-1] == (100, 100)


async def test_a_shared_answer_queue_is_left_alone(rabbitmq: RabbitMQ, channel: AbstractRobustChannel) -> None:
    target = await _bus(channel, rabbitmq.url, own_answers=True)
    foreign = aio_pika.Message(b"{}", message_id="somebody's")
    await channel.default_exchange.publish(foreign, target.queue_out)
    await Client(target, lambda r: None).run(20)
    left = await (await channel.get_queue(target.queue_out)).get()
    assert left.message_id == foreign.message_id


async def test_missing_answers_are_missing_in_the_result(
    rabbitmq: RabbitMQ, channel: AbstractRobustChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "PATIENCE", 0.3)
    target = Target(rabbitmq.url, "nobody-reads", "nobody-writes", own_answers=False)
    for queue in (target.queue_in, target.queue_out):
        await channel.declare_queue(queue, durable=True)
    result: Result = await asyncio.wait_for(Client(target, lambda r: None).run(20), 30)
    assert (result.sent, result.answered) == (20, 0)


async def test_a_queue_for_requests_that_nobody_makes_is_an_error(
    rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "QUEUE_WAIT", 0.3)
    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity, match="nobody-makes"):
        await Client(Target(rabbitmq.url, "nobody-makes", "x", own_answers=True), lambda r: None).run(1)
