"""An interactive request every 0.5 s during a bulk load of 20,000: p99 of its wait, in the portal's seconds."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from bench.amqp_client import Client
from bench.portal.ground import Brokers, ground
from bench.portal.operating import request, start_with

#: Less than elsewhere: the way through RabbitMQ and Kafka takes real milliseconds, which the scale would multiply.
SCALE = 5.0
LOAD = 20_000
COST = 0.02
EVERY = 0.5
GOAL = 3.0


def run(folder: Path, brokers: Brokers) -> list[dict[str, Any]]:
    """p99 beside the goal."""
    return [asyncio.run(_run(folder, brokers))]


async def _run(folder: Path, brokers: Brokers) -> dict[str, Any]:
    arguments = ("--preset", "cloud", "--cost", f"crm.*={COST}")
    with ground(folder, brokers, scale=SCALE, portal=arguments) as made:
        client = Client(brokers.rabbitmq.url, *made.queues)
        await client.open()
        await start_with(made, (request("crm.deal.list", {"filter": {"ID": n}}, n) for n in range(LOAD)))
        await made.executed(1, 60)
        sent: dict[str, float] = {}
        began = time.perf_counter()
        while (await asyncio.to_thread(made.counters))["executions"].get("crm.deal.list", 0) < LOAD:
            for _ in range(10):
                begin = time.perf_counter()
                message = await client.send("crm.contact.list", {"filter": {"ID": len(sent)}})
                sent[message] = begin
                await asyncio.sleep(max(0.0, begin + EVERY / SCALE - time.perf_counter()))
        seconds = (time.perf_counter() - began) * SCALE
        await client.wait(len(sent), 60)
        waits = sorted((client.answered[m] - at) * SCALE - COST for m, at in sent.items())
        await client.close()
        p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
        return {
            "row": f"interactive every {EVERY} s during {LOAD:,} bulk: p99 wait and its goal (x{SCALE:g})",
            "way": "ours",
            "unit": "s",
            "limit": GOAL,
            "measured": p99,
            "ratio": p99 / GOAL,
            "refused": made.counters()["refused"],
            "note": f"{len(sent)} requests, p50 {p50:.2f}, longest {waits[-1]:.2f}; bulk took {seconds:.0f} s",
        }
