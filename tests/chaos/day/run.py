"""A day from its first message to its verdict."""

from __future__ import annotations

import random
import time
from pathlib import Path

from sandbox.site.day import make_day, shuffled
from sandbox.site.message import Message
from tests.chaos.day.play import play
from tests.chaos.day.shape import Shape, Urls
from tests.chaos.day.stage import DayStage, day_stage
from tests.chaos.day.verdict import DayVerdict, dead_letters, look

__all__ = ["run_day"]

#: Faults of a kind: one for so many messages, but at least so many.
_FAULT_EACH = 150
_FAULTS = 4


async def run_day(folder: Path, urls: Urls, shape: Shape, seed: int) -> DayVerdict:
    """On running brokers: play it shuffled and disturbed, compare, play it again and count what is written."""
    verdict = DayVerdict()
    async with day_stage(folder, urls, shape) as stage:
        try:
            await _run(stage, seed, verdict)
        except TimeoutError as error:
            verdict.failures.append(str(error))
        verdict.ends = stage.keeper.ended
        if verdict.ends:
            tail = stage.keeper.worker.process.tail(5)
            verdict.failures.append(f"the worker ended by itself: {verdict.ends}; the end of its log:\n{tail}")
    return verdict


async def _run(stage: DayStage, seed: int, verdict: DayVerdict) -> None:
    day = make_day(stage.shape.sizes, seed)
    verdict.messages = len(day.messages)
    await stage.keeper.start()
    if stage.shape.faults:
        await stage.control.break_it(max(_FAULTS, len(day.messages) // _FAULT_EACH))
    began = time.monotonic()
    try:
        await _first(stage, verdict, day.messages, seed)
    finally:
        verdict.seconds = time.monotonic() - began
        verdict.faults = await stage.control.mend()
        counters = await stage.control.counters()
        verdict.calls, verdict.writes = (
            sum(counters["executions"].values()),
            sum((await stage.control.writes()).values()),
        )
        await look(stage, day.messages, verdict)
        await dead_letters(stage, day.messages, verdict)
    if stage.shape.kills and not any(verdict.kills):
        verdict.failures.append("no kill had requests out at the portal: nothing could have been doubled")
    if stage.shape.faults and not sum(verdict.faults.values()):
        verdict.failures.append("no request was hit by a fault")
    await _again(stage, verdict, seed)


async def _first(stage: DayStage, verdict: DayVerdict, messages: tuple[Message, ...], seed: int) -> None:
    dice = random.Random(seed)
    verdict.kills = await play(stage, shuffled(messages, seed), dice, stage.shape.kills)
    await stage.quiet.done(calm=stage.shape.calm, stall=stage.shape.stall)


async def _again(stage: DayStage, verdict: DayVerdict, seed: int) -> None:
    """The same day once more: the portal must not be written to."""
    again = make_day(stage.shape.sizes, seed).again().messages
    verdict.again = len(again)
    await stage.control.forget()
    began = time.monotonic()
    await play(stage, again, random.Random(seed), 0)
    await stage.quiet.done(calm=stage.shape.calm, stall=stage.shape.stall)
    verdict.again_seconds = time.monotonic() - began
    verdict.again_writes = await stage.control.writes()
    if verdict.again_writes:
        verdict.failures.append(f"the second play has written: {verdict.again_writes}")
    new: DayVerdict = DayVerdict()
    await look(stage, make_day(stage.shape.sizes, seed).messages, new)
    changed = [line for line in new.differences if line not in verdict.differences]
    verdict.failures += [f"after the second play: {line}" for line in changed[:10]]
