"""The outside of the simulated portals: what was there before, who calls, what they hold and have executed."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tests.chaos.control import PortalControl
from tests.chaos.plans.objects import SMART, Objects, external_of, marker_of, number_of

__all__ = ["PlansControl"]

_BATCH = 50
#: objects that one batch makes beforehand; batches run side by side, at most 40 (control.py)
_SEEDS = 10
_LISTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "deal": ("crm.deal.list", {"select": ["ID", "TITLE", "COMPANY_ID", "ORIGIN_ID", "ORIGINATOR_ID"]}, "ID"),
    "company": ("crm.company.list", {"select": ["ID", "TITLE", "ORIGIN_ID", "ORIGINATOR_ID"]}, "ID"),
    "contact": ("crm.contact.list", {"select": ["ID", "NAME", "PHONE", "ORIGIN_ID", "ORIGINATOR_ID"]}, "ID"),
    "item": ("crm.item.list", {"entityTypeId": SMART, "select": ["id", "title", "xmlId"]}, "id"),
}
#: what nothing but looking for the outcome of an add asks for, in these tests
_LOOKUPS = ("crm.deal.list", "crm.contact.list")


class PlansControl(PortalControl):
    """As PortalControl, for several entities."""

    def __init__(self, url: str, portals: Iterable[str]) -> None:
        super().__init__(url, portals)
        #: by portal: nobody waits any more for requests up to that number
        self._settled = dict.fromkeys(self.portals, 0)

    async def prepare(self) -> None:
        """The smart process."""
        for portal in self.portals:
            await self.call(portal, "crm.type.add", {"fields": {"entityTypeId": SMART, "title": "Things"}})

    async def seed_rows(self, portal: str, entity: str, markers: list[str]) -> list[int]:
        """Make objects with these markers; their ids, in that order."""
        await self.unlimited(portal)
        parts = [markers[first : first + _SEEDS] for first in range(0, len(markers), _SEEDS)]
        made = await asyncio.gather(*(self._seed_part(portal, entity, part) for part in parts))
        return [number for part in made for number in part]

    async def _seed_part(self, portal: str, entity: str, markers: list[str]) -> list[int]:
        method, fixed, name = f"crm.{entity}.add", "", "NAME" if entity == "contact" else "TITLE"
        if entity == "item":
            fixed, name = f"entityTypeId={SMART}&", "title"
        commands = {f"c{n}": f"{method}?{fixed}fields[{name}]={marker}" for n, marker in enumerate(markers)}
        made = (await self.call(portal, "batch", {"halt": 1, "cmd": commands}))["result"]
        results = [made[f"c{n}"] for n in range(len(markers))]
        return [result["item"]["id"] if entity == "item" else result for result in results]

    async def unlimited(self, portal: str) -> None:
        """Empty the buckets: what the test itself asks is no load."""
        await self._post("reset", {"portal": portal, "parts": ["limits"]})

    async def busy(self, source: str, patience: float) -> dict[str, int]:
        """By portal the requests of a worker that are in flight now.

        `patience`: seconds after which it waits for none any more, although the portal may be at work on it.
        """
        now = time.time()
        found = {}
        for portal in self.portals:
            entries = await self._requests(portal, self._settled[portal])
            young = [entry for entry in entries if entry["arrived"] > now - patience]
            ours = sum(1 for entry in young if entry["source"] == source and entry["answered"] is None)
            if ours:
                found[portal] = ours
            if entries:
                self._settled[portal] = (young[0]["number"] - 1) if young else entries[-1]["number"]
        return found

    async def marks(self) -> dict[str, int]:
        """By portal the number of its newest request."""
        found = {}
        for portal in self.portals:
            entries = await self._requests(portal, self._settled[portal])
            found[portal] = entries[-1]["number"] if entries else self._settled[portal]
        return found

    async def called(self, source: str, marks: Mapping[str, int]) -> set[str]:
        """Portals that a worker has called since then."""
        return {
            portal
            for portal in self.portals
            if any(entry["source"] == source for entry in await self._requests(portal, marks[portal]))
        }

    async def _requests(self, portal: str, since: int) -> list[dict[str, Any]]:
        return list((await self._get(f"requests?portal={portal}&since={since}"))["requests"])

    async def overlap(self) -> tuple[int, int]:
        """Requests that met one of another worker; those that only met one whose worker was dead or had given up."""
        answers = [await self._get(f"overlap?portal={portal}&by=source") for portal in self.portals]
        return sum(one["overlaps"] for one in answers), sum(one["overlaps_with_gone"] for one in answers)

    async def handovers(self) -> int:
        """How often a portal was called by another worker than before."""
        found = 0
        for portal in self.portals:
            callers = [entry["source"] for entry in await self._requests(portal, 0)]
            found += sum(1 for one, other in itertools.pairwise(callers) if one != other)
        return found

    async def refused(self) -> dict[str, int]:
        """What the limits of the portals refused, by limit."""
        found: Counter[str] = Counter()
        for portal in self.portals:
            found.update((await self._get(f"counters?portal={portal}&detail=0"))["refused_by"])
        return dict(found)

    async def cuts(self) -> int:
        """Requests that the portals have cut at their time limit, in the midst of the work."""
        found = [await self._get(f"counters?portal={portal}&detail=0") for portal in self.portals]
        return sum(one["errors"].get("GATEWAY_TIMEOUT", 0) for one in found)

    async def lookups(self) -> int:
        """Look-ups for the outcome of an add that were answered."""
        found = 0
        for portal in self.portals:
            done = (await self._get(f"counters?portal={portal}&detail=0"))["executions"]
            found += sum(done.get(method, 0) for method in _LOOKUPS)
        return found

    async def hits(self) -> dict[str, int]:
        """By fault: how many requests, or commands within batches, it has hit."""
        found: Counter[str] = Counter()
        for rule in (await self._get("faults"))["faults"]:
            name = f"{rule['kind']}{' in a batch' * rule['in_batch']}{' after' * rule['after']}"
            found[name] += rule["hits"]
        return dict(found)

    async def executions(self, portal: str) -> list[dict[str, Any]]:
        """All that ran, oldest first, each with the `span` of its HTTP request (docs/sandbox-portal.md)."""
        found = await self._get(f"executions?portal={portal}&limit=1000000")
        spans = found["requests"]
        return [{**entry, "span": spans.get(str(entry["request"]))} for entry in found["executions"]]

    async def objects(self) -> dict[str, Objects]:
        """All that the portals hold, and what was executed; call it last, its own calls are in the logs."""
        found = {portal: Objects() for portal in self.portals}
        for portal, objects in found.items():
            await self._add_executed(portal, objects)
        for portal, objects in found.items():
            await self._add_held(portal, objects)
        return found

    async def _add_executed(self, portal: str, objects: Objects) -> None:
        for entry in await self.executions(portal):
            family, _, verb = entry["method"].rpartition(".")
            if verb != "add" or entry["error"] is not None:
                continue
            span = entry["span"] or {}
            objects.unheard += span.get("status") != "200" or span.get("gone", False)
            entity = family.rpartition(".")[2]
            for by, value in (("marker", marker_of(entry["keys"])), ("external", external_of(entry["keys"]))):
                if value:
                    objects.executed[entity, by, value] += 1

    async def _add_held(self, portal: str, objects: Objects) -> None:
        for entity, (method, params, id_name) in _LISTS.items():
            last = 0
            while True:
                await self.unlimited(portal)
                wanted = {**params, "filter": {f">{id_name}": last}, "order": {id_name: "ASC"}, "start": -1}
                result = await self.call(portal, method, wanted)
                rows = result["items"] if entity == "item" else result
                for row in rows:
                    objects.add(entity, row)
                if len(rows) < _BATCH:
                    break
                last = int(number_of(rows[-1]))
        for row in objects.rows.get("contact", {}).values():
            for phone in row.get("PHONE") or ():
                objects.found["phone", "marker", phone["VALUE"]].append(row)
        chains = [number for number, row in objects.rows.get("deal", {}).items() if row["TITLE"].startswith("chain")]
        parts = [chains[first : first + _BATCH // 2] for first in range(0, len(chains), _BATCH // 2)]
        for part in parts:
            await self._add_chains(portal, part, objects)

    async def _add_chains(self, portal: str, deals: list[str], objects: Objects) -> None:
        commands = {}
        for deal in deals:
            commands[f"rows{deal}"] = f"crm.deal.productrows.get?id={deal}"
            owner = f"filter[ENTITY_ID]={deal}&filter[ENTITY_TYPE]=deal"
            commands[f"comments{deal}"] = f"crm.timeline.comment.list?{owner}"
        await self.unlimited(portal)
        answer = (await self.call(portal, "batch", {"halt": 1, "cmd": commands}))["result"]
        for deal in deals:
            objects.product_rows[deal] = answer[f"rows{deal}"]
            for comment in answer[f"comments{deal}"]:
                objects.add("comment", comment)

    async def quiet(self, timeout: float = 30.0) -> None:
        """Wait until the portals are at work on nothing. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while await self.in_flight():
                await asyncio.sleep(0.05)
