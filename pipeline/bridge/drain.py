"""One drain of one queue by command: what is ready now, at most exactly N messages, each acked when Kafka has it.

    RabbitMQ -> inbox -> edge, marks of the run -> Kafka -> ack of the confirmed prefix

RabbitMQ gives a consumer its prefetch, and one more for each that is acked. So no more than N ever leave the queue as
long as acked + prefetch <= N: the last acks are held back until the consumer is cancelled. What is not taken has not
been touched (no `redelivered`), and basic.get, which some queues refuse, is not used. Ended in the middle by whatever:
what is not acked RabbitMQ delivers again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic

from pipeline.bridge.connection import RPC_TIMEOUT, Connection, close_channel
from pipeline.bridge.dead import edge_letter, too_long_letter
from pipeline.bridge.declare import declare_inbound, ready_messages
from pipeline.bridge.edges import Edge, checked
from pipeline.bridge.faults import amqp_faults, describe
from pipeline.bridge.message import from_delivery
from pipeline.bridge.run_items import RunItems
from pipeline.bridge.session import describe_defect
from pipeline.bridge.window import MORE, Posted, Window
from pipeline.delivery.errors import Permanent, PipelineError, Transient
from pipeline.delivery.producer import Confirmation, translate
from pipeline.delivery.records import Record
from pipeline.topology import InboundQueue

__all__ = ["Drain", "Post"]

#: Puts a record into the producer's buffer; the future raises aiokafka's errors, the call those of the taxonomy.
Post = Callable[[Record], Awaitable[Confirmation]]

VERSION = "1"
TAG = "pipeline exchange"
#: messages that are out un-acked at most; 200 of 10 MiB still fit into memory
PREFETCH = 200
#: seconds without a message after which RabbitMQ is asked whether there are any
IDLE = 0.5
#: seconds without a message after which a queue that has some is given up
STARVED = 30.0


class Drain:
    """`ready` first, then `take` once. `received`: messages taken."""

    def __init__(
        self, inbound: InboundQueue, edge: Edge, connection: Connection, post: Post, items: RunItems, message_limit: int
    ) -> None:
        self.inbound = inbound
        self.received = 0
        self._edge = edge
        self._connection = connection
        self._post = post
        self._items = items
        self._message_limit = message_limit
        self._inbox: deque[DeliveredMessage] = deque()
        self._window = Window()
        self._wake = asyncio.Event()
        self._confirmed = 0
        self._acked = 0
        self._cancelled = False

    async def ready(self) -> tuple[int, list[str]]:
        """Messages ready now, and how the queue differs from ours; it is made when missing. Raises Transient."""
        differences = await declare_inbound(self._connection, self.inbound)
        return await ready_messages(self._connection, self.inbound.queue), differences

    async def take(self, most: int, seconds: float | None = None) -> None:
        """Take `most` messages, or what there is of them, within so many seconds (None = no limit).

        Raises:
            Transient: RabbitMQ or Kafka is away; what was not acked comes again.
        """
        if most < 1:
            return
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        channel = await self._connection.channel()
        closing = channel.closing
        closing.add_done_callback(lambda _: self._wake.set())
        channel.on_consumer_cancel_callbacks.add(self._on_cancel)
        held = min(most, PREFETCH)
        try:
            with amqp_faults(f"consume queue {self.inbound.queue}"):
                await channel.basic_qos(prefetch_count=held, timeout=RPC_TIMEOUT)
                await channel.basic_consume(self.inbound.queue, self._on_message, consumer_tag=TAG, timeout=RPC_TIMEOUT)
            await self._consume(channel, closing, most, held, deadline)
            if not self._cancelled:
                with amqp_faults("cancel the consumer"):
                    await channel.basic_cancel(TAG, timeout=RPC_TIMEOUT)
            await self._finish(channel)
        finally:
            closing.cancel()
            await close_channel(channel)

    async def _consume(
        self, channel: Channel, closing: asyncio.Future[Any], most: int, held: int, deadline: float
    ) -> None:
        last = looked = time.monotonic()
        while True:
            self._wake.clear()
            if self._inbox:
                await self._post_all()
                last = looked = time.monotonic()
            await self._ack(channel, most - held)
            if self.received >= most or self._cancelled or time.monotonic() >= deadline:
                return
            if closing.done():
                raise Transient(f"queue {self.inbound.queue}: {_why(closing)}")
            try:
                async with asyncio.timeout(min(IDLE, deadline - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                now = time.monotonic()
                if now - looked >= IDLE and all(posted.future.done() for posted in self._window):
                    looked = now
                    if await self._nothing_more(now - last):
                        return

    async def _nothing_more(self, silence: float) -> bool:
        """Others may read the queue too, or what was ready has expired. Raises Transient: it gives nothing."""
        ready = await ready_messages(self._connection, self.inbound.queue)
        if ready and silence > STARVED:
            raise Transient(
                f"queue {self.inbound.queue} gives nothing for {silence:.0f} s though {ready} messages are ready; "
                "does it belong to one consumer, which is another?"
            )
        return not ready

    async def _finish(self, channel: Channel) -> None:
        """What has come is taken: given back it would be marked as delivered before."""
        await self._post_all()
        while self._window:
            await self._window.settle()
            await self._ack(channel, self.received)

    async def _on_message(self, delivered: DeliveredMessage) -> None:
        self._inbox.append(delivered)
        self._wake.set()

    def _on_cancel(self, frame: Basic.Cancel) -> None:
        self._cancelled = True
        self._wake.set()

    async def _post_all(self) -> None:
        while self._inbox:
            delivered = self._inbox.popleft()
            self.received += 1
            made = self._translated(delivered)
            tag: int = delivered.delivery.delivery_tag  # type: ignore[union-attr, assignment]
            for number, record in enumerate(made, 1):
                await self._send(tag if number == len(made) else MORE, record)

    def _translated(self, delivered: DeliveredMessage) -> list[Record]:
        message = from_delivery(self.inbound.queue, delivered)
        try:
            made = checked(self._edge(message))
        except Exception as error:
            item = self._items.new(self.inbound, None)
            self._items.failed(item, describe_defect(error))
            return [edge_letter(self.inbound, message, error, version=VERSION, message_limit=self._message_limit)]
        return [self._items.mark(self.inbound, one) for one in ([made] if isinstance(made, Record) else made)]

    async def _send(self, tag: int, record: Record) -> None:
        try:
            future = await self._post(record)
        except Permanent as error:
            record = self._buried(record, error)
            future = await self._post(record)
        future.add_done_callback(lambda _: self._wake.set())
        self._window.add(Posted(tag, record, future))

    async def _ack(self, channel: Channel, most: int) -> None:
        """Ack what Kafka has confirmed, `most` messages of the channel's at most. Raises Transient: Kafka took none."""
        self._confirmed += self._window.take()[1]
        allowed = min(self._confirmed, most)
        if allowed > self._acked:
            with amqp_faults("ack"):
                # the tags of a channel are 1, 2, 3, ... in the order of delivery
                await channel.basic_ack(allowed, multiple=True, wait=False)
            self._acked = allowed
        for posted in self._window.failed():
            await self._again(posted)

    async def _again(self, posted: Posted) -> None:
        error = translate(posted.error or asyncio.CancelledError())
        if not isinstance(error, Permanent):
            raise error
        posted.record = self._buried(posted.record, error)
        posted.future = await self._post(posted.record)
        posted.future.add_done_callback(lambda _: self._wake.set())

    def _buried(self, record: Record, error: PipelineError) -> Record:
        self._items.failed_record(record, str(error))
        return too_long_letter(self.inbound, record, error, version=VERSION)


def _why(closing: asyncio.Future[Any]) -> str:
    error = None if closing.cancelled() else closing.exception()
    return describe(error) if error is not None else "the channel was closed"
