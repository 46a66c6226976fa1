"""10,000 upserts of companies, 70 % unchanged, 15 % changed, 15 % new, on a portal that lives twenty times faster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson

from bench.portal.ground import CREDENTIAL, Brokers, Ground, ground
from bench.portal.operating import BESIDE, SCALE, least_seconds, start_with
from pipeline.delivery.records import Record
from pipeline.portal.plan import Key
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.portal.steps.upsert import content_hash
from pipeline.topology import CONTROL

COUNT = 10_000
UNCHANGED, CHANGED = 0.70, 0.15
COSTS = {"crm.company.add": 0.65, "crm.company.update": 0.26, "crm.company.list": 0.16}


def run(folder: Path, brokers: Brokers) -> list[dict[str, Any]]:
    """Seconds, beside the tightest operating limit."""
    return [asyncio.run(_run(folder, brokers))]


def limit() -> float:
    """Seconds that the adds, or the updates, take at best."""
    changed, new = COUNT * CHANGED, COUNT * (1 - UNCHANGED - CHANGED)
    add, update = new * COSTS["crm.company.add"], changed * COSTS["crm.company.update"]
    return max(least_seconds(add), least_seconds(update), (add + update) / BESIDE)


def _fields(number: int, version: int) -> dict[str, Any]:
    return {"TITLE": f"Company {number}", "COMMENTS": f"version {version}"}


def _plans() -> Iterator[Record]:
    known = int(COUNT * UNCHANGED)
    for number in range(COUNT):
        plan = PlanBuilder()
        key = Key(id=str(number), originator="bench")
        plan.upsert("company", "company", key, _fields(number, 1 if number < known else 2))
        yield plan.build().record("default", "bench", source="companies")


async def _prepare(made: Ground) -> list[Record]:
    """Companies in the portal, and the links that an earlier day would have left."""
    there = range(0, int(COUNT * (UNCHANGED + CHANGED)), 50)
    beside = asyncio.Semaphore(8)
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        records = await asyncio.gather(*(_fifty(made, http, beside, begin) for begin in there))
    made.post("reset", {"portal": "default", "parts": ["limits", "journal"]})
    return records


async def _fifty(made: Ground, http: httpx.AsyncClient, beside: asyncio.Semaphore, begin: int) -> Record:
    """Fifty companies, made straight in the portal, and the record that makes their links."""
    query = "crm.company.add?fields[TITLE]=Company {0}&fields[COMMENTS]=version 1&fields[ORIGIN_ID]={0}"
    commands = {f"c{n}": f"{query.format(n)}&fields[ORIGINATOR_ID]=bench" for n in range(begin, begin + 50)}
    async with beside:
        await asyncio.to_thread(made.post, "reset", {"portal": "default", "parts": ["limits"]})
        url = f"{made.portal.rest}{CREDENTIAL['user']}/{CREDENTIAL['token']}/batch"
        result = (await http.post(url, json={"cmd": commands})).raise_for_status().json()["result"]["result"]
    links = [
        {
            "entity": "company",
            "originator": "bench",
            "external": str(n),
            "id": str(result[f"c{n}"]),
            "hash": content_hash(_fields(n, 1)),
        }
        for n in range(begin, begin + 50)
    ]
    body = orjson.dumps({"v": 1, "do": "links.put", "links": links})
    return Record(CONTROL, body, key=b"default", headers={"source": "bench"})


async def _run(folder: Path, brokers: Brokers) -> dict[str, Any]:
    arguments = ["--preset", "cloud"]
    for method, cost in COSTS.items():
        arguments += ["--cost", f"{method}={cost}"]
    with ground(folder, brokers, scale=SCALE, portal=arguments) as made:
        links = await _prepare(made)
        await start_with(made, links)
        await asyncio.to_thread(made.handled, "portal-control", len(links))
        await made.send(_plans())
        writes = int(COUNT * (1 - UNCHANGED))
        deadline = limit() / SCALE * 3 + 60
        await asyncio.gather(
            made.executed(int(COUNT * CHANGED), deadline, "crm.company.update"),
            made.executed(writes - int(COUNT * CHANGED), deadline, "crm.company.add"),
        )
        entries = [entry for entry in made.executions() if entry["method"] in COSTS]
        seconds = (max(e["finished"] for e in entries) - min(e["started"] for e in entries)) * SCALE
        counters = made.counters()
        done = counters["executions"]
        return {
            "row": f"{COUNT:,} upserts, 70 % unchanged, the portal's seconds (x{SCALE:g})",
            "way": "ours",
            "unit": "s",
            "limit": limit(),
            "measured": seconds,
            "ratio": seconds / limit(),
            "refused": counters["refused"],
            "note": ", ".join(f"{method} {done.get(method, 0)}" for method in COSTS),
        }
