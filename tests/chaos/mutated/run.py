"""From the first broken message to the verdict, on running brokers."""

from __future__ import annotations

import re
import time
from pathlib import Path

from sandbox.site.sizes import Sizes
from tests.chaos.day.shape import Shape, Urls
from tests.chaos.day.stage import DayStage, day_stage
from tests.chaos.mutated.fates import read_crashes, read_fates
from tests.chaos.mutated.material import Material, make_material
from tests.chaos.mutated.play import play
from tests.chaos.mutated.verdict import MutatedVerdict, judge_bad, judge_good

__all__ = ["run_mutated"]

_SHAPE = Shape(Sizes(), kills=0, faults=False)
#: Seconds.
_SECTION_WAIT = 3.0
_TROUBLE = re.compile(r"Traceback|\[(?:ERROR|CRITICAL)\]|^\S*(?:Error|Exception):", re.MULTILINE)


async def run_mutated(folder: Path, urls: Urls, count: int, seed: int, rate: float, *, alone: bool) -> MutatedVerdict:
    """`rate` messages a second; `alone`: the good ones are played by themselves as well, on a stage of their own."""
    verdict = MutatedVerdict()
    material = make_material(count, seed)
    verdict.good = len(material.good)
    if alone:
        async with day_stage(folder / "alone", urls, _SHAPE) as stage:
            await _alone(stage, material, rate, verdict)
    async with day_stage(folder / "mixed", urls, _SHAPE) as stage:
        began = time.monotonic()
        await _mixed(stage, material, rate, verdict)
        verdict.seconds = time.monotonic() - began
    return verdict


async def _start(stage: DayStage) -> None:
    """The worker, which waits less long for sections: broken messages name some that never come."""
    file = stage.folder / "mapping.toml"
    text, found = re.subn(r"(?m)^section_wait = .*$", f"section_wait = {_SECTION_WAIT:g}", file.read_text())
    assert found, "the mapping of the day names no section_wait"
    file.write_text(text)
    await stage.keeper.start()


async def _alone(stage: DayStage, material: Material, rate: float, verdict: MutatedVerdict) -> None:
    names = {one.message_id or "" for one in material.good}
    await _start(stage)
    async with await stage.publisher() as publisher:
        await publisher.send(material.ground)
        await stage.quiet.done(calm=stage.shape.calm, stall=stage.shape.stall)
        sent = await play(publisher, material.mixed, rate, names)
    await stage.quiet.done(calm=stage.shape.calm, stall=stage.shape.stall)
    fates = await read_fates(stage.urls.kafka, stage.topics)
    verdict.plans_alone = sum(one.plans for one in fates.values())
    judge_good(verdict, sent, fates, verdict.alone)


async def _mixed(stage: DayStage, material: Material, rate: float, verdict: MutatedVerdict) -> None:
    await _start(stage)
    pid = stage.keeper.pid
    async with await stage.publisher() as publisher:
        await publisher.send(material.ground)
        await stage.quiet.done(calm=stage.shape.calm, stall=stage.shape.stall)
        sent = await play(publisher, material.mixed, rate)
    try:
        await stage.quiet.done(calm=stage.shape.calm, stall=stage.shape.stall)
    except TimeoutError as error:
        verdict.failures.append(f"not done: {error}")
    fates = await read_fates(stage.urls.kafka, stage.topics)
    verdict.plans = sum(one.plans for one in fates.values())
    judge_bad(verdict, material.bad, fates, {"the webhook's token": "sandbox"})
    names = {one.message_id for one in material.good}
    judge_good(verdict, {name: at for name, at in sent.items() if name in names}, fates, verdict.delays)
    await _judge_worker(stage, pid, verdict)


async def _judge_worker(stage: DayStage, pid: int | None, verdict: MutatedVerdict) -> None:
    """One process from the beginning to the end, which had no trouble."""
    log = stage.keeper.worker.log.read_text(errors="replace")
    trouble = [line.strip() for line in log.splitlines() if _TROUBLE.search(line)]
    crashes = await read_crashes(stage.urls.kafka, stage.topics)
    same = stage.keeper.pid == pid and not stage.keeper.ended
    verdict.worker = (
        f"{'the same process' if same else f'ended: {stage.keeper.ended}'}, "
        f"{len(crashes)} in the crash ledger, {len(trouble)} lines of trouble in its log"
    )
    verdict.fail([] if same else [f"the worker ended: {stage.keeper.ended}"])
    verdict.fail(f"crash ledger: {entry}" for entry in crashes)
    verdict.fail(f"log: {line[:300]}" for line in trouble)
