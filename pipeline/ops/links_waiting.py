"""Why a call of `faust -A pipeline links` has no answer yet: what the workers say of its portal (topic `ops.state`)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.errors import KafkaError

from pipeline.ops.board import Board
from pipeline.ops.board_reader import BoardReader
from pipeline.portal.links.rebuild import Call
from pipeline.settings import Settings

__all__ = ["PortalWord", "Told"]

#: seconds of silence before the first line, and between two
EVERY = 10.0
#: seconds for reading what workers have said; they repeat it every few
_READING = 7.0


class PortalWord:
    """What workers say of one portal, as a line for people. For `aclosing`."""

    def __init__(self, settings: Settings, portal: str) -> None:
        self._portal = portal
        self._board = Board()
        self._reader = BoardReader(settings, self._board)

    async def __call__(self) -> str:
        """`portal 'main' waits: credential crm is refused until 12:30:00`; takes up to _READING seconds."""
        deadline = time.monotonic() + _READING
        with contextlib.suppress(KafkaError, OSError):
            while time.monotonic() < deadline:
                await self._reader.step()
                line = self.line()
                if line is not None:
                    return line
        return f"no worker says anything of portal {self._portal!r}; does one run? Its page /healthz says what it does"

    def line(self) -> str | None:
        """From what has been read; None: nothing that is still true."""
        found = [line for line in self._board.portals((), (), "") if line.name == self._portal and not line.stale]
        if not found or found[0].state is None:
            return None
        state = found[0].state
        why = state.reason or f"{state.waiting} requests wait, nothing holds them up"
        return f"portal {self._portal!r}: {why} ({state.state}; more on the pages of worker {found[0].worker})"

    async def aclose(self) -> None:
        """Disconnect."""
        await self._reader.close()


class Told:
    """The same call, which says through `say`, every `every` seconds, that and why it waits."""

    def __init__(self, call: Call, why: Callable[[], Awaitable[str]], every: float = EVERY) -> None:
        self._call = call
        self._why = why
        self._every = every
        self.say: Callable[[str], None] = print

    async def __call__(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Raises as the call does."""
        telling = asyncio.create_task(self._tell(method))
        try:
            return await self._call(method, params)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _tell(self, method: str) -> None:
        begun = time.monotonic()
        while True:
            await asyncio.sleep(self._every)
            reason = await self._why()
            self.say(f"{method}: no answer for {time.monotonic() - begun:.0f} s; {reason}")
