"""Commands to topic portal.control, and the wait until the workers have executed them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice

from pipeline.delivery.records import Record, read_headers
from pipeline.portal.links.kafka import Kafka, LinksError, Tail
from pipeline.topology import CONTROL, DEAD_LETTERS, wire_name

__all__ = ["Sender", "open_sender"]

_PAUSE = 0.2
#: records on their way to the broker at once
_AT_ONCE = 20


class Sender:
    """Made by `open_sender`. `count` links have been sent."""

    def __init__(self, kafka: Kafka, letters: Tail) -> None:
        self._kafka = kafka
        self._letters = letters
        #: (partition, offset) -> links in that record
        self._sent: dict[tuple[int, int], int] = {}
        self.count = 0

    async def send(self, records: Iterable[Record]) -> None:
        """Send records of messages.py in their order; returns when the broker has all."""
        for chunk in _chunks(records):
            futures = [await self._kafka.post(record) for record in chunk]
            for record, metadata in zip(chunk, await asyncio.gather(*futures), strict=True):
                links = int(record.headers["links"])
                self._sent[metadata.partition, metadata.offset] = links
                self.count += links

    async def settle(self, done: Callable[[int], None], patience: float) -> None:
        """Wait until workers have committed past all that was sent; `done` is told how many links are through.

        Raises:
            LinksError: no worker has gone on for `patience` seconds, or it refused some of the commands.
        """
        through, moved = -1, time.monotonic()
        while through < self.count:
            committed = await self._kafka.committed(CONTROL)
            now_through = sum(
                links for (partition, offset), links in self._sent.items() if committed.get(partition, -1) > offset
            )
            if now_through > through:
                through, moved = now_through, time.monotonic()
                done(through)
            elif time.monotonic() - moved > patience:
                raise LinksError(
                    f"{self.count - through} of {self.count} links are in {wire_name(self._kafka.settings, CONTROL)}, "
                    f"but no worker has taken them within {patience:g} s; they are kept, and taken when one runs"
                )
            if through < self.count:
                await asyncio.sleep(_PAUSE)
        await self._look_for_refusals()

    async def _look_for_refusals(self) -> None:
        topic = wire_name(self._kafka.settings, CONTROL)
        refused: dict[tuple[int, int], str] = {}
        for record in await self._letters.rest():
            headers = read_headers(record.headers)
            if headers.get("dl-topic") == topic:
                place = int(headers["dl-partition"]), int(headers["dl-offset"])
                refused[place] = headers.get("dl-last-error", "")
        ours = {place: text for place, text in refused.items() if place in self._sent}
        if ours:
            links = sum(self._sent[place] for place in ours)
            raise LinksError(f"{links} links were refused (dead letters): {'; '.join(sorted(set(ours.values())))}")


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    rest = iter(records)
    while chunk := list(islice(rest, _AT_ONCE)):
        yield chunk


@asynccontextmanager
async def open_sender(kafka: Kafka) -> AsyncIterator[Sender]:
    """Be ready to send. Raises LinksError: no worker has ever run here."""
    settings = kafka.settings
    await kafka.need(wire_name(settings, CONTROL), wire_name(settings, DEAD_LETTERS))
    letters = Tail(settings, DEAD_LETTERS, await kafka.partitions(DEAD_LETTERS))
    try:
        await letters.open()
        yield Sender(kafka, letters)
    finally:
        await letters.close()
