"""Publishes with confirms and `mandatory`: an answer has left when RabbitMQ says so, not before.

Hundreds are in flight on one channel. A destination that does not take a message is an outcome, not an exception:
returned (no such queue), refused (queue full with reject-publish), or the exchange is gone, which RabbitMQ tells by
closing the channel under all others; those are published again.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from aiormq.channel import Channel
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
    PublishError,
)

from pipeline.bridge.answers import Answer, Destination
from pipeline.bridge.connection import Connection, close_channel
from pipeline.bridge.faults import CHANNEL_FAULTS, describe
from pipeline.delivery.errors import Transient
from pipeline.delivery.metrics import BRIDGE_PUBLISHED, BRIDGE_RETURNED

__all__ = ["Publisher"]

#: Seconds to wait for a connection before the flow hears that there is none.
AWAY_TIMEOUT = 5.0
#: A body longer than this is written out before the next one is taken, so that buffers stay small.
DRAIN_ABOVE = 64 * 1024
_TOO_BIG = re.compile(r"larger than (?:configured )?max size (\d+)")


class Publisher:
    """One channel with confirms over `connection`; `target` (AMPQOUT) labels the metrics."""

    def __init__(self, connection: Connection, target: str) -> None:
        self._connection = connection
        self._channel: Channel | None = None
        self._closing: asyncio.Future[None] | None = None
        self._opening = asyncio.Lock()
        self._by_message_id: dict[str, asyncio.Task[Any]] = {}
        self._target = target
        self.published = 0
        self.returned = 0

    async def publish(self, destination: Destination, answer: Answer) -> str | None:
        """None: RabbitMQ has it, durably. A text: why the destination does not take it.

        Raises:
            Transient: RabbitMQ is away, or went away before it confirmed; it may have the message all the same.
        """
        # aiormq finds the message that was returned by its message_id: with two of one id in flight it would take
        # the wrong one for delivered. Ids repeat (design, section 5), so those go one after another.
        while True:
            channel, closing = await self._open()
            other = self._by_message_id.get(answer.message_id)
            if other is None:
                break
            await asyncio.wait({other})
        task = asyncio.ensure_future(
            channel.basic_publish(
                answer.body,
                exchange=destination.exchange,
                routing_key=destination.routing_key,
                properties=answer.properties(),
                mandatory=True,
                wait=len(answer.body) > DRAIN_ABOVE,
            )
        )
        self._by_message_id[answer.message_id] = task
        task.add_done_callback(lambda done: self._forget(answer.message_id, done))
        waits: set[asyncio.Future[Any]] = {task, closing}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            # The channel ended; aiormq tells it to whoever waits for a confirm, not to whoever waits to write.
            await asyncio.wait({task}, timeout=1.0)
            task.cancel()
            await asyncio.wait({task})
        reason = _outcome(task, closing, destination, answer)
        if reason is None:
            self.published += 1
            BRIDGE_PUBLISHED.labels(self._target).inc()
        else:
            self.returned += 1
            BRIDGE_RETURNED.labels(self._target).inc()
        return reason

    async def close(self) -> None:
        """Close the channel."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await close_channel(channel)

    async def _open(self) -> tuple[Channel, asyncio.Future[None]]:
        if (ready := self._ready()) is not None:
            return ready
        await self._connection.wait_up(AWAY_TIMEOUT)
        async with self._opening:
            if (ready := self._ready()) is not None:
                return ready
            channel = await self._connection.channel(confirms=True)
            self._channel, self._closing = channel, channel.closing
            return channel, self._closing

    def _ready(self) -> tuple[Channel, asyncio.Future[None]] | None:
        channel, closing = self._channel, self._closing
        if channel is None or closing is None or closing.done() or channel.is_closed:
            return None
        return channel, closing

    def _forget(self, message_id: str, task: asyncio.Task[Any]) -> None:
        if self._by_message_id.get(message_id) is task:
            del self._by_message_id[message_id]
        if not task.cancelled():
            task.exception()


def _outcome(
    task: asyncio.Task[Any], closing: asyncio.Future[None], destination: Destination, answer: Answer
) -> str | None:
    if not task.cancelled() and task.exception() is None:
        return None
    error = _error(closing) if task.cancelled() else task.exception()
    error = error or asyncio.CancelledError("the channel was closed")
    if isinstance(error, PublishError):
        return f"returned by RabbitMQ: {error.args[0]}"
    if isinstance(error, DeliveryError):
        return "refused by RabbitMQ: the queue is full, or it could not be written"
    if isinstance(error, ChannelNotFoundEntity | ChannelAccessRefused) and destination.exchange:
        return describe(error)
    if isinstance(error, ChannelPreconditionFailed):
        limit = _TOO_BIG.search(describe(error))
        if limit is not None and len(answer.body) > int(limit[1]):
            return describe(error)
    if isinstance(error, (asyncio.CancelledError, *CHANNEL_FAULTS)):
        raise Transient(f"publish to {destination}: {describe(error)}") from error
    raise error


def _error(future: asyncio.Future[Any]) -> BaseException | None:
    if not future.done():
        return None
    if future.cancelled():
        return asyncio.CancelledError("the channel was closed")
    return future.exception()
