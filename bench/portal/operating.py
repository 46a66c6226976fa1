"""The operating limit, on a portal that lives twenty times faster: lists of 0.16 s, and adds of 0.65 s."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import orjson

from bench.portal.ground import Brokers, Ground, ground
from pipeline.delivery.records import Record
from pipeline.topology import REQUESTS_BULK

SCALE = 20.0
WINDOW = 600.0
LIMIT = 480.0
#: HTTP requests at once for bulk: what may be executed beside each other
BESIDE = 2


def request(method: str, params: Any, number: int, source: str = "bench") -> Record:
    """A call in the bulk lane, as a flow sends it."""
    headers = {
        "source": source,
        "portal": "default",
        "credential": "bench",
        "method": method,
        "amqp-message-id": f"{source}-{number}",
    }
    return Record(REQUESTS_BULK, orjson.dumps(params), key=b"default", headers=headers)


def lists(folder: Path, brokers: Brokers) -> list[dict[str, Any]]:
    """Calls a portal's second after the first window: the limit is 0.8 / 0.16 = 5."""
    return [asyncio.run(_lists(folder, brokers, cost=0.16, windows=4))]


async def _lists(folder: Path, brokers: Brokers, cost: float, windows: int) -> dict[str, Any]:
    best = LIMIT / WINDOW / cost
    with ground(folder, brokers, scale=SCALE, portal=("--preset", "cloud", "--cost", f"crm.deal.list={cost}")) as made:
        count = int(best * WINDOW * (windows + 1.5))
        await start_with(made, (request("crm.deal.list", {"filter": {"ID": n}}, n) for n in range(count)))
        await made.executed(1, 60)
        await made.executed(int(best * WINDOW * windows * 0.9), windows * WINDOW / SCALE * 2 + 60)
        first = made.executions()[0]["started"]
        while (ends := [entry["finished"] for entry in made.executions()])[-1] < first + windows * WINDOW / SCALE:
            await asyncio.sleep(0.3)
        begin, end = first + WINDOW / SCALE, first + windows * WINDOW / SCALE
        done = sum(1 for at in ends if begin < at <= end)
        rate = done / ((end - begin) * SCALE)
        refused = made.counters()["refused"]
        return {
            "row": f"operating: crm.deal.list of {cost} s, rate after the first window (x{SCALE:g})",
            "way": "ours",
            "unit": "calls/s",
            "limit": best,
            "measured": rate,
            "ratio": rate / best,
            "refused": refused,
            "note": f"{done} calls in {windows - 1} windows",
        }


def adds(folder: Path, brokers: Brokers) -> list[dict[str, Any]]:
    """2,000 crm.deal.add of 0.65 s, in the portal's seconds."""
    return [asyncio.run(_adds(folder, brokers, count=2000, cost=0.65))]


async def _adds(folder: Path, brokers: Brokers, count: int, cost: float) -> dict[str, Any]:
    limit = least_seconds(count * cost)
    with ground(folder, brokers, scale=SCALE, portal=("--preset", "cloud", "--cost", f"crm.deal.add={cost}")) as made:
        await start_with(made, (request("crm.deal.add", {"fields": {"TITLE": f"deal {n}"}}, n) for n in range(count)))
        await made.executed(count, limit / SCALE * 3 + 60, "crm.deal.add")
        entries = [entry for entry in made.executions() if entry["method"] == "crm.deal.add"]
        seconds = (max(e["finished"] for e in entries) - min(e["started"] for e in entries)) * SCALE
        refused = made.counters()["refused"]
        return {
            "row": f"{count:,} crm.deal.add of {cost} s, the portal's seconds (x{SCALE:g})",
            "way": "ours",
            "unit": "s",
            "limit": limit,
            "measured": seconds,
            "ratio": seconds / limit,
            "refused": refused,
            "note": f"executed {len(entries)}",
        }


def least_seconds(operating: float, beside: int = BESIDE) -> float:
    """Seconds that so much operating time of one method takes at best: whole windows, and the rest at full speed."""
    windows = max(0, math.ceil(operating / LIMIT) - 1)
    return windows * WINDOW + (operating - windows * LIMIT) / beside


async def start_with(made: Ground, records: Any) -> None:
    """The worker makes the topics; what a flow sends in a second keeps the portal busy for many."""
    await asyncio.to_thread(made.worker.start, 120)
    await made.send(records)
