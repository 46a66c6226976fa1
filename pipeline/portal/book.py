"""The book of requests: every read and write of the table `requests` (design, section 5).

What is written here is durable when the call returns: the changelog has acknowledged it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import orjson

from pipeline.delivery.tables import DurableTable
from pipeline.portal.row import SENT, Lane, Row, applied_key, decode, encode, is_done, request_prefix

__all__ = ["Applied", "Book"]

_LANES: tuple[Lane, ...] = ("i", "b")

#: rows between two pauses of a long scan
_SLICE = 500
#: records between two writes of the offset applied through; until it is written their rows tell the same
_WRITE_APPLIED = 100


class Applied:
    """Offsets of one lane and partition: which have their rows. `through` = every one up to it has."""

    def __init__(self, epoch: int = 0, through: int = -1) -> None:
        self.epoch = epoch
        self.through = through
        self.written = through
        self._highest = through
        self._open: set[int] = set()

    def begin(self, offset: int) -> None:
        """A record is being taken in, in order of offsets; one whose writing failed stays begun till it is tried again."""
        self._open.add(offset)
        self._highest = max(self._highest, offset)

    def end(self, offset: int) -> None:
        """Its row is written."""
        self._open.discard(offset)
        self.through = max(self.through, min(self._open) - 1 if self._open else self._highest)


class Book:
    """Rows of all partitions that this worker owns."""

    def __init__(self, table: DurableTable) -> None:
        self._table = table
        self._applied: dict[tuple[Lane, int], Applied] = {}

    # -- taking in

    def applied(self, lane: Lane, partition: int) -> Applied:
        """The offsets of a lane and partition. Read from the table at the first look after `forget`."""
        place = (lane, partition)
        if place not in self._applied:
            stored = self._table.get(partition, applied_key(lane))
            held = orjson.loads(stored) if stored else {"epoch": 0, "offset": -1}
            self._applied[place] = Applied(held["epoch"], held["offset"])
        return self._applied[place]

    def forget(self) -> None:
        """The partitions are lost; another worker may write them now."""
        self._applied.clear()

    async def begin_epoch(self, lane: Lane, partition: int) -> None:
        """The topic was made anew: its offsets start again and mean other records."""
        epoch = self.applied(lane, partition).epoch + 1
        self._applied[lane, partition] = Applied(epoch, -1)
        await self._table.put(partition, applied_key(lane), _applied_value(self._applied[lane, partition]))

    def find(self, lane: Lane, partition: int, offset: int) -> Row | None:
        """The row of a record, if it was taken in already."""
        epoch = self.applied(lane, partition).epoch
        probe = Row(lane, partition, epoch, offset, "", "", "", "", 0.0)
        stored = self._table.get(partition, probe.key)
        return decode(stored) if stored is not None else None

    def earlier_copy(self, partition: int, seen: str) -> bytes | None:
        """Key of an earlier request with the same message id and content."""
        return self._table.get(partition, seen.encode())

    async def accept(self, row: Row) -> None:
        """Write a new request as waiting."""
        applied = self.applied(row.lane, row.partition)
        rows: list[tuple[bytes, bytes | None]] = [(row.key, encode(row))]
        if row.seen:
            rows.append((row.seen.encode(), row.key))
        if applied.through >= applied.written + _WRITE_APPLIED:
            applied.written = applied.through
            rows.append((applied_key(row.lane), _applied_value(applied)))
        await self._table.put_all(row.partition, rows, new=True)

    # -- sending

    def load(self, row: Row) -> Row:
        """The row with its body."""
        stored = self._table.get(row.partition, row.key)
        if stored is None:
            raise LookupError(f"request {row.identity} has no row")
        return decode(stored)

    async def sent(self, row: Row, limiter: float) -> None:
        """Written before a call that may not be repeated blindly."""
        row.state, row.sent_at, row.limiter = SENT, time.time(), limiter
        await self._table.put(row.partition, row.key, encode(row))

    async def done(self, row: Row) -> None:
        """Written when the answer is in `portal.results`."""
        await self._table.put(row.partition, row.key, encode(row.as_done(time.time())))

    # -- housekeeping

    def unfinished(self, partition: int) -> Iterator[Row]:
        """All rows of a partition that are not done, in order of lane and offset, without their bodies."""
        for _, stored in self._table.scan(partition, request_prefix().encode()):
            if not is_done(stored):
                row = decode(stored)
                row.body = b""
                yield row

    async def expire(self, partition: int, before: float) -> int:
        """Delete requests that were done before that time, and what recognises their copies. Returns how many.

        The offsets applied through are written first: from now on they alone tell that those records were taken in.
        """
        for lane in _LANES:
            applied = self.applied(lane, partition)
            if applied.through > applied.written:
                applied.written = applied.through
                await self._table.put(partition, applied_key(lane), _applied_value(applied))
        old = [row async for row in self._finished(partition) if row.done_at < before]
        for row in old:
            rows: list[tuple[bytes, bytes | None]] = [(row.key, None)]
            if row.seen and self._table.get(partition, row.seen.encode()) == row.key:
                rows.append((row.seen.encode(), None))
            await self._table.put_all(partition, rows)
        return len(old)

    async def _finished(self, partition: int) -> AsyncIterator[Row]:
        for number, (_, stored) in enumerate(self._table.scan(partition, request_prefix().encode())):
            if number % _SLICE == 0:
                await asyncio.sleep(0)
            if is_done(stored):
                yield decode(stored)


def _applied_value(applied: Applied) -> bytes:
    return orjson.dumps({"epoch": applied.epoch, "offset": applied.through})
