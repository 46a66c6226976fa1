"""Links made anew from what stands in a portal: its objects by ascending id, page by page.

Nothing in a portal makes external ids unique (Bitrix24, section 7 of the reference): of several objects with one
external id the oldest, that with the lowest id, is linked, and the others are told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.portal.entities import Entity
from pipeline.portal.links.kafka import LinksError
from pipeline.portal.links.keys import external_key
from pipeline.portal.links.store import Link

__all__ = ["Call", "Page", "Rebuild"]

Call = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Page:
    """Links of one page; `read` = objects read so far."""

    links: list[Link]
    read: int


class Rebuild:
    """One run over an entity of a portal.

    `from_id`: objects up to that id were read by an earlier run; `known` are the links that stand now, of which those
    that lead to such an object are taken for what that run found. `originator`: its objects alone, None = all.

    While it runs: `last` = id of the last object read (to go on from), `read` = objects read, `linked` = links given,
    `total` = objects to read (None before the first page), `doubles` = external key -> ids, the linked one first;
    `unfit` = ids of objects whose external id cannot be one of ours.
    """

    def __init__(
        self,
        call: Call,
        portal: str,
        entity: Entity,
        originator: str | None = None,
        *,
        from_id: int = 0,
        known: Iterable[Link] = (),
    ) -> None:
        if originator and not entity.originator_field:
            raise LinksError(f"objects of {entity.name} have no originator")
        if entity.lies_in is not None:
            raise LinksError(f"keys of {entity.name} name what its objects lie in: plans find them again by themselves")
        self._call = call
        self._portal = portal
        self._entity = entity
        self._originator = originator
        self._ids = {link.external: link.id for link in known if link.id.isdecimal() and int(link.id) <= from_id}
        self.last = from_id
        self.read = 0
        self.linked = 0
        self.total: int | None = None
        self.doubles: dict[str, list[str]] = {}
        self.unfit: list[str] = []

    async def pages(self) -> AsyncIterator[Page]:
        """Each page; its links may be none. When the next is asked for, it counts as done (`last`).

        Raises:
            LinksError: a call failed, or the portal answers otherwise than by ascending id.
        """
        while True:
            rows = await self._page()
            if not rows:
                return
            links = [link for number, row in rows if (link := self._link(number, row)) is not None]
            self.read += len(rows)
            self.linked += len(links)
            yield Page(links, self.read)
            self.last = rows[-1][0]

    async def _page(self) -> list[tuple[int, dict[str, Any]]]:
        """Rows with their ids, ascending. Only the first page is asked for with a count, which is slow."""
        entity = self._entity
        wanted: dict[str, Any] = {f">{entity.id_field}": self.last}
        if self._originator:
            wanted[str(entity.originator_field)] = self._originator
        params = entity.list_params(wanted)
        if self.total is None:
            params["start"] = 0
        answer = await self._call(entity.list_method, params)
        if self.total is None:
            self.total = int(answer.get("total") or 0)
        rows = sorted(((self._number(row), row) for row in entity.rows(answer.get("result"))), key=lambda row: row[0])
        numbers = [number for number, _ in rows]
        if numbers and (numbers[0] <= self.last or len(set(numbers)) < len(numbers)):
            raise LinksError(f"{entity.list_method}: after id {self.last} came id {numbers[0]}: it does not go on")
        return rows

    def _number(self, row: dict[str, Any]) -> int:
        number = row.get(self._entity.id_field)
        if isinstance(number, bool) or not str(number).isdecimal():
            raise LinksError(f"{self._entity.list_method}: a row without a number in {self._entity.id_field}")
        return int(str(number))

    def _link(self, number: int, row: dict[str, Any]) -> Link | None:
        external = self._entity.external_of(row)
        if not external:
            return None
        field = self._entity.originator_field
        try:
            key = external_key(str(row.get(field) or "") if field else None, external)
        except ValueError:
            self.unfit.append(str(number))
            return None
        first = self._ids.setdefault(key, str(number))
        if first != str(number):
            self.doubles.setdefault(key, [first]).append(str(number))
            return None
        return Link(self._portal, self._entity.name, key, str(number))
