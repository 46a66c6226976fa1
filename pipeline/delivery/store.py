"""Faust's RocksDB store, mended: the greater revision wins, and a store that was left alone for too long is made anew.

Every value begins with its revision (8 bytes, big endian): a late record of a frozen worker must not undo what its
successor wrote (reference: Faust, section 13, cause 4). A store that has not been touched for longer than the
changelog keeps its tombstones may hold rows that were deleted elsewhere; it is dropped and restored from Kafka.
"""

from __future__ import annotations

import gc
import logging
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from faust.stores.rocksdb import Store
from faust.types import TP
from rocksdict import WriteBatch

__all__ = ["REVISION_BYTES", "TOMBSTONES_KEPT", "SafeStore", "pack", "unpack"]

REVISION_BYTES = 8

#: delete.retention.ms of changelogs, in seconds. Stores older than half of it are not trusted.
TOMBSTONES_KEPT = 7 * 86_400.0

#: most that `slice` reads at once: rows, and bytes of their values (the last row may go beyond)
_SLICE_ROWS = 500
_SLICE_BYTES = 1024 * 1024

logger = logging.getLogger(__name__)


def pack(revision: int, value: bytes) -> bytes:
    """The bytes that stand in the changelog and in the store."""
    return revision.to_bytes(REVISION_BYTES, "big") + value


def unpack(stored: bytes) -> tuple[int, bytes]:
    """`(revision, value)`."""
    return int.from_bytes(stored[:REVISION_BYTES], "big"), stored[REVISION_BYTES:]


class SafeStore(Store):
    """One RocksDB a partition; raw bytes in and out."""

    def read(self, partition: int, key: bytes) -> bytes | None:
        """What is stored, revision included."""
        value: bytes | None = self._db_for_partition(partition).get(key)
        return value

    def write(self, partition: int, rows: Iterable[tuple[bytes, bytes | None]], offset: int | None) -> None:
        """Store rows; None deletes. `offset`: all of the changelog up to it is in the store now (None: not known)."""
        batch = WriteBatch(raw_mode=True)
        for key, value in rows:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if offset is not None:
            batch.put(self.offset_key, str(offset).encode())
        self._db_for_partition(partition).write(batch)

    def slice(self, partition: int, prefix: bytes, start: bytes | None = None) -> list[tuple[bytes, bytes]]:
        """The first rows from the key `start` on whose key begins with `prefix`; empty: there are no more.

        A list, and of bounded size: an iterator of RocksDB that is still referred to keeps the database locked.
        """
        rows: list[tuple[bytes, bytes]] = []
        size = 0
        for key, value in self._db_for_partition(partition).items(from_key=start or prefix or None):
            if not key.startswith(prefix):
                break
            if key != self.offset_key:
                rows.append((key, value))
                size += len(value)
                if len(rows) >= _SLICE_ROWS or size >= _SLICE_BYTES:
                    break
        return rows

    def revoke_partitions(self, table: Any, tps: set[TP]) -> None:
        """Close the databases of partitions that were lost.

        Faust leaves that to the garbage collector. While anything refers to one, the partition cannot be opened again
        in this worker: Faust tries for 30 s, the whole group waiting, and then ends the worker.
        """
        for tp in tps:
            if tp.topic in table.changelog_topic.topics:
                self._close(self._dbs.pop(tp.partition, None))
        gc.collect()

    async def stop(self) -> None:
        """Close all databases."""
        for partition in list(self._dbs):
            self._close(self._dbs.pop(partition))
        await super().stop()

    def _close(self, db: Any) -> None:
        if db is not None:
            db.close()

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Apply changelog records; a value of a smaller revision than the present one is left out."""
        newest: dict[tuple[int, bytes], bytes | None] = {}
        offsets: dict[Any, int] = {}
        for event in batch:
            message = event.message
            offsets[message.tp] = max(message.offset, offsets.get(message.tp, -1))
            place = (message.partition, message.key)
            if message.value is not None:
                present = newest[place] if place in newest else self.read(*place)
                if present is not None and present[:REVISION_BYTES] > message.value[:REVISION_BYTES]:
                    continue
            newest[place] = message.value
        by_partition: dict[int, list[tuple[bytes, bytes | None]]] = {}
        for (partition, key), value in newest.items():
            by_partition.setdefault(partition, []).append((key, value))
        for tp, offset in offsets.items():
            self.write(tp.partition, by_partition.get(tp.partition, []), offset)

    def _open_for_partition(self, partition: int) -> Any:
        self._drop_if_stale(Path(self.partition_path(partition)))
        return super()._open_for_partition(partition)

    def _drop_if_stale(self, path: Path) -> None:
        if not path.is_dir():
            return
        touched = max((entry.stat().st_mtime for entry in path.iterdir()), default=0.0)
        if time.time() - touched > TOMBSTONES_KEPT / 2:
            logger.warning("table store %s was left alone for too long: restoring it from Kafka", path.name)
            shutil.rmtree(path)
