"""The consumer of a session: registered on its channel, and registered anew when its prefetch has to change.

RabbitMQ fixes a consumer's prefetch when it is registered (basic.qos, global = false; quorum queues know no other).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiormq.abc import ConsumerCallback
from aiormq.channel import Channel

from pipeline.bridge.connection import RPC_TIMEOUT
from pipeline.bridge.counts import Counts
from pipeline.bridge.faults import amqp_faults
from pipeline.bridge.prefetch import Prefetch
from pipeline.delivery.errors import Transient

__all__ = ["Consumer"]

#: Consumer tags are the channel's own.
TAG = "pipeline"
CANCEL_TIMEOUT = 5.0


class Consumer:
    """`begin`, then `adapt` as a task for as long as the channel lives, then `end`."""

    def __init__(
        self, channel: Channel, queue: str, callback: ConsumerCallback, prefetch: Prefetch, counts: Counts
    ) -> None:
        self._channel = channel
        self._queue = queue
        self._callback = callback
        self._prefetch = prefetch
        self._counts = counts
        self._applied = 0
        self._change = asyncio.Event()
        self._acked = asyncio.Event()
        self._ending = False

    async def begin(self) -> None:
        """Register. Raises Transient."""
        with amqp_faults(f"consume queue {self._queue}"):
            self._applied = self._prefetch.now
            await self._channel.basic_qos(prefetch_count=self._applied, timeout=RPC_TIMEOUT)
            await self._channel.basic_consume(self._queue, self._callback, consumer_tag=TAG, timeout=RPC_TIMEOUT)

    def change(self) -> None:
        """The prefetch should be another now."""
        self._change.set()

    def acked(self) -> None:
        """Some were acked."""
        self._acked.set()

    async def adapt(self) -> None:
        """Register anew at each change; to a smaller prefetch only when all that is held has gone."""
        with suppress(Transient):  # the channel is lost; the session hears it too
            while not self._ending:
                await self._change.wait()
                self._change.clear()
                await self._cancel()
                if self._prefetch.now < self._applied:
                    await self._all_acked()
                if not self._ending:
                    await self.begin()

    async def end(self, adapting: asyncio.Task[None]) -> None:
        """Take no more messages."""
        self._ending = True
        self._change.set()
        self._acked.set()
        # Not cancelled: aiormq closes the channel under a call that is cancelled, and all acks with it.
        await asyncio.wait({adapting}, timeout=CANCEL_TIMEOUT)
        with suppress(Transient):
            await self._cancel()

    async def _cancel(self) -> None:
        with amqp_faults("cancel the consumer"):
            await self._channel.basic_cancel(TAG, timeout=CANCEL_TIMEOUT)

    async def _all_acked(self) -> None:
        while self._counts.unacked > 0 and not self._ending:
            self._acked.clear()
            await self._acked.wait()
