"""The outside of the simulated portals: seeding deals, counting what was executed, injecting faults."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any

import httpx

from tests.chaos.cases import TOKEN, USER, Seed

__all__ = ["PortalControl"]

#: Calls at once; the simulator serves them side by side.
_AT_ONCE = 40
#: Adds in one batch.
_BATCH = 50


class PortalControl:
    """`url` without a slash at the end. Raises httpx.HTTPError and AssertionError when the simulator misbehaves."""

    def __init__(self, url: str, portals: Iterable[str]) -> None:
        self.portals = tuple(portals)
        self._http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(self, portal: str, method: str, params: Any) -> Any:
        """The result of a method."""
        async with self._room:
            answer = await self._http.post(f"/{portal}/rest/{USER}/{TOKEN}/{method}", json=params)
        assert answer.status_code == 200, f"{method}: HTTP {answer.status_code} {answer.text[:300]}"
        return answer.json()["result"]

    async def seed(self, portal: str, run: str, count: int) -> list[Seed]:
        """Make `count` deals whose TITLE and ORIGIN_ID are markers."""
        markers = [f"seed {run} {portal} {number}" for number in range(count)]
        parts = [markers[first : first + _BATCH] for first in range(0, count, _BATCH)]
        return [seed for part in await asyncio.gather(*(self._add(portal, part) for part in parts)) for seed in part]

    async def _add(self, portal: str, markers: list[str]) -> list[Seed]:
        query = "crm.deal.add?fields[TITLE]={0}&fields[ORIGIN_ID]={0}&fields[ORIGINATOR_ID]=chaos"
        commands = {f"c{number}": query.format(marker) for number, marker in enumerate(markers)}
        made = (await self.call(portal, "batch", {"halt": 1, "cmd": commands}))["result"]
        return [Seed(made[f"c{number}"], marker) for number, marker in enumerate(markers)]

    async def forget(self) -> None:
        """Clear journals and counters: what is counted from now on the test has caused."""
        for portal in self.portals:
            await self._post("reset", {"portal": portal, "parts": ["journal"]})

    async def in_flight(self) -> int:
        """Requests that the portals are working on now."""
        counters = (await self._get("counters?portal=*&detail=0"))["portals"]
        return sum(counters[portal]["in_flight"] for portal in self.portals)

    async def executed(self) -> Counter[tuple[str, str, str]]:
        """(portal, method, digest of the parameters) -> times executed with success."""
        times: Counter[tuple[str, str, str]] = Counter()
        for portal in self.portals:
            for entry in (await self._get(f"executions?portal={portal}"))["executions"]:
                if entry["error"] is None:
                    times[portal, entry["method"], entry["digest"]] += 1
        return times

    async def overlaps(self) -> int:
        """Calls that a portal began while it was still at another: two workers, or one after a kill, at once."""
        found = 0
        for portal in self.portals:
            runs = (await self._get(f"executions?portal={portal}"))["executions"]
            spans = sorted((entry["started"], entry["finished"]) for entry in runs)
            found += sum(1 for (_, end), (begin, _) in itertools.pairwise(spans) if begin < end)
        return found

    async def fault(self, kind: str, **more: Any) -> None:
        """Break the portals in a way of docs/sandbox-portal.md."""
        await self._post("faults", {"kind": kind, **more})

    async def mend(self) -> int:
        """Remove all faults; how many requests they hit."""
        hits = sum(rule["hits"] for rule in (await self._get("faults"))["faults"])
        (await self._http.delete("/_sandbox/faults")).raise_for_status()
        return int(hits)

    async def _get(self, path: str) -> Any:
        return (await self._http.get(f"/_sandbox/{path}")).raise_for_status().json()

    async def _post(self, path: str, body: Any) -> Any:
        return (await self._http.post(f"/_sandbox/{path}", json=body)).raise_for_status().json()
