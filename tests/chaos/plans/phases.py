"""What is done to the workers while plans flow. Each phase sends all cases of its stage, in parts.

A worker is killed or frozen only with requests in flight at the portals: their own logs must show requests that have
arrived and are not answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tests.chaos.keeper import Keeper
from tests.chaos.plans import faults
from tests.chaos.plans.stage import PlansStage

__all__ = ["PHASES", "Disturbed"]

_TIMEOUT = 120.0
_EXIT_UNEXPECTED = 70
_PAUSE = 0.02
#: cases that are sent when everything has its answer and something must be in flight
_MORE = 10
#: cases that are sent at each look for the other worker's calls
_TRICKLE = 2


@dataclass
class Disturbed:
    """`kills`: requests in flight at the portals at each SIGKILL or SIGSTOP; `demanded`: how many of these.

    Phases fill it; what they raise beside that is TimeoutError: something that must happen did not.
    """

    demanded: int = 0
    kills: list[int] = field(default_factory=list)
    #: how often a portal must have got another owner
    handovers: int = 0
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


async def _until(condition: Callable[[], Awaitable[bool]], what: str, pause: float = _PAUSE) -> None:
    deadline = time.monotonic() + _TIMEOUT
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {_TIMEOUT:g} s")
        await asyncio.sleep(pause)


async def _busy(stage: PlansStage, keepers: Sequence[Keeper]) -> Keeper:
    """Wait until one of these workers has requests in flight at the portals; the one that has the most."""
    found = keepers[0]

    async def look() -> bool:
        nonlocal found
        if stage.unanswered <= 0:
            stage.publish(_MORE, 0.0)
        busy = {keeper: sum((await _in_flight(stage, keeper)).values()) for keeper in keepers}
        found = max(keepers, key=busy.__getitem__)
        return busy[found] > 0

    await _until(look, f"requests in flight at the portals ({stage.unanswered} have no answer, {stage.left} not sent)")
    return found


async def _in_flight(stage: PlansStage, keeper: Keeper) -> dict[str, int]:
    return await stage.control.busy(stage.source(keeper), stage.patience)


async def _stop_in_flight(stage: PlansStage, disturbed: Disturbed, keeper: Keeper) -> set[str]:
    """SIGSTOP with requests in flight, which are counted; the portals that they are at."""
    while True:
        await _busy(stage, (keeper,))
        keeper.worker.pause()
        in_flight = await _in_flight(stage, keeper)
        if in_flight:
            disturbed.kills.append(sum(in_flight.values()))
            return set(in_flight)
        # what was seen was answered before the signal came
        keeper.worker.resume()


async def _kill(stage: PlansStage, disturbed: Disturbed, keeper: Keeper) -> None:
    """SIGKILL with requests in flight, and start again at once. Stopped first, so that it cannot end what was seen."""
    await _stop_in_flight(stage, disturbed, keeper)
    await keeper.kill()


async def _flowing(stage: PlansStage, answers: int) -> None:
    """Wait for so many answers more, as far as there is something to answer."""
    goal = stage.answered + answers

    async def look() -> bool:
        return stage.answered >= goal or stage.unanswered == 0

    await _until(look, f"{answers} more answers; {stage.unanswered} have none")


async def _begin(stage: PlansStage, workers: int) -> list[Keeper]:
    keepers = [await stage.worker() for _ in range(workers)]
    await keepers[0].start()
    await stage.flow.start()
    await faults.begin(stage.control)
    return keepers


async def kills(stage: PlansStage, disturbed: Disturbed) -> None:
    """The only worker is SIGKILLed, again and again, at random moments; now and then while it takes over."""
    demanded = disturbed.demanded = stage.shape.kills
    (keeper,) = await _begin(stage, 1)
    part = len(stage.cases) // (demanded + 2)
    while len(disturbed.kills) < demanded and (stage.left or stage.unanswered):
        stage.publish(part, stage.dice.uniform(0.1, 1.0))
        await _flowing(stage, stage.dice.randint(0, part))
        await asyncio.sleep(stage.dice.uniform(0, 0.3))
        await _kill(stage, disturbed, keeper)
    await stage.publish_rest()


async def rebalances(stage: PlansStage, disturbed: Disturbed) -> None:
    """Two workers, of which one leaves by SIGTERM and joins again, and one is killed, while both have work."""
    rounds = disturbed.demanded = disturbed.handovers = stage.shape.rounds
    pair = await _begin(stage, 2)
    part = len(stage.cases) // (4 * rounds + 1)
    for number in range(rounds):
        goes, comes = pair[number % 2], pair[(number + 1) % 2]
        stage.publish(part, 1.0)
        if not comes.worker.running:
            await comes.start()
        stage.publish(part, 1.0)
        await _busy(stage, (goes,))
        await goes.stop()
        stage.publish(part, 1.0)
        await goes.start()
        stage.publish(part, 1.0)
        victim = await _busy(stage, pair)
        await _kill(stage, disturbed, victim)
        await victim.ready()
    disturbed.notes.append(f"left by SIGTERM {rounds} times")
    await stage.publish_rest()


async def frozen(stage: PlansStage, disturbed: Disturbed) -> None:
    """Of two workers the one that is calling is frozen, and woken when the other one calls its portal."""
    rounds = disturbed.demanded = disturbed.handovers = stage.shape.rounds
    pair = await _begin(stage, 2)
    await pair[1].start()
    part = len(stage.cases) // (3 * rounds + 1)
    for _ in range(rounds):
        for keeper in pair:
            await keeper.ready()
        stage.publish(part, 1.0)
        await _freeze(stage, disturbed, await _busy(stage, pair))
        stage.publish(part, 1.0)
    await stage.publish_rest()


async def _freeze(stage: PlansStage, disturbed: Disturbed, keeper: Keeper) -> None:
    source, others = stage.source(keeper), [stage.source(one) for one in stage.keepers if one is not keeper]
    owned, marks = await _stop_in_flight(stage, disturbed, keeper), await stage.control.marks()

    async def taken_over() -> bool:
        stage.publish(_TRICKLE, 0.1)
        return owned <= set().union(*[await stage.control.called(other, marks) for other in others])

    try:
        await _until(taken_over, f"calls of the other worker to {sorted(owned)}", 0.5)
    finally:
        marks, ends = await stage.control.marks(), len(keeper.ended)
        keeper.worker.resume()

    async def ended() -> bool:
        return len(keeper.ended) > ends

    await _until(ended, "the end of a worker that was frozen")
    if keeper.ended[ends] != _EXIT_UNEXPECTED:
        disturbed.failures.append(f"a frozen worker ended with {keeper.ended[ends]}")
    # the supervisor starts it again, and it cannot call before it has joined
    late = await stage.control.called(source, marks)
    if late:
        disturbed.failures.append(f"a woken worker has called {sorted(late)}")
    disturbed.notes.append(f"woken, ended itself, {len(owned)} portals were taken over")


Phase = Callable[[PlansStage, Disturbed], Awaitable[None]]
PHASES: dict[str, Phase] = {"kills": kills, "rebalances": rebalances, "frozen": frozen}
