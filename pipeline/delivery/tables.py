"""Durable tables: a write is done when the changelog has it, and only then it is in the local store.

On top of a Faust table (its changelog, its recovery, its standbys); written by `put` alone, from any task. The local
store is never ahead of the changelog, so a crash between the two leaves nothing to repair (reference: Faust, section
13, cause 5, solved by the order of the two writes).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import faust
from faust.tables.table import Table

from pipeline.delivery.guard import FreezeGuard
from pipeline.delivery.ownership import Lost
from pipeline.delivery.producer import ConfirmedProducer, confirm
from pipeline.delivery.store import TOMBSTONES_KEPT, SafeStore, pack, unpack

__all__ = ["DurableTable", "changelog_config"]

Row = tuple[bytes, bytes | None]


def changelog_config(message_limit: int) -> dict[str, str]:
    """Kafka settings of a changelog topic."""
    return {
        "cleanup.policy": "compact",
        "max.message.bytes": str(message_limit),
        "delete.retention.ms": str(int(TOMBSTONES_KEPT * 1000)),
        "min.cleanable.dirty.ratio": "0.1",
        "segment.ms": str(6 * 3600 * 1000),
        "max.compaction.lag.ms": str(86_400 * 1000),
    }


class _Table(Table[bytes, bytes]):
    """A Faust table that keeps its rows in a SafeStore."""

    def _new_store(self) -> Any:
        return SafeStore(url="rocksdb://", app=self.app, table=self, driver="rocksdict")


class DurableTable:
    """Rows of bytes by (partition, key). Every value carries a revision that grows with each write of its key."""

    def __init__(
        self,
        app: faust.App,
        name: str,
        partitions: int,
        *,
        message_limit: int,
        producer: Callable[[], ConfirmedProducer],
        generation: Callable[[], int],
        owns: Callable[[int], bool],
        guard: FreezeGuard,
    ) -> None:
        self.name = name
        self._table = _Table(
            app,
            name=name,
            key_type=bytes,
            value_type=bytes,
            partitions=partitions,
            extra_topic_configs=changelog_config(message_limit),
        )
        app.tables.add(self._table)
        self._producer = producer
        self._generation = generation
        self._owns = owns
        self._guard = guard
        #: rows sent and not yet acknowledged: (partition, key) -> the newest
        self._pending: dict[tuple[int, bytes], _Held] = {}
        #: partition -> generation in which a write of it ended without our knowing whether the changelog has it
        self._holes: dict[int, int] = {}

    @property
    def changelog(self) -> str:
        """Name of the changelog topic in Kafka."""
        return str(self._table.changelog_topic_name)

    @property
    def _store(self) -> SafeStore:
        return cast(SafeStore, self._table.data)

    def get(self, partition: int, key: bytes) -> bytes | None:
        """The value; own writes that are still on their way are seen."""
        stored = self._present(partition, key)
        return None if stored is None else unpack(stored)[1]

    def scan(self, partition: int, prefix: bytes = b"", start: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Stored rows whose key begins with `prefix`, from `start` on. Own writes that are pending are not seen.

        Read in slices, so that it may be held over an await; what is written behind it meanwhile is seen or not.

        Raises:
            Lost: the partition is not ours, or is no longer.
        """
        while True:
            if not self._owns(partition):
                raise Lost(f"table {self.name}: partition {partition} is not owned by this worker")
            rows = self._store.slice(partition, prefix, start)
            if not rows:
                return
            for key, stored in rows:
                yield key, unpack(stored)[1]
            start = rows[-1][0] + b"\0"

    async def put(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Write one row; None deletes it. See `put_all`."""
        await self.put_all(partition, [(key, value)])

    async def put_all(self, partition: int, rows: Sequence[Row], *, new: bool = False) -> None:
        """Write rows in their order; returns when the changelog has acknowledged all and the store has them.

        `new`: the caller has just looked and knows that the first row's key is not in the table.

        Raises:
            Lost: the partition is not ours, or was lost before the changelog had all of it.
            Transient: Kafka did not take it in time; the rows may or may not be in the changelog: write them again.
        """
        await self.confirm(await self.begin(partition, rows, new=new))

    async def begin(self, partition: int, rows: Sequence[Row], *, new: bool = False) -> _Write:
        """Send rows without waiting for the acknowledgement; `confirm` waits. Order of `begin` is order in the log."""
        self._guard.check()
        if not self._owns(partition):
            raise Lost(f"table {self.name}: partition {partition} is not owned by this worker")
        write = _Write(partition, self._generation(), [], [])
        producer = self._producer()
        try:
            for key, value in rows:
                place = (partition, key)
                stored = None if new and not write.rows else self._present(partition, key)
                revision = unpack(stored)[0] + 1 if stored is not None else 1
                held = _Held(write.generation, pack(revision, value) if value is not None else None)
                before = self._pending.get(place)
                if before is not None:
                    before.newer = held
                self._pending[place] = held
                write.rows.append((key, held))
                write.futures.append(await producer.post_raw(self.changelog, held.row, key, partition))
        except BaseException:
            # a row that was not sent must not be read as if it were
            self._abandon(write)
            raise
        return write

    async def confirm(self, write: _Write) -> None:
        """Wait for the acknowledgements of a `begin`, then store. Raises as `put_all`."""
        try:
            metadata = await confirm(write.futures)
        except BaseException:
            self._abandon(write)
            raise
        try:
            if write.generation != self._generation():
                raise Lost(f"table {self.name}: partition {write.partition} was lost while it was written")
            last = metadata[-1]
            # acknowledgements may be looked at out of order; an older row must not cover a newer one
            rows = [(key, held.row) for key, held in write.rows if not held.is_covered()]
            hole = self._holes.get(write.partition) == write.generation
            self._store.write(write.partition, rows, None if hole else last.offset)
            for _, held in write.rows:
                held.stored = True
        finally:
            self._forget(write)

    def _abandon(self, write: _Write) -> None:
        """The changelog may have rows of it that the store lacks: the next recovery must read them.

        So the store's offset stays where it is for the rest of this generation.
        """
        self._forget(write)
        if write.futures:
            self._holes[write.partition] = write.generation
        for future in write.futures:
            future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _forget(self, write: _Write) -> None:
        for key, held in write.rows:
            if self._pending.get((write.partition, key)) is held:
                del self._pending[write.partition, key]

    def _present(self, partition: int, key: bytes) -> bytes | None:
        held = self._pending.get((partition, key))
        # what an earlier generation left on its way is not ours to read: its owner may have been another since
        if held is not None and held.generation == self._generation():
            return held.row
        return self._store.read(partition, key)


class _Held:
    """A row on its way to the changelog; `newer` is the next write of the same key."""

    __slots__ = ("generation", "newer", "row", "stored")

    def __init__(self, generation: int, row: bytes | None) -> None:
        self.generation = generation
        self.row = row
        self.newer: _Held | None = None
        self.stored = False

    def is_covered(self) -> bool:
        """A newer write of the key is in the store already."""
        newer = self.newer
        while newer is not None:
            if newer.stored:
                return True
            newer = newer.newer
        return False


class _Write:
    """Rows on their way to the changelog."""

    __slots__ = ("futures", "generation", "partition", "rows")

    def __init__(
        self, partition: int, generation: int, rows: list[tuple[bytes, _Held]], futures: list[asyncio.Future[Any]]
    ) -> None:
        self.partition = partition
        self.generation = generation
        self.rows = rows
        self.futures = futures
