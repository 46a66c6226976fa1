"""Answers whose destination takes none: kept in the table `parked`, tried again per destination, for 24 h.

The result is acked once its row is in the table's changelog, so one vanished reply queue stops nobody else. Each
destination is tried by itself, with backoff: one probe, and when that is taken, all the others. The row goes after
RabbitMQ's confirm. Older than the limit (a setting): dead letter with the full origin, then the row goes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from pipeline.bridge.answers import Destination
from pipeline.bridge.lane import Lane, Parked
from pipeline.bridge.publisher import Publisher
from pipeline.bridge.rows import ParkedRow, decode_row, encode_row, row_key
from pipeline.bridge.status import DestinationStatus
from pipeline.bridge.tasks import spawn
from pipeline.delivery.dead_letters import dead_letter
from pipeline.delivery.errors import Permanent
from pipeline.delivery.flow import Event
from pipeline.delivery.metrics import BRIDGE_PARKED
from pipeline.delivery.producer import ConfirmedProducer
from pipeline.delivery.retry import Backoff
from pipeline.delivery.tables import DurableTable
from pipeline.settings import Settings

__all__ = ["Parking"]

AGENT = "amqp-answers"
VERSION = "1"
#: Rows read at a takeover before others get the event loop.
TURN = 100


class Parking:
    """An `Owner` of portal.results: it works for the rows of the partitions that this worker owns."""

    def __init__(
        self,
        table: DurableTable,
        publisher: Publisher,
        producer: ConfirmedProducer,
        settings: Settings,
        target: str,
    ) -> None:
        self._table = table
        self._publisher = publisher
        self._producer = producer
        self._limit = settings.answer_park_limit
        self._message_limit = settings.message_limit
        self._backoff = Backoff(settings.retry_min, settings.retry_max)
        self._lanes: dict[Destination, Lane] = {}
        BRIDGE_PARKED.labels(target).set_function(self.count)

    def count(self) -> int:
        """Answers that are parked on this worker."""
        return sum(len(lane.rows) for lane in self._lanes.values())

    def status(self) -> tuple[DestinationStatus, ...]:
        """Each destination that has parked answers."""
        return tuple(lane.status() for lane in self._lanes.values())

    async def park(self, event: Event[bytes], destination: Destination, reason: str) -> None:
        """Keep an answer; returns when it is durable. Raises Lost, Transient, BadInput (too long), as the table."""
        key = row_key(event)
        stored = self._table.get(event.partition, key)
        since = decode_row(stored, body=False).since if stored is not None else time.time()
        row = ParkedRow(event, destination, since, reason)
        await self._table.put(event.partition, key, encode_row(row))
        self._keep(Parked(key, event.partition, since), destination, reason)

    def taken(self, destination: Destination) -> None:
        """A fresh answer was taken there: what is parked for it need not wait any longer."""
        lane = self._lanes.get(destination)
        if lane is not None:
            lane.wake.set()

    async def on_owned(self, partitions: frozenset[int]) -> None:
        """Take over the rows of these partitions."""
        for partition in partitions:
            for number, (key, raw) in enumerate(self._table.scan(partition)):
                row = decode_row(raw, body=False)
                self._keep(Parked(key, partition, row.since), row.destination, row.reason)
                if number % TURN == TURN - 1:
                    await asyncio.sleep(0)

    async def on_lost(self) -> None:
        """Leave the rows to the next owner."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        self._lanes.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _keep(self, parked: Parked, destination: Destination, reason: str) -> None:
        lane = self._lanes.get(destination)
        if lane is None:
            lane = self._lanes[destination] = Lane(destination, self._backoff, self._limit, self)
            lane.task = spawn(self._work(lane), f"parked answers for {destination}")
        lane.rows[parked.key] = parked
        lane.reason = reason

    async def _work(self, lane: Lane) -> None:
        await lane.run()
        if self._lanes.get(lane.destination) is lane:
            del self._lanes[lane.destination]

    # -- what a lane does with its rows

    async def deliver(self, parked: Parked) -> str | None:
        """Publish one; None: it has left and its row is gone. A text: why not. Raises Transient, Lost."""
        raw = self._table.get(parked.partition, parked.key)
        if raw is None:
            return None
        row = decode_row(raw)
        reason = await self._publisher.publish(row.destination, row.answer)
        if reason is None:
            await self._table.put(parked.partition, parked.key, None)
        return reason

    async def bury(self, rows: Iterable[Parked], reason: str) -> None:
        """Dead letters for rows that are too old, then the rows go. Raises Transient, Lost."""
        for parked in rows:
            raw = self._table.get(parked.partition, parked.key)
            if raw is None:
                continue
            row = decode_row(raw)
            hours = (time.time() - row.since) / 3600
            error = Permanent(f"{row.destination} took no answer for {hours:.1f} h: {reason}")
            letter = dead_letter(
                row.event,
                error,
                agent=AGENT,
                version=VERSION,
                message_limit=self._message_limit,
                first_error=row.reason,
                first_time=row.since,
            )
            await self._producer.send([letter])
            await self._table.put(parked.partition, parked.key, None)
