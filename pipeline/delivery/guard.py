"""Freeze guard: a worker whose loop has stood still for half the session timeout ends itself at once.

Others own its partitions by then, or soon will; what it still holds is stale (reference: Faust, section 13, cause 3).
Checked by a ticking task and on the way of every write.
"""

from __future__ import annotations

import asyncio
import time

from pipeline.delivery.exit import die

__all__ = ["FreezeGuard"]


def _clock() -> float:
    """Seconds that go on while the process is stopped and while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class FreezeGuard:
    """`limit`: seconds that the loop may stand still. Not armed before the first tick: joining takes seconds."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._last: float | None = None

    def check(self) -> None:
        """End the process if the loop has stood still for too long. Cheap: called before every write and ack."""
        if self._last is not None and _clock() - self._last > self.limit:
            die(f"this worker stood still for more than {self.limit:g} s; its partitions may be owned by another")

    async def tick(self) -> None:
        """Run for ever: check first, then remember that the loop turns."""
        while True:
            self.check()
            self._last = _clock()
            await asyncio.sleep(self.limit / 10)
