"""The one clock of the simulator: everything that measures or spends time goes through it."""

import asyncio
import time


class Clock:
    """Real unix time, in which the portal's own seconds pass `scale` times as fast.

    The moments stay real; it is the portal's constants (rates, windows, costs, limits, lifetimes) that shrink,
    all together: at a scale of 60, ten minutes of a portal pass in ten seconds.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def now(self) -> float:
        """The current time, unix seconds."""
        return time.time()

    def scaled(self, seconds: float) -> float:
        """How long `seconds` of the portal last here."""
        return seconds / self.scale

    async def pause(self, seconds: float) -> None:
        """Wait `seconds` of real time."""
        await asyncio.sleep(seconds)

    async def sleep(self, seconds: float) -> None:
        """Spend `seconds` of the portal's time; returns at once for 0 and below."""
        if seconds > 0:
            await self.pause(self.scaled(seconds))
