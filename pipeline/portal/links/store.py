"""Links: (portal, entity, external key) <-> the portal's id, with content hash and version (design, section 5).

One instance a worker, over the table `links`; partition = that of the portal. What is written is durable when the
call returns. One external key has one id and one id has one external key: a put removes what says otherwise.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.delivery.tables import DurableTable
from pipeline.portal.links.keys import id_place, link_place, read_link_place
from pipeline.portal.links.parts import PartNote, decode_note, encode_note, part_place, part_prefix

__all__ = ["Link", "Links", "Version", "decode_link", "encode_link", "read_row"]

Version = int | str | None
_Rows = list[tuple[bytes, bytes | None]]


@dataclass(frozen=True, slots=True)
class Link:
    """`external` is made by `external_key`; `entity` as `deal`, `company`, `item:128`, `product:23` (iblock).

    `hash` and `version` tell the content that the portal was last given, None = not known. `at` in unix
    seconds. `title`: what the object is called there, as far as plans need it.
    """

    portal: str
    entity: str
    external: str
    id: str
    hash: str | None = None
    version: Version = None
    at: float = field(default_factory=time.time, compare=False)
    title: str | None = None


class Links:
    """Reads and writes of both directions."""

    def __init__(self, table: DurableTable) -> None:
        self._table = table
        #: one put after another: what a put removes depends on what is there
        self._turns: dict[int, asyncio.Lock] = {}
        #: keys that are on their way to the changelog, and how often: what is only being written is not yet durable
        self._writing: dict[tuple[int, bytes], int] = {}

    def get(self, partition: int, portal: str, entity: str, external: str) -> Link | None:
        """The link of an external key."""
        stored = self._table.get(partition, link_place(portal, entity, external))
        return None if stored is None else decode_link(portal, entity, external, stored)

    def by_id(self, partition: int, portal: str, entity: str, id: str) -> Link | None:
        """The link of the portal's id."""
        external = self._table.get(partition, id_place(portal, entity, id))
        link = None if external is None else self.get(partition, portal, entity, external.decode())
        # a crash between two rows may leave a way back to a link that has moved on
        return link if link is not None and link.id == id else None

    async def put(self, partition: int, link: Link) -> None:
        """Write one link. See `put_many`."""
        await self.put_many(partition, (link,))

    async def put_many(self, partition: int, links: Iterable[Link]) -> int:
        """Write links in their order, of portals of this partition; a later one wins. Returns how many were new.

        What stands there already (id, hash and version) is not written again.

        Raises:
            Lost: the partition is not ours, or was lost meanwhile.
            Transient: Kafka did not take it in time; some may be written: put them again.
        """
        return await self._write(partition, (self._rows_of_put(partition, link) for link in links))

    async def drop(self, partition: int, portal: str, entity: str, external: str) -> bool:
        """Forget a link, in both directions; False: there was none. Raises as `put_many`."""
        return await self.drop_many(partition, [(portal, entity, external)]) > 0

    async def drop_many(self, partition: int, keys: Iterable[tuple[str, str, str]]) -> int:
        """Forget links by (portal, entity, external key). Returns how many there were. Raises as `put_many`."""
        return await self._write(partition, (self._rows_of_drop(partition, *key) for key in keys))

    def part(self, partition: int, portal: str, entity: str, external: str, part: str) -> PartNote | None:
        """What an object's part was last given."""
        stored = self._table.get(partition, part_place(portal, entity, external, part))
        return None if stored is None else decode_note(portal, entity, external, part, stored)

    async def put_parts(self, partition: int, notes: Iterable[PartNote]) -> None:
        """Note what parts were given. Raises as `put_many`."""
        await self._write(partition, ([self._row_of_part(note)] for note in notes))

    async def _write(self, partition: int, changes: Iterable[_Rows]) -> int:
        """Send the rows of each change before the next one is looked at, then wait for all."""
        begun: list[Any] = []
        places: list[tuple[int, bytes]] = []
        try:
            async with self._turns.setdefault(partition, asyncio.Lock()):
                for rows in changes:
                    if rows:
                        places += self._begin(partition, rows)
                        begun.append(await self._table.begin(partition, rows))
        finally:
            try:
                # also when one could not be sent: those before it are looked at to their end
                outcomes = await asyncio.gather(*map(self._table.confirm, begun), return_exceptions=True)
            finally:
                self._end(places)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return len(begun)

    def _rows_of_put(self, partition: int, link: Link) -> _Rows:
        portal, entity = link.portal, link.entity
        place, back = link_place(portal, entity, link.external), id_place(portal, entity, link.id)
        before = self.get(partition, portal, entity, link.external)
        pointed = self._table.get(partition, back)
        holder = None if pointed is None else pointed.decode()
        if before == link and holder == link.external and not self._is_on_its_way(partition, place, back):
            return []
        rows: _Rows = []
        # what is no longer so goes first: a crash in between then leaves a link less, never two for one object
        if before is not None and before.id != link.id:
            rows += self._way_back(partition, before)
        if holder is not None and holder != link.external:
            other = self.get(partition, portal, entity, holder)
            if other is not None and other.id == link.id:
                rows += self._rows_of_parts(partition, portal, entity, holder)
                rows.append((link_place(portal, entity, holder), None))
        return [*rows, (place, encode_link(link)), (back, link.external.encode())]

    def _rows_of_drop(self, partition: int, portal: str, entity: str, external: str) -> _Rows:
        link = self.get(partition, portal, entity, external)
        place = link_place(portal, entity, external)
        if link is None:
            # a drop that is on its way may yet fail
            return [(place, None)] if self._is_on_its_way(partition, place) else []
        # parts first: without their link nobody would drop them any more
        parts = self._rows_of_parts(partition, portal, entity, external)
        return [*parts, (place, None), *self._way_back(partition, link)]

    def _rows_of_parts(self, partition: int, portal: str, entity: str, external: str) -> _Rows:
        """Forgets what the parts of an object were given."""
        prefix = part_prefix(portal, entity, external)
        return [(key, None) for key, _ in self._table.scan(partition, prefix)]

    def _row_of_part(self, note: PartNote) -> tuple[bytes, bytes | None]:
        return part_place(note.portal, note.entity, note.external, note.part), encode_note(note)

    def _way_back(self, partition: int, link: Link) -> _Rows:
        """Removes the way back from the link's id, if it leads to this link."""
        back = id_place(link.portal, link.entity, link.id)
        return [(back, None)] if self._table.get(partition, back) == link.external.encode() else []

    def _is_on_its_way(self, partition: int, *keys: bytes) -> bool:
        return any((partition, key) in self._writing for key in keys)

    def _begin(self, partition: int, rows: Sequence[tuple[bytes, bytes | None]]) -> list[tuple[int, bytes]]:
        places = [(partition, key) for key, _ in rows]
        for place in places:
            self._writing[place] = self._writing.get(place, 0) + 1
        return places

    def _end(self, places: Sequence[tuple[int, bytes]]) -> None:
        for place in places:
            self._writing[place] -= 1
            if not self._writing[place]:
                del self._writing[place]


def encode_link(link: Link) -> bytes:
    """The value of a link's row."""
    fields = {"id": link.id, "hash": link.hash, "version": link.version, "title": link.title, "at": round(link.at, 3)}
    return orjson.dumps({name: value for name, value in fields.items() if value is not None})


def decode_link(portal: str, entity: str, external: str, stored: bytes) -> Link:
    """A link from the value of its row."""
    return Link(portal, entity, external, **orjson.loads(stored))


def read_row(key: bytes, value: bytes) -> Link | None:
    """A link from a row of the table; None for a row of the way back."""
    place = read_link_place(key)
    return None if place is None else decode_link(*place, value)
