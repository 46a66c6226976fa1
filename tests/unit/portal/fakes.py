"""The table `requests` in memory, a producer, and requests, for the tests of the state machine."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from pipeline.delivery.flow import Event
from pipeline.delivery.records import Record
from pipeline.delivery.tables import DurableTable
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.lanes import TOPICS, Lane
from pipeline.portal.requests.row import WAITING, Row


class MemoryTable:
    """A DurableTable whose changelog is instant. `errors` are raised by the next writes; `gate` holds writes back."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, bytes], bytes] = {}
        self.errors: list[BaseException] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.log: list[tuple[bytes, bytes | None]] = []

    def get(self, partition: int, key: bytes) -> bytes | None:
        """See DurableTable."""
        return self.rows.get((partition, key))

    def scan(self, partition: int, prefix: bytes = b"", start: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """See DurableTable."""
        for (of, key), value in sorted(self.rows.items()):
            if of == partition and key.startswith(prefix) and (start is None or key >= start):
                yield key, value

    async def put(self, partition: int, key: bytes, value: bytes | None) -> None:
        """See DurableTable."""
        await self.put_all(partition, [(key, value)])

    async def put_all(self, partition: int, rows: Sequence[tuple[bytes, bytes | None]], *, new: bool = False) -> None:
        """See DurableTable."""
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        assert not new or (partition, rows[0][0]) not in self.rows, "new = it is not there"
        self._store(partition, rows)

    async def begin(self, partition: int, rows: Sequence[tuple[bytes, bytes | None]], *, new: bool = False) -> None:
        """See DurableTable: it is read at once."""
        if self.errors:
            raise self.errors.pop(0)
        self._store(partition, rows)

    async def confirm(self, write: None) -> None:
        """See DurableTable."""
        await self.gate.wait()

    def _store(self, partition: int, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        for key, value in rows:
            self.log.append((key, value))
            if value is None:
                self.rows.pop((partition, key), None)
            else:
                self.rows[partition, key] = value


class Kafka:
    """A ConfirmedProducer's `send`. `errors` are raised by the next sends; `gate` holds acknowledgements back."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.taken: list[Record] = []
        self.on_its_way = 0

    async def send(self, records: Iterable[Record]) -> Sequence[Any]:
        """See ConfirmedProducer."""
        self.on_its_way += 1
        try:
            await self.gate.wait()
            if self.errors:
                raise self.errors.pop(0)
            self.taken += records
            return ()
        finally:
            self.on_its_way -= 1

    def of(self, topic: str) -> list[Record]:
        """What was taken for a topic."""
        return [record for record in self.taken if record.topic == topic]


def book_on(table: MemoryTable) -> Book:
    """A book of that table."""
    return Book(cast(DurableTable, table))


_offsets = itertools.count()


def row(**given: Any) -> Row:
    """A waiting request with an offset of its own."""
    values: dict[str, Any] = {
        "lane": "i",
        "partition": 0,
        "epoch": 0,
        "offset": next(_offsets),
        "state": WAITING,
        "portal": "default",
        "method": "crm.deal.list",
        "source": "amqp",
        "accepted": time.time(),
        "user": "1",
        "credential": "all",
        "credential_id": "all",
        "body": b"{}",
    }
    return Row(**values | given)


def record(offset: int, lane: Lane = "i", body: bytes = b"{}", **headers: str) -> Event[bytes]:
    """A request record as the bridge writes it; header names with _ for -."""
    given = {
        "source": "amqp",
        "portal": "default",
        "method": "crm.deal.list",
        "user": "1",
        "credential": "all",
        "amqp-message-id": f"m{offset}",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    given = {name: text for name, text in given.items() if text}
    return Event(TOPICS[lane], 0, offset, b"default", given, body, body, time.time())


async def settle(turns: int = 20) -> None:
    """Let everything that can go on go on."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def until(condition: Any, turns: int = 3000) -> None:
    """Let the loop turn until it is so."""
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came about")
