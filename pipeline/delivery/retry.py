"""Pauses between attempts: exponential, jittered above half, bounded; and work insisted on until it succeeds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pipeline.delivery.errors import Transient

__all__ = ["Backoff"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """`first` and `longest` pause in seconds."""

    first: float = 0.5
    longest: float = 60.0

    def pause(self, attempt: int) -> float:
        """Seconds to wait after attempt number `attempt` (1, 2, ...): between half of the step and the step."""
        step = min(self.longest, self.first * 2.0 ** min(attempt - 1, 30))
        return step * (0.5 + random.random() / 2)  # noqa: S311 (spreading load, no secret)

    async def insist(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do it again after each Transient, until it is done. Raises what else it raises."""
        attempt = 1
        while True:
            try:
                await work()
                return
            except Transient:
                await asyncio.sleep(self.pause(attempt))
                attempt += 1
