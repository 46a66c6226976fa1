"""What is done to the bus while requests flow. Each scenario publishes all cases of its stage, in parts.

Disturbances happen with requests in flight: `in_flight` waits for them, so that a scenario cannot pass by luck.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.chaos.keeper import Keeper
from tests.chaos.stage import Stage

__all__ = ["SCENARIOS", "Disturbed"]

_IN_FLIGHT_TIMEOUT = 60.0
_A_FEW = 10
_EXIT_UNEXPECTED = 70


@dataclass
class Disturbed:
    """What was done: `kills` are the requests without an answer at each disturbance; `calls` those at a portal."""

    demanded: int
    kills: list[int] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    async def in_flight(self, stage: Stage, fewest: int = 1) -> None:
        """Wait for requests in flight, and note how many there are; when all are answered, send a few more.

        Raises TimeoutError.
        """
        deadline = time.monotonic() + _IN_FLIGHT_TIMEOUT
        more: asyncio.Task[None] | None = None
        while stage.outside.unanswered < fewest:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no requests in flight; {stage.left} are not published yet")
            if stage.idle and stage.left and (more is None or more.done()):
                more = stage.publish(_A_FEW, 0.0)
            await asyncio.sleep(0.01)
        self.kills.append(stage.outside.unanswered)
        self.calls.append(await stage.control.in_flight())


async def _flowing(stage: Stage, part: int, share: float, task: asyncio.Task[None]) -> None:
    """Wait until `share` of a part of that size is answered, since now."""
    goal = stage.outside.answered + int(part * share)
    deadline = time.monotonic() + _IN_FLIGHT_TIMEOUT
    while stage.outside.answered < goal and not (task.done() and stage.outside.unanswered <= 0):
        if time.monotonic() > deadline:
            raise TimeoutError(f"requests do not flow: {stage.outside.unanswered} have no answer")
        await asyncio.sleep(0.01)


async def _kill_at_random(stage: Stage, disturbed: Disturbed, keeper: Keeper, part: int) -> None:
    """Kill once, at a random moment of the next part; a kill at zero in flight does not count and is repeated."""
    task = stage.publish(part, stage.dice.uniform(0.1, 1.5))
    await _flowing(stage, part, stage.dice.uniform(0.02, 0.7), task)
    await asyncio.sleep(stage.dice.uniform(0, 0.2))
    await disturbed.in_flight(stage)
    await keeper.kill()
    await task


async def _kill_during_start(stage: Stage, keeper: Keeper, seconds: float) -> bool:
    """The worker is being started: kill it at a random moment of the `seconds` that this took before. True: in time."""
    # its first start was its longest: topics had to be made
    await asyncio.sleep(stage.dice.uniform(0.1, 0.6 if stage.short else 0.9) * seconds)
    was_ready = await asyncio.to_thread(keeper.worker.ready)
    await keeper.kill()
    return not was_ready


async def kills(stage: Stage) -> Disturbed:
    """The only worker is SIGKILLed, again and again, and while it starts."""
    demanded, in_start = (3, 1) if stage.short else (10, 3)
    disturbed = Disturbed(demanded)
    keeper = stage.worker()
    began = time.monotonic()
    await keeper.start()
    start = time.monotonic() - began
    part = len(stage.cases) // (demanded + 1)
    started = 0
    for number in range(demanded):
        await _kill_at_random(stage, disturbed, keeper, part)
        if started < in_start and number >= demanded // 2:
            started += await _kill_during_start(stage, keeper, start)
    await stage.publish(stage.left, 0.5)
    disturbed.notes.append(f"kills during start {started}" if started else "NO kill during start")
    return disturbed


async def kafka_away(stage: Stage) -> Disturbed:
    """Kafka is stopped, and started after a while; in the full form it is also killed."""
    return await _broker_away(stage, stage.brokers.kafka)


async def rabbitmq_away(stage: Stage) -> Disturbed:
    """RabbitMQ is stopped, and started after a while; in the full form it is also killed."""
    return await _broker_away(stage, stage.brokers.rabbitmq)


async def _broker_away(stage: Stage, broker: object) -> Disturbed:
    ends = ("stop",) if stage.short else ("stop", "kill")
    disturbed = Disturbed(len(ends))
    await stage.worker().start()
    part = len(stage.cases) // (2 * len(ends))
    for end in ends:
        task = stage.publish(part, 2.0)
        await _flowing(stage, part, stage.dice.uniform(0.1, 0.5), task)
        await disturbed.in_flight(stage)
        await asyncio.to_thread(getattr(broker, end))
        seconds = 5.0 if stage.short else 20.0
        meanwhile = stage.publish(part, seconds / 2)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(broker.start)  # type: ignore[attr-defined]
        disturbed.notes.append(f"{end} for {seconds:g} s")
        await asyncio.gather(task, meanwhile)
    await stage.publish(stage.left, 0.5)
    return disturbed


async def portal_faults(stage: Stage) -> Disturbed:
    """The portals answer with every kind of fault for a while, and nothing at all for a while."""
    seconds = 3.0 if stage.short else 8.0
    faults: list[dict[str, object]] = [
        {"kind": "503", "probability": 0.4},
        {"kind": "502", "probability": 0.3},
        {"kind": "502", "probability": 0.3, "after": True},
        {"kind": "reset_before", "probability": 0.3},
        {"kind": "reset_after", "probability": 0.3},
        {"kind": "malformed", "probability": 0.3},
        {"kind": "502"},
    ]
    disturbed = Disturbed(len(faults))
    await stage.worker().start()
    part = len(stage.cases) // (len(faults) + 1)
    hits = []
    for fault in faults:
        await stage.control.fault(**fault)  # type: ignore[arg-type]
        task = stage.publish(part, seconds / 2)
        await disturbed.in_flight(stage)
        await asyncio.sleep(seconds)
        hits.append(await stage.control.mend())
        await task
    await stage.publish(stage.left, 0.5)
    disturbed.notes.append(f"faults hit {hits}" if all(hits) else f"NO request was hit by some fault: {hits}")
    return disturbed


async def joins(stage: Stage) -> Disturbed:
    """Two workers, of which one or the other leaves by SIGTERM and comes back."""
    rounds = 2 if stage.short else 8
    disturbed = Disturbed(rounds)
    pair = [stage.worker(), stage.worker()]
    await pair[0].start()
    part = len(stage.cases) // (2 * rounds + 1)
    for number in range(rounds):
        comes, goes = pair[(number + 1) % 2], pair[number % 2]
        joining = stage.publish(part, 1.0)
        await comes.start()
        task = stage.publish(part, 1.0)
        await _flowing(stage, part, stage.dice.uniform(0.05, 0.5), task)
        await disturbed.in_flight(stage)
        await goes.stop()
        await asyncio.gather(joining, task)
    await stage.publish(stage.left, 0.5)
    return disturbed


async def frozen(stage: Stage) -> Disturbed:
    """Of two workers one is frozen beyond the session timeout, and woken when the other has its partitions."""
    rounds = 1 if stage.short else 4
    disturbed = Disturbed(rounds)
    pair = [stage.worker(), stage.worker()]
    for keeper in pair:
        await keeper.start()
    part = len(stage.cases) // (2 * rounds + 1)
    for number in range(rounds):
        keeper = pair[number % 2]
        task = stage.publish(part, 1.0)
        await _flowing(stage, part, stage.dice.uniform(0.02, 0.3), task)
        await disturbed.in_flight(stage)
        keeper.worker.pause()
        meanwhile = stage.publish(part, stage.session)
        await asyncio.sleep(stage.session + 3.0)
        before = len(keeper.ended)
        keeper.worker.resume()
        await asyncio.gather(task, meanwhile)
        await keeper.ready()
        code = keeper.ended[before:]
        disturbed.notes.append(f"woken, ended itself: {'yes' if code == [_EXIT_UNEXPECTED] else f'NO {code}'}")
    await stage.publish(stage.left, 0.5)
    return disturbed


Scenario = Callable[[Stage], Awaitable[Disturbed]]
SCENARIOS: dict[str, Scenario] = {
    "kills": kills,
    "kafka": kafka_away,
    "rabbitmq": rabbitmq_away,
    "portal": portal_faults,
    "joins": joins,
    "frozen": frozen,
}
