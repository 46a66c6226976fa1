"""A clock whose time passes when everybody waits, so that an hour of a portal takes no time at all."""

import asyncio

from sandbox.portal.clock import Clock


class VirtualClock(Clock):
    """Starts at 1000.0; `late` is how much every timer oversleeps, in seconds."""

    def __init__(self, scale: float = 1.0, late: float = 0.0) -> None:
        super().__init__(scale)
        self.time = 1000.0
        self.late = late
        self._waking: list[float] = []

    def now(self) -> float:
        return self.time

    async def pause(self, seconds: float) -> None:
        wake = self.time + seconds + self.late
        self._waking.append(wake)
        while self.time < wake:
            # Whoever can run does so before time passes.
            for _ in range(5):
                await asyncio.sleep(0)
            if wake == min(self._waking):
                self.time = max(self.time, wake)
        self._waking.remove(wake)
