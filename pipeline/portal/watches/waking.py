"""Sends the records of plans that are to be run again, in the background: Kafka may be away for long.

Where many objects appear one after another, not each of them runs a plan again: a moment without any is waited for,
unless all is there. Nothing is kept of what is still to be sent. The next owner compares all watches with the links,
and what is sent twice does no harm: of two plans with one token the second finds another token, or none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from pipeline.delivery.errors import BadInput
from pipeline.delivery.exit import die
from pipeline.delivery.ownership import Lost
from pipeline.delivery.records import Record
from pipeline.delivery.retry import Backoff
from pipeline.portal.watches.index import Place
from pipeline.portal.watches.watch import Watch

__all__ = ["CALM", "Waking"]

log = logging.getLogger(__name__)

#: Seconds in which nothing more of what a plan misses appears, and the longest wait for such a moment.
CALM = 2.0
_LONGEST = 20.0
#: records that are on their way at once
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class _Due:
    """`first`: when the first object appeared, `at`: when the record is sent; of a monotonic clock."""

    token: str
    first: float
    at: float


class Waking:
    """`read` gives the watch of a place as it stands; `send` is that of a ConfirmedProducer.

    `scale`: so many times faster a portal's clock runs.
    """

    def __init__(
        self,
        read: Callable[[Place], Watch | None],
        send: Callable[[Iterable[Record]], Awaitable[object]],
        backoff: Backoff,
        scale: Callable[[str], float],
    ) -> None:
        self._read = read
        self._send = send
        self._backoff = backoff
        self._scale = scale
        self._due: dict[Place, _Due] = {}
        #: tokens of what was sent, and of what the owner before us has sent and waits for its turn
        self._sent: dict[Place, str] = {}
        self._waiting: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, waiting: Iterable[str] = ()) -> None:
        """Begin to send. `waiting`: tokens of plans that were sent and wait for their turn."""
        self._waiting = frozenset(waiting)
        self._task = asyncio.create_task(self._run(), name="plans to be run again")

    async def stop(self) -> None:
        """Send nothing more; forget what was to be sent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._due.clear()
        self._sent.clear()

    def wake(self, place: Place, token: str, *, at_once: bool) -> None:
        """Something that the watch with this token waits for is there. `at_once`: all of it."""
        if self._sent.get(place) == token or token in self._waiting:
            return
        now, scale = time.monotonic(), self._scale(place[0])
        before = self._due.get(place)
        first = before.first if before is not None and before.token == token else now
        at = now if at_once else min(now + CALM / scale, first + _LONGEST / scale)
        self._due[place] = _Due(token, first, at)
        if at_once or len(self._due) == 1:
            self._changed.set()

    def forget(self, place: Place) -> None:
        """There is no watch any more, or another one."""
        self._due.pop(place, None)
        self._sent.pop(place, None)

    async def _run(self) -> None:
        try:
            while True:
                await self._next()
                now = time.monotonic()
                while ready := [place for place, due in self._due.items() if due.at <= now][:_AT_ONCE]:
                    for place in ready:
                        self._sent[place] = self._due.pop(place).token
                    await asyncio.gather(*map(self._wake, ready))
        except Lost:
            return
        except Exception as error:
            die("sending plans that are to be run again ended", error)

    async def _next(self) -> None:
        """Until something is due, or may be."""
        first = min((due.at for due in self._due.values()), default=None)
        try:
            async with asyncio.timeout(None if first is None else max(0.0, first - time.monotonic())):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    async def _wake(self, place: Place) -> None:
        watch = self._read(place)
        if watch is None:
            return
        try:
            await self._backoff.insist(lambda: self._send([watch.record()]))
        except BadInput as error:
            log.error("portal %s: %s is not run again: %s", watch.portal, watch.subject, error)
            return
        log.info("portal %s: %s is run again: something that it missed is there", watch.portal, watch.subject)
