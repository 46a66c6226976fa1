"""One channel's life as a consumer: take, translate, post to Kafka, ack what Kafka has.

    RabbitMQ -> inbox -> pump (edge, post) -> window -> acker (multiple ack of the confirmed prefix)

Kafka down: nothing is acked, nothing is put back (a requeue loop burns a quorum queue's delivery limit, and then the
broker drops the message); the prefetch bounds what is held. What fails is sent again in order, one probe first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic

from pipeline.bridge.connection import close_channel
from pipeline.bridge.consumer import Consumer
from pipeline.bridge.counts import Counts
from pipeline.bridge.dead import edge_letter, too_long_letter
from pipeline.bridge.edges import REDELIVERED, YES, Edge, checked
from pipeline.bridge.faults import amqp_faults, describe
from pipeline.bridge.message import from_delivery
from pipeline.bridge.prefetch import Prefetch
from pipeline.bridge.window import MORE, Posted, Window
from pipeline.delivery.errors import Permanent, PipelineError, Transient
from pipeline.delivery.producer import Confirmation, ConfirmedProducer, translate
from pipeline.delivery.records import Record, wire_headers
from pipeline.delivery.retry import Backoff
from pipeline.topology import InboundQueue

__all__ = ["Session"]

VERSION = "1"
#: Messages posted before others get the event loop: 20,000 a second must not cost the interactive path its 50 ms.
TURN = 64
#: Messages that are posted although Kafka still owes its word on earlier ones.
RUN = 1000
#: Seconds that others wait at most for Kafka's word on earlier ones.
PATIENCE = 0.05
RETRY = Backoff(first=0.2, longest=5.0)


class Session:
    """From `run` until the channel ends, the queue goes or `stop`. Used once."""

    def __init__(
        self,
        inbound: InboundQueue,
        channel: Channel,
        *,
        edge: Edge,
        producer: ConfirmedProducer,
        wire: Callable[[str], str],
        counts: Counts,
        prefetch: int,
        message_limit: int,
    ) -> None:
        self._inbound = inbound
        self._channel = channel
        self._edge = edge
        self._producer = producer
        self._wire = wire
        self._counts = counts
        self._prefetch = Prefetch(prefetch)
        self._consumer = Consumer(channel, inbound.queue, self._on_message, self._prefetch, counts)
        self._message_limit = message_limit
        self._inbox: deque[DeliveredMessage] = deque()
        self._window = Window()
        self._wake = asyncio.Event()
        self._posted = asyncio.Event()
        self._go = asyncio.Event()
        self._go.set()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._stopping = False
        self._last_call = False
        self._pumped = False
        self._hurry = False
        self._stop_timeout = 0.0

    async def run(self) -> str:
        """Consume; returns why it ended. Raises Transient when consuming could not begin."""
        channel = self._channel
        adapter = pump = acker = None
        closing = channel.closing
        try:
            channel.on_consumer_cancel_callbacks.add(self._on_cancel)
            await self._consumer.begin()
            self._counts.consuming = True
            adapter = asyncio.create_task(self._consumer.adapt(), name=f"bridge consumer {self._inbound.queue}")
            pump = asyncio.create_task(self._pump(), name=f"bridge pump {self._inbound.queue}")
            acker = asyncio.create_task(self._ack_in_order(), name=f"bridge acker {self._inbound.queue}")
            waits: set[asyncio.Future[Any]] = {adapter, pump, acker, closing, self._ended}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                await self._finish(adapter, acker, closing)
            return self._reason(closing, adapter, pump, acker)
        finally:
            self._counts.consuming = False
            await _cancel(adapter, pump, acker)
            closing.cancel()
            await close_channel(channel)
            self._counts.unacked = 0

    def stop(self, timeout: float) -> None:
        """Begin to end: no new messages; what is posted is acked if Kafka confirms it within `timeout` seconds."""
        self._stopping = True
        self._stop_timeout = timeout
        self._end("stopped")

    async def settle(self) -> None:
        """After `run`: wait until Kafka's word on all that was posted is known, so that the buffer cannot pile up."""
        await self._window.settle()

    # -- RabbitMQ's side

    async def _on_message(self, delivered: DeliveredMessage) -> None:
        self._counts.took_one(delivered.delivery.redelivered)  # type: ignore[union-attr]
        self._inbox.append(delivered)
        if len(self._inbox) == 1 or len(self._inbox) >= RUN:
            self._wake.set()
        if self._prefetch.saw(len(delivered.body)) is not None:
            self._consumer.change()

    def _on_cancel(self, frame: Basic.Cancel) -> None:
        # What we hold of a queue that was deleted exists nowhere else any more: it is still posted.
        self._last_call = True
        self._end("RabbitMQ cancelled the consumer: the queue was deleted or moved")

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)
        self._wake.set()

    async def _finish(
        self, adapter: asyncio.Task[None], acker: asyncio.Task[None], closing: asyncio.Future[None]
    ) -> None:
        await self._consumer.end(adapter)
        # The acker ends by itself when all that was posted is acked.
        timeout = self._stop_timeout if self._stopping else None
        await asyncio.wait({acker, closing}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    def _reason(self, closing: asyncio.Future[None], *tasks: asyncio.Task[None]) -> str:
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()  # a defect is raised here, and ends the worker
        if self._ended.done():
            return self._ended.result()
        error = None if closing.cancelled() or not closing.done() else closing.exception()
        return describe(error) if error is not None else "the channel was closed"

    # -- Kafka's side

    async def _pump(self) -> None:
        inbox = self._inbox
        try:
            while not self._stopping:
                # As Nagle did it for TCP: at once when nothing is on its way, else with what comes until Kafka's next
                # word. Fewer and fuller produce requests, and a message that comes alone waits for nothing.
                if inbox and (not self._window or len(inbox) >= RUN or self._hurry or self._last_call):
                    self._hurry = False
                    await self._run_of(len(inbox))
                elif self._last_call and not inbox:
                    return
                else:
                    self._wake.clear()
                    await self._patience()
        finally:
            self._pumped = True
            self._posted.set()

    async def _patience(self) -> None:
        """Until something happens. What waits for Kafka's word does so for a moment: one slow partition is not all."""
        if not self._inbox:
            await self._wake.wait()
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._wake.wait()
        except TimeoutError:
            self._hurry = True

    async def _run_of(self, count: int) -> None:
        for number in range(1, count + 1):
            if not self._go.is_set():
                await self._go.wait()
            if self._stopping:
                return
            delivered = self._inbox.popleft()
            made = self._translated(delivered)
            tag: int = delivered.delivery.delivery_tag  # type: ignore[union-attr, assignment]
            if isinstance(made, Record):
                record = made
            else:
                record = made[-1]
                for other in made[:-1]:
                    await self._post(MORE, other)
            # written out: a coroutine more would cost a microsecond a message
            try:
                future = await self._attempt(record)
            except PipelineError as error:
                record, future = await self._insist(record, error)
            self._window.add(Posted(tag, record, future))
            self._posted.set()
            if number % TURN == 0:
                await asyncio.sleep(0)
        self._counts.report()

    async def _post(self, tag: int, record: Record) -> None:
        try:
            future = await self._attempt(record)
        except PipelineError as error:
            record, future = await self._insist(record, error)
        self._window.add(Posted(tag, record, future))
        self._posted.set()

    def _translated(self, delivered: DeliveredMessage) -> Record | list[Record]:
        message = from_delivery(self._inbound.queue, delivered)
        try:
            return checked(self._edge(message))
        except Exception as error:
            self._counts.buried_one(describe_defect(error))
            return edge_letter(self._inbound, message, error, version=VERSION, message_limit=self._message_limit)

    def _attempt(self, record: Record) -> Awaitable[Confirmation]:
        """Into the producer's buffer. The future raises aiokafka's own errors."""
        return self._producer.post_raw(
            self._wire(record.topic), record.value, record.key, record.partition, wire_headers(record.headers)
        )

    async def _insist(self, record: Record, error: PipelineError) -> tuple[Record, Confirmation]:
        """It did not go into the producer's buffer: it must, however long that takes."""
        attempt = 0
        while True:
            if isinstance(error, Permanent):
                record = self._too_long(record, error)
            else:
                attempt += 1
                self._counts.kafka_error = str(error)
                await asyncio.sleep(RETRY.pause(attempt))
            try:
                return record, await self._attempt(record)
            except PipelineError as again:
                error = again

    def _too_long(self, record: Record, error: Permanent) -> Record:
        self._counts.buried_one(str(error))
        return too_long_letter(self._inbound, record, error, version=VERSION)

    async def _ack_in_order(self) -> None:
        window, counts = self._window, self._counts
        while True:
            head = window.head()
            if head is None:
                if self._pumped:
                    return
                self._posted.clear()
                await self._posted.wait()
                continue
            if not head.future.done():
                await asyncio.wait({head.future})
            if head.error is not None:
                await self._send_again()
                continue
            counts.kafka_error = ""
            tag, count = window.take()
            if tag == MORE:
                continue
            with suppress(Transient), amqp_faults("ack"):
                # Lost with its channel: RabbitMQ delivers them again, marked so.
                await self._channel.basic_ack(tag, multiple=True, wait=False)
                counts.acked_some(count)
                self._consumer.acked()
            self._wake.set()

    async def _send_again(self) -> None:
        """Kafka did not take some: hold new ones, send those again in their order until Kafka has all of them."""
        self._go.clear()
        attempt = 0
        try:
            while True:
                await self._window.settle()
                failed = self._window.failed()
                if not failed:
                    return
                attempt += 1
                self._counts.kafka_error = str(translate(failed[0].error or asyncio.CancelledError()))
                await asyncio.sleep(RETRY.pause(attempt))
                for number, posted in enumerate(failed):
                    await self._again(posted)
                    if number == 0:
                        await asyncio.wait({posted.future})
                        if posted.error is not None:
                            break
        finally:
            self._go.set()

    async def _again(self, posted: Posted) -> None:
        error = translate(posted.error or asyncio.CancelledError())
        if isinstance(error, Permanent):
            record = self._too_long(posted.record, error)
        else:
            # Perhaps Kafka did take it and only its word was lost: then this one is a copy, and says so.
            record = replace(posted.record, headers={**posted.record.headers, REDELIVERED: YES})
        try:
            posted.record, posted.future = record, await self._attempt(record)
        except PipelineError as refused:
            posted.record, posted.future = await self._insist(record, refused)


def describe_defect(error: Exception) -> str:
    """For the status: the taxonomy's text, else only the type, since the text may quote the message."""
    return str(error) if isinstance(error, PipelineError) else type(error).__name__


async def _cancel(*tasks: asyncio.Task[None] | None) -> None:
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
