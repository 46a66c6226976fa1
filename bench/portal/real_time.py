"""Real time: 10,000 crm.deal.list of 0.02 s through bitrix24in on a cloud portal, the queue filled before.

The limit is the portal's: a bucket of 50 that drains by 2 a second, 50 commands a batch: (200 - 50) / 2 = 75 s.
Beside fast_bitrix24 and the old proxy's way, both straight at a portal of the same kind.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from bench.amqp_client import Client
from bench.portal.ground import Brokers, ground
from bench.portal.peers import fast_bitrix24, old_proxy

COUNT = 10_000
COST = "crm.deal.list=0.02"
#: seconds in which a full bucket drains
_BUCKET = 26.0


def run(folder: Path, brokers: Brokers, *, peers: bool = True, count: int = COUNT) -> list[dict[str, Any]]:
    """One line for each way: seconds, refused."""
    limit = max(0.0, (count / 50 - 50) / 2)
    lines = [asyncio.run(_ours(folder / "ours", brokers, count, limit))]
    if peers:
        lines.append(_peer("fast_bitrix24", fast_bitrix24(folder / "fast", count, COST), limit, count))
        lines.append(_peer("old proxy's way", old_proxy(folder / "old", brokers, count, COST), limit, count))
    return lines


async def _ours(folder: Path, brokers: Brokers, count: int, limit: float) -> dict[str, Any]:
    with ground(folder, brokers, portal=("--preset", "cloud", "--cost", COST)) as made:
        client = Client(brokers.rabbitmq.url, *made.queues)
        await client.open()
        # a worker without a memory takes the portal's bucket for full; one that was stopped knows
        await asyncio.to_thread(made.worker.start, 120)
        await asyncio.sleep(_BUCKET)
        await asyncio.to_thread(made.worker.stop)
        for begin in range(0, count, 500):
            numbers = range(begin, begin + 500)
            await asyncio.gather(*(client.send("crm.deal.list", {"filter": {"ID": n}}) for n in numbers))
        await asyncio.to_thread(made.worker.start, 120)
        await client.wait(1, 120)
        first = min(entry["started"] for entry in await asyncio.to_thread(made.executions))
        offset = time.time() - time.perf_counter()
        await client.wait(count, 600)
        seconds = max(client.answered.values()) + offset - first
        counters = made.counters()
        await client.close()
        return {
            "row": f"real time: {count:,} crm.deal.list of 0.02 s, cloud",
            "way": "ours",
            "unit": "s",
            "limit": limit,
            "measured": seconds,
            "ratio": seconds / limit if limit else 0.0,
            "refused": counters["refused"],
            "requests": counters["requests"],
            "errors": client.errors,
            "note": f"executed {counters['executions'].get('crm.deal.list', 0):,}",
        }


def _peer(name: str, told: dict[str, Any], limit: float, count: int) -> dict[str, Any]:
    return {
        "row": "the same",
        "way": name,
        "unit": "s",
        "limit": limit,
        "measured": told["seconds"],
        "ratio": told["seconds"] / limit if told["executed"] >= count else None,
        "refused": told["refused"],
        "requests": told["requests"],
        "errors": told["errors"],
        "note": f"executed {told['executed']:,}" + (f"; gave up: {told['text']}" if told.get("text") else ""),
    }
