"""Settlements against the portal's limit: new ones, with all that belongs to them, at the documented costs.

The limit is what the portal would allow for the very commands that were executed: full batches at its rate of
requests, the operating limit of each method, and two connections that are always busy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping as Counts
from pathlib import Path
from typing import Any

from bench.flows.sample import records
from bench.portal.ground import Brokers, Ground, ground
from bench.portal.operating import BESIDE, SCALE, least_seconds, start_with
from pipeline.settings import Settings
from pipeline.topology import EVENTS_SETTLEMENT
from sandbox.portal.costs import DOCUMENTED_COSTS, Costs
from sandbox.site.day import make_day
from sandbox.site.sizes import Sizes

__all__ = ["run"]

COUNT = 300
#: commands of a batch; requests/s of the cloud and the size of its bucket
_BATCH, _RATE, _BURST = 50, 2.0, 50
_PATIENCE = 240.0


def run(folder: Path, brokers: Brokers, mapping: str, settings: Settings) -> list[dict[str, Any]]:
    """Settlements a portal's second beside what its limit allows, and calls a settlement."""
    return [asyncio.run(_run(folder, brokers, mapping, settings))]


async def _run(folder: Path, brokers: Brokers, mapping: str, settings: Settings) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mapping.toml").write_text(mapping)
    sizes = Sizes(users=0, products=0, sections=0, settlements=COUNT, changed=0.0, repeated=0.0, wrong=0)
    given = records(make_day(sizes).messages, settings)[EVENTS_SETTLEMENT]
    arguments = ("--preset", "cloud", "--cost", "documented")
    env = {"PIPELINE_MAPPING": str(folder / "mapping.toml")}
    with ground(folder, brokers, scale=SCALE, portal=arguments, env=env) as made:
        await start_with(made, given)
        await asyncio.to_thread(made.handled, "settlements", len(given))
        await _quiet(made)
        entries = [entry for entry in made.executions() if entry["command"] is not None or entry["method"] != "batch"]
        seconds = (max(e["finished"] for e in entries) - min(e["started"] for e in entries)) * SCALE
        counters = made.counters()
        done = {method: count for method, count in counters["executions"].items() if method != "batch"}
        commands = sum(done.values())
        allowed = least(done)
        return {
            "row": f"{len(given)} new settlements, the portal's seconds (x{SCALE:g})",
            "unit": "s",
            "limit": allowed,
            "measured": seconds,
            "ratio": allowed / seconds,
            "refused": counters["refused"],
            "calls": commands / len(given),
            "requests": counters["requests"] / len(given),
            "note": ", ".join(f"{method} {count / len(given):.1f}" for method, count in sorted(done.items())),
        }


def least(done: Counts[str, int]) -> float:
    """Seconds that these commands take at best."""
    costs = Costs(DOCUMENTED_COSTS)
    times = {method: count * costs.of(method) for method, count in done.items()}
    http = max(0.0, (sum(done.values()) / _BATCH - _BURST) / _RATE)
    return max(http, sum(times.values()) / BESIDE, *(least_seconds(one) for one in times.values()))


async def _quiet(made: Ground) -> None:
    """Until nothing waits at the gateway and no call has been made for a while."""
    loop = asyncio.get_running_loop()
    deadline, last, since = loop.time() + _PATIENCE, -1, loop.time()
    while loop.time() < deadline:
        now = made.counters()["requests"]
        if now != last:
            last, since = now, loop.time()
        elif now and loop.time() - since > 5:
            return
        await asyncio.sleep(0.5)
    raise TimeoutError("the portal is still called after four minutes")
