"""Reads one queue for as long as this worker owns it: session after session, whatever RabbitMQ does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import cache

from pipeline.bridge.connection import Connection
from pipeline.bridge.counts import Counts
from pipeline.bridge.declare import declare_inbound
from pipeline.bridge.edges import Edge
from pipeline.bridge.session import Session
from pipeline.bridge.status import QueueStatus
from pipeline.bridge.tasks import spawn
from pipeline.delivery.errors import Transient
from pipeline.delivery.producer import ConfirmedProducer
from pipeline.delivery.retry import Backoff
from pipeline.settings import Settings
from pipeline.topology import InboundQueue

__all__ = ["QueueReader"]

logger = logging.getLogger(__name__)

RETRY = Backoff(first=0.2, longest=5.0)


class QueueReader:
    """`start` when the queue's lease is ours, `stop` when it is not; both may be called again and again."""

    def __init__(
        self,
        inbound: InboundQueue,
        edge: Edge,
        connection: Connection,
        producer: ConfirmedProducer,
        wire: Callable[[str], str],
        settings: Settings,
    ) -> None:
        """`wire` gives a topic's name in Kafka."""
        self.inbound = inbound
        self._connection = connection
        self._producer = producer
        self._wire = cache(wire)
        self._settings = settings
        self._edge = edge
        self._counts = Counts(inbound.queue)
        self._task: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin to read; returns at once."""
        if self._task is None:
            self._stopping = False
            self._task = spawn(self._run(), f"bridge queue {self.inbound.queue}")

    async def stop(self, timeout: float) -> None:
        """Stop reading. What Kafka confirms within `timeout` seconds is acked, the rest RabbitMQ delivers again."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping = True
        if self._session is not None:
            self._session.stop(timeout)
            await asyncio.wait({task}, timeout=timeout + 1.0)
        task.cancel()
        await asyncio.wait({task})

    def status(self) -> QueueStatus:
        """The figures now, and why it is not reading."""
        return self._counts.status()

    async def _run(self) -> None:
        attempt = 0
        while not self._stopping:
            began = self._counts.received
            try:
                reason = await self._read()
            except Transient as error:
                reason = str(error)
            if self._stopping:
                return
            attempt = 1 if self._counts.received > began else attempt + 1
            logger.warning("queue %s: %s", self.inbound.queue, reason)
            self._counts.error = reason
            await asyncio.sleep(RETRY.pause(attempt))

    async def _read(self) -> str:
        await self._connection.wait_up()
        self._tell(await declare_inbound(self._connection, self.inbound))
        channel = await self._connection.channel()
        session = Session(
            self.inbound,
            channel,
            edge=self._edge,
            producer=self._producer,
            wire=self._wire,
            counts=self._counts,
            prefetch=self._settings.prefetch,
            message_limit=self._settings.message_limit,
        )
        self._session = session
        self._counts.error = ""
        try:
            reason = await session.run()
        finally:
            self._session = None
        await session.settle()
        return reason

    def _tell(self, differences: list[str]) -> None:
        found = tuple(differences)
        if found != self._counts.differences:
            for difference in found:
                logger.warning("%s", difference)
        self._counts.differences = found
