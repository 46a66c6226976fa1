"""A client as it stands outside of the bus: sends sample requests by AMQP and collects the answers.

It knows nothing but the contract of the queues: headers `method`, `user`, `token`, property
`message_id`, a JSON body; the answer carries the same `message_id`.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelClosed

PATIENCE = 60.0
"""Seconds without any answer after which the client gives up."""

QUEUE_WAIT = 30.0
"""Seconds within which the queue for requests must exist."""


@dataclass(frozen=True)
class Target:
    """Where the client sends and listens, and as whom.

    `own_answers` = False: the broker and its answer queue are ours alone, so answers are read from there;
    True: the broker serves others too, so answers are asked for in a temporary queue by `reply_to`.
    `writes` = False leaves out requests that change the portal.
    """

    amqp_url: str
    queue_in: str
    queue_out: str
    own_answers: bool
    user: str = "1"
    token: str = "sandbox"
    writes: bool = True


@dataclass
class Result:
    """What came of it; `seconds` is from the first request to the last answer."""

    sent: int = 0
    answered: int = 0
    errors: int = 0
    seconds: float = 0.0
    deals: list[int] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds if self.seconds else 0.0


def sample(number: int, writes: bool, deals: list[int]) -> tuple[str, dict[str, object]]:
    """Method and parameters of the sample request `number`; `deals` are ids that may be read."""
    kind = number % 10
    if kind == 0 and writes:
        return "crm.deal.add", {"fields": {"TITLE": f"Sample deal {number}", "OPPORTUNITY": number}}
    if kind < 4 and deals:
        return "crm.deal.get", {"id": deals[number % len(deals)]}
    if kind < 6:
        return "profile", {}
    return "crm.deal.list", {"filter": {"%TITLE": "Sample"}, "select": ["ID", "TITLE"], "order": {"ID": "DESC"}}


class Client:
    """Sends samples and counts answers; `progress(result)` is called after each of both."""

    def __init__(self, target: Target, progress: Callable[[Result], None]) -> None:
        self._target = target
        self._progress = progress
        self._waiting: dict[str, str] = {}
        self._result = Result()
        self._answer_came = asyncio.Event()
        self._last_answer = 0.0

    async def run(self, count: int) -> Result:
        """Send `count` samples and wait for their answers, at most PATIENCE seconds after the last one.

        Raises OSError or aio_pika's errors when the broker cannot be reached or has no such queue.
        """
        connection = await aio_pika.connect(self._target.amqp_url)
        async with connection:
            channel = await connection.channel(publisher_confirms=True)
            await self._requests_are_taken(connection)
            answers = await self._answer_queue(channel)
            await answers.consume(self._take)
            began = self._last_answer = time.monotonic()
            # The first tenth adds deals, so that the others have some to read.
            first = count // 10 if self._target.writes else 0
            await self._send(channel, answers, [number * 10 for number in range(first)])
            await self._all_answered()
            await self._send(channel, answers, [n for n in range(count) if n % 10 or n >= first * 10])
            await self._all_answered()
            self._result.seconds = self._last_answer - began
        return self._result

    async def _requests_are_taken(self, connection: AbstractConnection) -> None:
        """The queue for requests exists: in a broker of ours we make it, in another one the worker soon does."""
        deadline = time.monotonic() + QUEUE_WAIT
        while True:
            # A wrong name closes the channel, so each question has one of its own.
            channel = await connection.channel()
            try:
                passive = self._target.own_answers
                await channel.declare_queue(self._target.queue_in, durable=True, passive=passive)
                return await channel.close()
            except ChannelClosed:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)

    async def _answer_queue(self, channel: AbstractChannel) -> AbstractQueue:
        if not self._target.own_answers:
            return await channel.declare_queue(self._target.queue_out, durable=True)
        name = f"{self._target.queue_out}-sample-{uuid.uuid4().hex[:12]}"
        queue = await self._own_queue(channel, name)
        try:
            await queue.bind(self._target.queue_out, routing_key=name)
        except ChannelClosed:
            # No such exchange, so the name is a queue's and answers come by the default exchange.
            await channel.reopen()
            queue = await self._own_queue(channel, name)
        return queue

    @staticmethod
    async def _own_queue(channel: AbstractChannel, name: str) -> AbstractQueue:
        # Not exclusive: the worker looks whether a queue exists before it answers there.
        return await channel.declare_queue(name, durable=True, auto_delete=True, arguments={"x-expires": 600_000})

    async def _send(self, channel: AbstractChannel, answers: AbstractQueue, numbers: list[int]) -> None:
        for start in range(0, len(numbers), 50):
            await asyncio.gather(*(self._send_one(channel, answers, n) for n in numbers[start : start + 50]))

    async def _send_one(self, channel: AbstractChannel, answers: AbstractQueue, number: int) -> None:
        target = self._target
        method, parameters = sample(number, target.writes, self._result.deals)
        message_id = str(uuid.uuid4())
        self._waiting[message_id] = method
        message = aio_pika.Message(
            json.dumps(parameters).encode(),
            headers={"method": method, "user": target.user, "token": target.token},
            message_id=message_id,
            content_type="text/json",
            reply_to=answers.name if target.own_answers else None,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await channel.default_exchange.publish(message, target.queue_in, mandatory=True)
        self._result.sent += 1
        self._progress(self._result)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        await message.ack()
        method = self._waiting.pop(message.message_id or "", None)
        if method is None:
            # Of an earlier run that was interrupted, or a repeat.
            return
        self._last_answer = time.monotonic()
        self._answer_came.set()
        self._result.answered += 1
        try:
            answer = json.loads(message.body)
            failed = "error" in answer
        except (ValueError, TypeError):
            answer, failed = {}, True
        self._result.errors += failed
        if method == "crm.deal.add" and not failed:
            self._result.deals.append(int(answer["result"]))
        self._progress(self._result)

    async def _all_answered(self) -> None:
        while self._waiting:
            self._answer_came.clear()
            try:
                await asyncio.wait_for(self._answer_came.wait(), PATIENCE)
            except TimeoutError:
                return
