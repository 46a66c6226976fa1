"""Waits until all that was sent has come to its end."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tests.chaos.day.stage import DayStage

__all__ = ["all_done"]

_LOOK = 0.25


async def all_done(stage: DayStage) -> None:
    """Until queues, topics and the gateway are empty and nothing has moved for `calm` seconds.

    Raises TimeoutError, telling what is left, when nothing moves for `stall` seconds and it is not done.
    """
    seen: object = None
    moved = time.monotonic()
    quiet_since: float | None = None
    while True:
        lag = await stage.lag()
        counters = await stage.control.counters()
        left = await stage.in_queues()
        now = time.monotonic()
        state = (left, counters["requests"], lag and (lag["totals"]["lag"], lag["totals"]["waiting"]))
        if state != seen:
            seen, moved = state, now
        done = not left and not counters["in_flight"] and lag is not None and _nothing_left(lag)
        quiet_since = (now if quiet_since is None else quiet_since) if done else None
        if quiet_since is not None and now - max(quiet_since, moved) >= stage.shape.calm:
            return
        if now - moved > stage.shape.stall:
            raise TimeoutError(f"nothing moves for {stage.shape.stall:g} s: {left} in queues; {_shown(lag)}")
        await asyncio.sleep(_LOOK)


def _nothing_left(lag: dict[str, Any]) -> bool:
    totals = lag["totals"]
    return totals["lag"] == 0 and not totals["waiting"] and not totals["parked"]


def _shown(lag: dict[str, Any] | None) -> str:
    if lag is None:
        return "no worker answers"
    behind = [f"{agent['agent']} {agent['lag']}" for agent in lag["agents"] if agent["lag"]]
    portals = [f"{portal.get('name', portal.get('portal'))}: {portal['waiting']} waiting" for portal in lag["portals"]]
    return f"behind: {', '.join(behind) or 'nobody'}; {', '.join(portals)}"
