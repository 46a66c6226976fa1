"""The one clock of the simulator: everything that measures or spends time goes through it."""

import asyncio
import time


class Clock:
    """Time as the portal sees it: unix seconds as a float. A later scaled clock replaces only this class."""

    def now(self) -> float:
        """The portal's current time, unix seconds."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Spend `seconds` of the portal's time; returns at once for 0 and below."""
        if seconds > 0:
            await asyncio.sleep(seconds)
