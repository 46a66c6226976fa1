"""Exchanges, queues and bindings: made when missing, used as they are when they exist, differences told.

RabbitMQ answers a question that it does not like by closing the channel, so each is asked on a throw-away one:
first passively (does it exist?), then actively with what we would have made (is it the same?). No management API.
"""

from __future__ import annotations

from typing import Any

from aiormq.channel import Channel
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from pipeline.bridge.connection import RPC_TIMEOUT, Connection
from pipeline.bridge.faults import amqp_faults, describe
from pipeline.topology import InboundQueue

__all__ = ["declare_inbound", "declare_queue", "exchange_exists", "queue_exists", "ready_messages"]

#: of RabbitMQ's text about a queue or exchange that does not outlive it
_NOT_DURABLE = "inequivalent arg 'durable'"


async def exchange_exists(connection: Connection, name: str) -> bool:
    """Raises Transient when RabbitMQ cannot be asked."""
    return await _asked(connection, f"look for exchange {name}", _exchange, name, passive=True)


async def queue_exists(connection: Connection, name: str) -> bool:
    """True also for one that others hold exclusively. Raises Transient when RabbitMQ cannot be asked."""
    return await _asked(connection, f"look for queue {name}", _queue, name, passive=True)


async def ready_messages(connection: Connection, name: str) -> int:
    """Messages of a queue that nobody holds. Raises Transient: RabbitMQ cannot be asked, or the queue is away."""
    with amqp_faults(f"count messages of queue {name}"):
        async with connection.throwaway() as channel:
            declared = await _queue(channel, name, passive=True)
    return int(declared.message_count or 0)


async def declare_queue(connection: Connection, name: str) -> str | None:
    """A durable classic queue, unless one of that name exists.

    Returns how the existing one differs, in RabbitMQ's words, or None. Raises Transient.
    """
    if await queue_exists(connection, name):
        return await _difference(connection, f"queue {name}", _queue, name)
    return await _made(connection, f"queue {name}", _queue, name)


async def declare_inbound(connection: Connection, inbound: InboundQueue) -> list[str]:
    """Exchange, queue and binding of an inbound queue; returns the differences. Raises Transient."""
    found = [await declare_queue(connection, inbound.queue)]
    if inbound.exchange:
        kind = inbound.exchange_type
        if await exchange_exists(connection, inbound.exchange):
            found.append(
                await _difference(connection, f"exchange {inbound.exchange}", _exchange, inbound.exchange, kind=kind)
            )
        else:
            found.append(
                await _made(connection, f"exchange {inbound.exchange}", _exchange, inbound.exchange, kind=kind)
            )
        found.append(await _bound(connection, inbound))
    return [text for text in found if text is not None]


async def _exchange(
    channel: Channel, name: str, *, passive: bool = False, kind: str = "direct", durable: bool = True
) -> Any:
    return await channel.exchange_declare(
        name, exchange_type=kind, passive=passive, durable=durable, timeout=RPC_TIMEOUT
    )


async def _queue(channel: Channel, name: str, *, passive: bool = False, durable: bool = True) -> Any:
    return await channel.queue_declare(name, passive=passive, durable=durable, timeout=RPC_TIMEOUT)


async def _asked(connection: Connection, doing: str, question: Any, name: str, **options: Any) -> bool:
    with amqp_faults(doing):
        async with connection.throwaway() as channel:
            try:
                await question(channel, name, **options)
            except ChannelNotFoundEntity:
                return False
            except ChannelLockedResource:
                return True
    return True


async def _difference(connection: Connection, what: str, question: Any, name: str, **options: Any) -> str | None:
    said = await _refusal(connection, what, question, name, **options)
    if said is None:
        return None
    text = f"{what} is used as it is: {said}"
    if _NOT_DURABLE in said:
        # RabbitMQ tells only the first difference
        more = await _refusal(connection, what, question, name, durable=False, **options)
        also = f"; {more}" if more is not None else ""
        text += f"{also}; it is not durable: a restart of RabbitMQ loses it, and messages with it"
    return text


async def _refusal(connection: Connection, what: str, question: Any, name: str, **options: Any) -> str | None:
    """What RabbitMQ says against a declaration of what exists."""
    with amqp_faults(f"compare {what}"):
        async with connection.throwaway() as channel:
            try:
                await question(channel, name, **options)
            except ChannelAccessRefused:
                # We may not declare it: then nobody expects that we compare it either.
                return None
            except (ChannelPreconditionFailed, ChannelLockedResource) as error:
                return describe(error)
    return None


async def _made(connection: Connection, what: str, question: Any, name: str, **options: Any) -> str | None:
    with amqp_faults(f"declare {what}"):
        async with connection.throwaway() as channel:
            try:
                await question(channel, name, **options)
            except (ChannelPreconditionFailed, ChannelLockedResource) as error:
                # Somebody else made it in the meantime, in another way.
                return f"{what} is used as it is: {describe(error)}"
    return None


async def _bound(connection: Connection, inbound: InboundQueue) -> str | None:
    with amqp_faults(f"bind queue {inbound.queue}"):
        async with connection.throwaway() as channel:
            try:
                await channel.queue_bind(inbound.queue, inbound.exchange, inbound.routing_key, timeout=RPC_TIMEOUT)
            except ChannelAccessRefused as error:
                return f"queue {inbound.queue} was not bound: {describe(error)}"
    return None
