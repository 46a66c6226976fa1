"""Runs phases: a stage each, the disturbances, the wait for answers, the verdict."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from tests.chaos.plans.phases import PHASES, Disturbed
from tests.chaos.plans.shape import Shape, Urls
from tests.chaos.plans.stage import plans_stage
from tests.chaos.plans.trace import trace
from tests.chaos.plans.verdict import PlansVerdict, judge
from tests.chaos.reporting import all_answered

__all__ = ["FULL", "SHORT", "UNSAFE", "run_phase"]

#: Phases of the forms of this test, and how much of each; the counts make 3,000.
FULL = {
    "kills": Shape(count=1800, kills=20, rounds=0),
    "rebalances": Shape(count=700, kills=0, rounds=4),
    "frozen": Shape(count=500, kills=0, rounds=3),
}
SHORT = {"kills": Shape(count=160, kills=2, rounds=0, session=4.0)}
#: Of the form that must show doubles: nothing else of it is judged.
UNSAFE = {"kills": Shape(count=120, kills=1, rounds=0, session=4.0, safe=False)}
#: Seconds for answers that come again.
_ECHO = 2.0


async def run_phase(name: str, folder: Path, urls: Urls, shape: Shape, seed: int) -> tuple[PlansVerdict, list[str]]:
    """One phase on running brokers: its figures, and where the plans are that something is wrong with."""
    async with plans_stage(folder, urls, shape, seed) as stage:
        began = time.monotonic()
        disturbed = Disturbed()
        try:
            await PHASES[name](stage, disturbed)
        except TimeoutError as error:
            disturbed.failures.append(str(error))
            await stage.publish_rest()
        await all_answered(stage.cases, lambda: stage.answered, stage.shape.stall)
        seconds = time.monotonic() - began
        hits = await stage.control.hits()
        await stage.control.mend()
        await asyncio.sleep(_ECHO)
        await asyncio.gather(*(keeper.close() for keeper in stage.keepers))
        verdict = await judge(stage, name if shape.safe else f"{name}, unsafe", disturbed, hits, seconds)
        return verdict, await trace(stage, verdict) if verdict.failures else []


def scaled(shape: Shape, count: int | None, total: int) -> Shape:
    """The shape for its part of `count` plans instead of `total`."""
    return shape if count is None else replace(shape, count=max(50, shape.count * count // total))
