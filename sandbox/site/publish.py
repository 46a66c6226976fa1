"""Sends messages to RabbitMQ, with confirms. Declares nothing: exchanges and queues are the bus's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange
from aio_pika.exceptions import ChannelClosed

from sandbox.site.message import Message

__all__ = ["NoExchange", "Publisher"]

#: Messages sent before the first of them is confirmed.
_AT_ONCE = 200


class NoExchange(LookupError):
    """RabbitMQ has no exchange of this name."""


class Publisher:
    """`async with Publisher(url) as publisher`: one connection. Raises OSError and aio_pika's errors.

    `prefix` is put before the names of exchanges, where several buses share a broker.
    """

    def __init__(self, url: str, prefix: str = "") -> None:
        self._url = url
        self._prefix = prefix
        self._exchanges: dict[str, AbstractExchange] = {}

    async def __aenter__(self) -> Publisher:
        self._connection = await aio_pika.connect(self._url)
        self._channel: AbstractChannel = await self._connection.channel(publisher_confirms=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def look(self, names: Iterable[str]) -> None:
        """Find the exchanges. Raises NoExchange naming all that are not there."""
        missing = []
        for name in names:
            # a wrong name closes the channel, so each question has one of its own
            channel = await self._connection.channel()
            try:
                await channel.get_exchange(self._prefix + name, ensure=True)
                await channel.close()
            except ChannelClosed:
                missing.append(self._prefix + name)
                continue
            self._exchanges[name] = await self._channel.get_exchange(self._prefix + name, ensure=False)
        if missing:
            wanted = ", ".join(missing)
            raise NoExchange(
                f"RabbitMQ has no exchange {wanted}: start the worker with a mapping.toml, it declares them"
            )

    async def send(self, messages: Sequence[Message], sent: Callable[[int], None] = lambda count: None) -> None:
        """Publish in this order; returns when all are confirmed. `sent(count)` is told of every part.

        Messages that are out at once reach the broker in the order of the list: they share a channel.
        """
        await self.look({one.exchange for one in messages} - self._exchanges.keys())
        rest = iter(messages)
        while part := list(islice(rest, _AT_ONCE)):
            await asyncio.gather(*(self._send(one) for one in part))
            sent(len(part))

    async def _send(self, one: Message) -> None:
        message = aio_pika.Message(
            one.body,
            content_type="application/json",
            # aiormq gives one of its own to what has none
            message_id=one.message_id,
            timestamp=one.timestamp,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self._exchanges[one.exchange].publish(message, one.routing_key, mandatory=False)
