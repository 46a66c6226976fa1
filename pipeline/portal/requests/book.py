"""The book of requests: every read and write of the table `requests` (design, section 5).

What is written here is durable when the call returns: the changelog has acknowledged it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson

from pipeline.delivery.tables import DurableTable
from pipeline.portal.requests.lanes import LANES, Lane
from pipeline.portal.requests.row import SENT, Row, applied_key, bucket_key, decode, encode, is_done, request_prefix

__all__ = ["Applied", "Book"]

#: rows between two pauses of a long scan
_SLICE = 500
#: records between two writes of the offset applied through; until it is written their rows tell the same
_WRITE_APPLIED = 100


class Applied:
    """Offsets of one lane and partition: which have their rows. `through` = every one up to it has."""

    def __init__(self, epoch: int = 0, through: int = -1, low: str = "") -> None:
        #: key of the first request that may not be done: take-over looks no further back
        self.low = low
        self.epoch = epoch
        self.through = through
        self.written = through
        self._highest = through
        self._open: set[int] = set()

    def begin(self, offset: int) -> None:
        """A record is being taken in, in order of offsets; one whose writing failed stays begun until tried again."""
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
            held: dict[str, Any] = orjson.loads(stored) if stored else {"epoch": 0, "offset": -1}
            self._applied[place] = Applied(held["epoch"], held["offset"], held.get("low", ""))
        return self._applied[place]

    def forget(self) -> None:
        """The partitions are lost; another worker may write them now."""
        self._applied.clear()

    async def begin_epoch(self, lane: Lane, partition: int) -> None:
        """The topic was made anew: its offsets start again and mean other records."""
        before = self.applied(lane, partition)
        self._applied[lane, partition] = Applied(before.epoch + 1, -1, before.low)
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
        through = applied.through
        due = through >= applied.written + _WRITE_APPLIED
        if due:
            rows.append((applied_key(row.lane), _applied_value(applied)))
        await self._table.put_all(row.partition, rows, new=True)
        if due:
            applied.written = max(applied.written, through)

    # -- sending

    def load(self, row: Row) -> Row:
        """The row with its body."""
        stored = self._table.get(row.partition, row.key)
        if stored is None:
            raise LookupError(f"request {row.identity} has no row")
        return decode(stored)

    async def put(self, rows: Sequence[Row]) -> None:
        """Write rows of one partition as they are now. `sent`: before a call that may not be repeated blindly."""
        await self._table.put_all(rows[0].partition, [(row.key, encode(row)) for row in rows])

    async def done(self, row: Row) -> None:
        """Written when the answer is in `portal.results`."""
        await self._table.put(row.partition, row.key, encode(row.as_done(time.time())))

    # -- the intensity limiter

    async def note_bucket(self, partition: int, portal: str, empty_at: float) -> None:
        """Note when a portal's bucket will be empty, unix seconds: never before what was sent makes it."""
        await self._table.put(partition, bucket_key(portal), orjson.dumps({"empty_at": empty_at}))

    def bucket(self, partition: int, portal: str) -> float | None:
        """What the owner before noted; None: nothing is known."""
        stored = self._table.get(partition, bucket_key(portal))
        return None if stored is None else float(orjson.loads(stored)["empty_at"])

    # -- housekeeping

    async def unfinished(self, partition: int) -> AsyncIterator[Row]:
        """All rows of a partition that are not done, without their bodies: what has begun, then by lane and offset.

        What has begun holds its order keys, some of them in both lanes: what may still be on its way at the portal must
        not be overtaken. The loop goes on turning meanwhile: millions of finished requests may lie behind one that
        waits.
        """
        untouched: list[Row] = []
        for lane in LANES:
            start = self.applied(lane, partition).low.encode() or None
            async for stored in self._stored(partition, lane, start):
                if not is_done(stored):
                    row = decode(stored)
                    row.body = b""
                    if row.state == SENT or row.progress is not None:
                        yield row
                    else:
                        untouched.append(row)
        for row in untouched:
            yield row

    async def mark(self, lane: Lane, partition: int, through: int, first_open: bytes | None) -> None:
        """Note up to where everything is done and taken in.

        `first_open` = key of the first request that is not done, `through` = the offset applied through, both seen
        at one moment: a request that came in between them would be passed over, and lost at the next take-over.
        """
        applied = self.applied(lane, partition)
        probe = Row(lane, partition, applied.epoch, through + 1, "", "", "", "", 0.0)
        low = min(first_open or probe.key, probe.key).decode()
        if low == applied.low and through <= applied.written:
            return
        applied.low = low
        await self._table.put(partition, applied_key(lane), _applied_value(applied))
        applied.written = max(applied.written, through)

    async def expire(self, partition: int, before: float) -> int:
        """Delete requests that were done before that time, and what recognises their copies. Returns how many.

        Call `mark` first: from then on the offset applied through alone tells that those records were taken in.
        Rows lie in the order in which requests came; the first one that is finished and too young ends the search.
        """
        count = 0
        for lane in LANES:
            async for stored in self._stored(partition, lane, None):
                if not is_done(stored):
                    continue
                row = decode(stored)
                if row.done_at >= before:
                    break
                rows: list[tuple[bytes, bytes | None]] = [(row.key, None)]
                if row.seen and self._table.get(partition, row.seen.encode()) == row.key:
                    rows.append((row.seen.encode(), None))
                await self._table.put_all(partition, rows)
                count += 1
        return count

    async def _stored(self, partition: int, lane: Lane, start: bytes | None) -> AsyncIterator[bytes]:
        for number, (_, stored) in enumerate(self._table.scan(partition, request_prefix(lane).encode(), start)):
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
            yield stored


def _applied_value(applied: Applied) -> bytes:
    return orjson.dumps({"epoch": applied.epoch, "offset": applied.through, "low": applied.low})
