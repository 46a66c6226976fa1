"""The client of the bus: publishes with confirms, reads all answers, and survives restarts of RabbitMQ."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import aiormq
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic

from pipeline.bridge.faults import amqp_faults
from pipeline.delivery.errors import Transient
from tests.chaos.cases import Answer, Case

__all__ = ["Outside"]

_PAUSE = 0.2
_AT_ONCE = 50
_CONFIRM_TIMEOUT = 20.0


class Outside:
    """One publisher and one reader, each with a connection of its own."""

    def __init__(self, url: str, queue_in: str, queue_out: str) -> None:
        logging.getLogger("aiormq").setLevel(logging.CRITICAL + 1)  # lost connections are what this is about
        self._url = url
        self._queues = (queue_in, queue_out)
        self._cases: dict[str, Case] = {}
        self._channels: dict[str, Channel] = {}
        self._opening = asyncio.Lock()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._reader: asyncio.Task[None] | None = None
        self.sent = 0
        self.answered = 0
        #: answers to nothing that was asked
        self.strangers: list[str] = []

    @property
    def unanswered(self) -> int:
        """Requests that RabbitMQ has confirmed and that have no answer yet."""
        return self.sent - self.answered

    async def start(self) -> None:
        """Make the queues, begin to read."""
        channel = await self._channel("in")
        for queue in self._queues:
            await channel.queue_declare(queue, durable=True)
        self._reader = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Close everything."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        for channel in self._channels.values():
            with suppress(Exception):
                await channel.connection.close()

    async def publish(self, cases: Sequence[Case], seconds: float = 0.0) -> None:
        """Publish in order, spread over `seconds`; returns when RabbitMQ has confirmed all."""
        pause = seconds / max(1, len(cases))
        async with asyncio.TaskGroup() as tasks:
            for case in cases:
                await self._room.acquire()
                self._cases[case.message_id] = case
                tasks.create_task(self._publish(case))
                await asyncio.sleep(pause)

    async def left(self) -> int:
        """Messages in the request queue; those held un-acked by a living consumer are not among them."""
        channel = await self._channel("in")
        return (await channel.queue_declare(self._queues[0], passive=True)).message_count or 0

    async def _publish(self, case: Case) -> None:
        properties = Basic.Properties(
            delivery_mode=2, message_id=case.message_id, content_type="text/json", headers=dict(case.headers)
        )

        async def once(channel: Channel) -> None:
            case.attempts += 1
            await channel.basic_publish(
                case.body,
                routing_key=self._queues[0],
                properties=properties,
                mandatory=True,
                timeout=_CONFIRM_TIMEOUT,
            )

        try:
            while not await self._tried("in", once):
                await asyncio.sleep(_PAUSE)
            case.confirmed = True
            self.sent += 1
        finally:
            self._room.release()

    async def _read(self) -> None:
        async def consume(channel: Channel) -> None:
            closing = channel.closing
            await channel.basic_qos(prefetch_count=500)
            await channel.basic_consume(self._queues[1], self._take)
            await asyncio.wait({closing})

        while True:
            await self._tried("out", consume)
            await asyncio.sleep(_PAUSE)

    async def _take(self, message: DeliveredMessage) -> None:
        properties = message.header.properties
        headers = {name: str(value) for name, value in (properties.headers or {}).items()}
        answer = Answer(
            headers.get("answer-id", ""),
            headers.get("error-class"),
            headers.get("status", ""),
            headers.get("portal", ""),
            message.body,
        )
        case = self._cases.get(properties.message_id or "")
        if case is None:
            self.strangers.append(f"{properties.message_id} {message.body[:100]!r}")
        # a message that we took and could not ack comes again, marked: that repeat is ours
        elif not (message.redelivered and answer in case.answers):
            self.answered += not case.answers
            case.answers.append(answer)
        with suppress(Transient), amqp_faults("ack"):
            await message.channel.basic_ack(message.delivery_tag or 0, wait=False)

    async def _tried(self, name: str, work: Callable[[Channel], Awaitable[None]]) -> bool:
        try:
            with amqp_faults(name):
                await work(await self._channel(name))
            return True
        except Transient:
            return False

    async def _channel(self, name: str) -> Channel:
        async with self._opening:
            channel = self._channels.get(name)
            if channel is None or channel.is_closed or channel.connection.is_closed:
                try:
                    connection = await aiormq.connect(f"{self._url}?heartbeat=10")
                except Exception:
                    await asyncio.sleep(_PAUSE)  # one of us knocks, the others wait behind the lock
                    raise
                channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                assert isinstance(channel, Channel)
                self._channels[name] = channel
            return channel
