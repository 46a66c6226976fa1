"""A mix of six methods with the documented costs, on a portal that lives twenty times faster."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from bench.portal.ground import Brokers, ground
from bench.portal.operating import BESIDE, LIMIT, SCALE, least_seconds, request, start_with

EACH = 1000
COSTS = {
    "crm.deal.list": 0.16,
    "crm.deal.get": 0.05,
    "crm.company.list": 0.16,
    "crm.deal.add": 0.65,
    "crm.company.add": 0.65,
    "crm.company.update": 0.26,
}


def run(folder: Path, brokers: Brokers) -> list[dict[str, Any]]:
    """Seconds for 1,000 of each, beside the tightest limit."""
    return [asyncio.run(_run(folder, brokers))]


def limit() -> float:
    """The tightest of: HTTP requests, each method's operating time, what two connections can execute."""
    http = max(0.0, (EACH * len(COSTS) / 50 - 50) / 2)
    return max(
        http, sum(EACH * cost for cost in COSTS.values()) / BESIDE, *(least_seconds(EACH * c) for c in COSTS.values())
    )


async def _run(folder: Path, brokers: Brokers) -> dict[str, Any]:
    arguments = ["--preset", "cloud", "--seed", "50"]
    for method, cost in COSTS.items():
        arguments += ["--cost", f"{method}={cost}"]
    with ground(folder, brokers, scale=SCALE, portal=arguments) as made:
        records = []
        for number in range(EACH):
            for place, method in enumerate(COSTS):
                params: dict[str, Any] = {"filter": {"ID": number}}
                if method.endswith(".get"):
                    params = {"id": number % 50 + 1}
                elif method.endswith(".add"):
                    params = {"fields": {"TITLE": f"{method} {number}"}}
                elif method.endswith(".update"):
                    params = {"id": number % 50 + 1, "fields": {"COMMENTS": f"{number}"}}
                records.append(request(method, params, number, source=f"flow-{place % 3}"))
        await start_with(made, records)
        await made.executed(EACH * len(COSTS), limit() / SCALE * 3 + 60)
        entries = [entry for entry in made.executions() if entry["command"] is not None or entry["method"] != "batch"]
        seconds = (max(e["finished"] for e in entries) - min(e["started"] for e in entries)) * SCALE
        counters = made.counters()
        return {
            "row": f"mix: {EACH:,} each of {len(COSTS)} methods, the portal's seconds (x{SCALE:g})",
            "way": "ours",
            "unit": "s",
            "limit": limit(),
            "measured": seconds,
            "ratio": seconds / limit(),
            "refused": counters["refused"],
            "note": f"{counters['requests']} HTTP requests; operating limit {LIMIT:g} s a method",
        }
