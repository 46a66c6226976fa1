"""Queues that are drained by command: made by every worker, so that what is sent before a drain is not lost.

An exchange drops what no queue is bound for (seeds, section 1.9, defect 4).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from pipeline.bridge.connection import Connection
from pipeline.bridge.declare import declare_inbound
from pipeline.bridge.status import QueueStatus
from pipeline.bridge.tasks import spawn
from pipeline.delivery.errors import Transient
from pipeline.delivery.retry import Backoff
from pipeline.topology import InboundQueue

__all__ = ["Standing"]

logger = logging.getLogger(__name__)

RETRY = Backoff(first=0.2, longest=5.0)
#: seconds between two looks: somebody may have deleted one
AGAIN = 60.0


class Standing:
    """Nothing is read here; `faust -A pipeline exchange` does that."""

    def __init__(self, inbounds: Sequence[InboundQueue], connection: Connection) -> None:
        self._inbounds = tuple(inbounds)
        self._connection = connection
        self._states = {inbound.queue: QueueStatus(inbound.queue, mode=inbound.mode) for inbound in inbounds}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once, RabbitMQ need not be there."""
        if self._inbounds and self._task is None:
            self._task = spawn(self._run(), "queues that are drained by command")

    async def stop(self) -> None:
        """Queues stay."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def status(self) -> tuple[QueueStatus, ...]:
        """How each stands, with its differences."""
        return tuple(self._states.values())

    async def _run(self) -> None:
        attempt = 0
        while True:
            await self._connection.wait_up()
            failed = [not await self._stands(inbound) for inbound in self._inbounds]
            attempt = attempt + 1 if any(failed) else 0
            await asyncio.sleep(RETRY.pause(attempt) if attempt else AGAIN)

    async def _stands(self, inbound: InboundQueue) -> bool:
        known = self._states[inbound.queue]
        try:
            found = tuple(await declare_inbound(self._connection, inbound))
            state = QueueStatus(inbound.queue, differences=found, mode=inbound.mode)
        except Transient as error:
            state = QueueStatus(inbound.queue, differences=known.differences, error=str(error), mode=inbound.mode)
        if state != known:
            for text in (*state.differences, state.error):
                if text:
                    logger.warning("%s", text)
        self._states[inbound.queue] = state
        return not state.error
