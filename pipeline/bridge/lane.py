"""The parked answers of one destination, and when they are tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from pipeline.bridge.answers import Destination
from pipeline.bridge.status import DestinationStatus
from pipeline.delivery.errors import Transient
from pipeline.delivery.ownership import Lost
from pipeline.delivery.retry import Backoff

__all__ = ["Lane", "Parked"]

#: Answers of one destination that are published at the same time.
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Parked:
    """Where a row is, and since when; its body stays in the table."""

    key: bytes
    partition: int
    since: float


class Rows(Protocol):
    """What a lane asks of the parking."""

    async def deliver(self, parked: Parked) -> str | None:
        """None: it has left and its row is gone. A text: why not. Raises Transient, Lost."""
        ...

    async def bury(self, rows: Iterable[Parked], reason: str) -> None:
        """Dead letters, then the rows go. Raises Transient, Lost."""
        ...


class Lane:
    """`rows` in the order of their parking. `wake` is set when the destination was seen to take an answer."""

    def __init__(self, destination: Destination, backoff: Backoff, limit: float, parking: Rows) -> None:
        self.destination = destination
        self.rows: dict[bytes, Parked] = {}
        self.reason = ""
        self.next_try = 0.0
        self.wake = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._backoff = backoff
        self._limit = limit
        self._parking = parking

    def status(self) -> DestinationStatus:
        """The lane now."""
        now = time.time()
        oldest = min((parked.since for parked in self.rows.values()), default=None)
        return DestinationStatus(
            destination=str(self.destination),
            parked=len(self.rows),
            oldest_age=None if oldest is None else now - oldest,
            reason=self.reason,
            next_try=max(0.0, self.next_try - now),
        )

    async def run(self) -> None:
        """Until no row is left, or the partitions are lost."""
        attempt = 0
        while self.rows:
            attempt += 1
            await self._pause(attempt)
            try:
                await self._bury_old()
                if await self._drain():
                    attempt = 0
            except Transient as error:
                self.reason = str(error)
            except Lost:
                return

    async def _pause(self, attempt: int) -> None:
        oldest = min(parked.since for parked in self.rows.values())
        until_old = max(0.0, oldest + self._limit - time.time())
        pause = min(self._backoff.pause(attempt), until_old + 0.01)
        self.next_try = time.time() + pause
        try:
            async with asyncio.timeout(pause):
                await self.wake.wait()
        except TimeoutError:
            pass
        self.wake.clear()

    async def _bury_old(self) -> None:
        limit = time.time() - self._limit
        for parked in [parked for parked in self.rows.values() if parked.since <= limit]:
            await self._parking.bury([parked], self.reason)
            self._forget(parked)

    async def _drain(self) -> bool:
        """One probe, then the rest, in runs. True: at least the probe was taken."""
        if not self.rows:
            return True
        if not await self._deliver([next(iter(self.rows.values()))]):
            return False
        while self.rows:
            if not await self._deliver(list(islice(self.rows.values(), AT_ONCE))):
                break
        return True

    async def _deliver(self, run: list[Parked]) -> bool:
        """True: all of the run have left."""
        outcomes = await asyncio.gather(*map(self._parking.deliver, run), return_exceptions=True)
        for parked, outcome in zip(run, outcomes, strict=True):
            if outcome is None:
                self._forget(parked)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome is not None:
                self.reason = outcome
        return all(outcome is None for outcome in outcomes)

    def _forget(self, parked: Parked) -> None:
        # Parked anew meanwhile: that row stays.
        if self.rows.get(parked.key) is parked:
            del self.rows[parked.key]
