"""What is done to the workers while plans flow. Each phase sends all cases of its stage, in parts.

A disturbance counts only when requests were in flight at the portals: the portals' own logs must show requests that had
arrived and were answered only later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.chaos.keeper import Keeper
from tests.chaos.plans import faults
from tests.chaos.plans.stage import PlansStage

__all__ = ["PHASES", "Disturbed"]

_TIMEOUT = 120.0
_EXIT_UNEXPECTED = 70
_PAUSE = 0.02


@dataclass
class Disturbed:
    """`kills`: requests in flight at the portals at each SIGKILL or SIGSTOP; those with none do not count."""

    demanded: int
    kills: list[int] = field(default_factory=list)
    idle: int = 0
    kinds_of_faults: int = 0
    #: how often a portal must have got another owner
    handovers: int = 0
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def count(self, in_flight: int) -> None:
        """Note a disturbance."""
        if in_flight:
            self.kills.append(in_flight)
        else:
            self.idle += 1


async def _until(condition: Callable[[], Awaitable[bool]], what: str, timeout: float = _TIMEOUT) -> None:
    deadline = time.monotonic() + timeout
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        await asyncio.sleep(_PAUSE)


async def _busy(stage: PlansStage, sources: tuple[str, ...]) -> str:
    """Wait until one of these workers has requests in flight at the portals; its address."""
    found = ""

    async def look() -> bool:
        nonlocal found
        busy = await stage.control.busy()
        found = max(sources, key=lambda source: busy.get(source, 0))
        return busy.get(found, 0) > 0

    await _until(look, f"requests in flight at the portals ({stage.unanswered} have no answer, {stage.left} not sent)")
    return found


async def _kill(stage: PlansStage, disturbed: Disturbed, keeper: Keeper) -> None:
    """SIGKILL with requests in flight, and start again at once."""
    source = stage.source(keeper)
    await _busy(stage, (source,))
    moment = time.time()
    await keeper.kill()
    disturbed.count((await stage.control.in_flight_at(moment)).get(source, 0))


async def _flowing(stage: PlansStage, answers: int) -> None:
    """Wait for so many answers more, as far as there is something to answer."""
    goal = stage.answered + answers

    async def look() -> bool:
        return stage.answered >= goal or stage.unanswered == 0

    await _until(look, f"{answers} more answers; {stage.unanswered} have none")


async def _begin(stage: PlansStage, demanded: int, workers: int) -> tuple[Disturbed, list[Keeper]]:
    keepers = [await stage.worker() for _ in range(workers)]
    await keepers[0].start()
    await stage.flow.start()
    disturbed = Disturbed(demanded)
    disturbed.kinds_of_faults = await faults.begin(stage.control)
    return disturbed, keepers


async def kills(stage: PlansStage) -> Disturbed:
    """The only worker is SIGKILLed, again and again, at random moments; now and then while it takes over."""
    demanded = stage.shape.kills
    disturbed, (keeper,) = await _begin(stage, demanded, 1)
    part = len(stage.cases) // (demanded + 2)
    tasks = []
    while len(disturbed.kills) < demanded and (stage.left or stage.unanswered):
        tasks.append(stage.publish(part, stage.dice.uniform(0.1, 1.0)))
        await _flowing(stage, stage.dice.randint(0, part))
        await asyncio.sleep(stage.dice.uniform(0, 0.3))
        await _kill(stage, disturbed, keeper)
    await asyncio.gather(*tasks)
    await stage.publish(stage.left, 0.5)
    return disturbed


async def rebalances(stage: PlansStage) -> Disturbed:
    """Two workers, of which one leaves by SIGTERM, joins again, or is killed, while both have work."""
    rounds = stage.shape.rounds
    disturbed, pair = await _begin(stage, rounds, 2)
    disturbed.handovers = rounds
    part = len(stage.cases) // (4 * rounds + 1)
    tasks = []
    for number in range(rounds):
        comes, goes = pair[(number + 1) % 2], pair[number % 2]
        tasks.append(stage.publish(part, 1.0))
        await comes.start()
        tasks.append(stage.publish(part, 1.0))
        await _flowing(stage, part // 2)
        await _busy(stage, (stage.source(goes),))
        await goes.stop()
        tasks.append(stage.publish(part, 1.0))
        await goes.start()
        tasks.append(stage.publish(part, 1.0))
        busy = await _busy(stage, tuple(stage.source(keeper) for keeper in pair))
        victim = next(keeper for keeper in pair if stage.source(keeper) == busy)
        await _kill(stage, disturbed, victim)
        await victim.ready()
        # the other one begins the next round alone
        if number + 1 < rounds:
            await pair[number % 2].stop()
    disturbed.notes.append(f"left by SIGTERM {2 * rounds - 1} times")
    await asyncio.gather(*tasks)
    await stage.publish(stage.left, 0.5)
    return disturbed


async def frozen(stage: PlansStage) -> Disturbed:
    """Of two workers the one that is calling is frozen, and woken when the other one calls its portal."""
    rounds = stage.shape.rounds
    disturbed, pair = await _begin(stage, rounds, 2)
    disturbed.handovers = rounds
    await pair[1].start()
    part = len(stage.cases) // (3 * rounds + 1)
    tasks = []
    for _ in range(rounds):
        for keeper in pair:
            await keeper.ready()
        marks = await stage.control.marks()
        tasks.append(stage.publish(part, 1.0))
        source = await _busy(stage, tuple(stage.source(keeper) for keeper in pair))
        keeper = next(one for one in pair if stage.source(one) == source)
        await _freeze(stage, disturbed, keeper, part, marks, tasks)
    await asyncio.gather(*tasks)
    await stage.publish(stage.left, 0.5)
    return disturbed


async def _freeze(
    stage: PlansStage,
    disturbed: Disturbed,
    keeper: Keeper,
    part: int,
    before: dict[str, int],
    tasks: list[asyncio.Task[None]],
) -> None:
    source = stage.source(keeper)
    moment = time.time()
    keeper.worker.pause()
    tasks.append(stage.publish(part, 1.0))
    disturbed.count((await stage.control.in_flight_at(moment)).get(source, 0))
    owned = await stage.control.called(source, before)
    marks = await stage.control.marks()

    async def taken_over() -> bool:
        others = [other for other in map(stage.source, stage.keepers) if other != source]
        called = [await stage.control.called(other, marks) for other in others]
        return owned <= set().union(*called)

    tasks.append(stage.publish(part, stage.shape.session + 4.0))
    try:
        await _until(taken_over, f"calls of the other worker to {sorted(owned)}")
    finally:
        marks, ends = await stage.control.marks(), len(keeper.ended)
        keeper.worker.resume()

    async def ended() -> bool:
        return len(keeper.ended) > ends

    await _until(ended, "the end of a worker that was frozen", 30.0)
    if keeper.ended[ends] != _EXIT_UNEXPECTED:
        disturbed.failures.append(f"a frozen worker ended with {keeper.ended[ends]}")
    # the supervisor starts it again, and it cannot call before it has joined
    late = await stage.control.called(source, marks)
    if late:
        disturbed.failures.append(f"a woken worker has called {sorted(late)}")
    disturbed.notes.append(f"woken, ended itself, {len(owned)} portals were taken over")


Phase = Callable[[PlansStage], Awaitable[Disturbed]]
PHASES: dict[str, Phase] = {"kills": kills, "rebalances": rebalances, "frozen": frozen}
