"""Background loops that neither end the worker nor die silently: pages are no reason to stop handling messages."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

__all__ = ["Problem", "Problems"]

log = logging.getLogger(__name__)

#: A fault that lasts is logged again after this many seconds.
REPEAT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Problem:
    """A loop that fails at present: what it does, what happened, since when (unix time)."""

    loop: str
    text: str
    since: float


class Problems:
    """The faults of all loops, for the page and for health."""

    def __init__(self) -> None:
        self._current: dict[str, Problem] = {}
        self._logged: dict[str, float] = {}

    @property
    def current(self) -> tuple[Problem, ...]:
        """Loops that fail now."""
        return tuple(self._current.values())

    def get(self, loop: str) -> Problem | None:
        """The fault of one loop, None while it works."""
        return self._current.get(loop)

    async def attempt(self, loop: str, step: Callable[[], Awaitable[None]], limit: float) -> bool:
        """One step of a loop, cut after `limit` seconds. A fault is kept and logged; False = it failed."""
        try:
            async with asyncio.timeout(limit):
                await step()
        except Exception as error:
            self._failed(loop, error)
            return False
        if self._current.pop(loop, None) is not None:
            log.info("%s works again", loop)
        return True

    def _failed(self, loop: str, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        known = self._current.get(loop)
        self._current[loop] = Problem(loop, text, known.since if known else time.time())
        now = time.monotonic()
        if known is None or now - self._logged.get(loop, 0.0) > REPEAT_SECONDS:
            self._logged[loop] = now
            log.warning("%s fails (the worker goes on): %s", loop, text, exc_info=error)
