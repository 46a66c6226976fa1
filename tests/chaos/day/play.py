"""Plays a day while the worker is killed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from sandbox.site.message import Message
from tests.chaos.day.stage import DayStage

__all__ = ["play"]

_LOOK = 0.05
#: seconds without anything to do, longer than the figures of lag are old
_IDLE = 5.0


async def play(stage: DayStage, messages: Sequence[Message], dice: random.Random, kills: int) -> list[int]:
    """Publish all messages in parts, with a SIGKILL of the worker within each part but the last one.

    How many requests were out at the portal at each kill. Raises TimeoutError when the worker never gets to work.
    """
    in_flight: list[int] = []
    cuts = sorted(dice.sample(range(1, len(messages)), kills)) if kills else []
    publisher = await stage.publisher()
    async with publisher:
        for first, end in zip([0, *cuts], [*cuts, len(messages)], strict=True):
            await publisher.send(messages[first:end])
            if len(in_flight) < kills:
                await asyncio.sleep(dice.uniform(0, 0.5))
                in_flight.append(await _busy(stage))
                await stage.keeper.kill()
    return in_flight


async def _busy(stage: DayStage) -> int:
    """Wait until there are requests at the portal; how many. 0: all that was sent is done already.

    An idle worker is killed, too. Raises TimeoutError.
    """
    clock = asyncio.get_running_loop().time
    patience = stage.shape.stall
    deadline = idle = clock() + patience
    while True:
        if found := int((await stage.control.counters())["in_flight"]):
            return found
        look = await stage.quiet.look()
        idle = min(idle, clock() + _IDLE) if look.done else clock() + patience
        if clock() > idle:
            return 0
        if clock() > deadline:
            raise TimeoutError(f"no requests at the portal within {patience:g} s: {look}")
        await asyncio.sleep(_LOOK)
