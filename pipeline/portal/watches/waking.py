"""Sends the records of plans that are to be run again, in the background: Kafka may be away for long.

Nothing is kept of what is still to be sent. The next owner compares all watches with the links, and what is sent twice
does no harm: of two plans with one token the second finds another token, or none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from pipeline.delivery.errors import BadInput
from pipeline.delivery.exit import die
from pipeline.delivery.ownership import Lost
from pipeline.delivery.records import Record
from pipeline.delivery.retry import Backoff
from pipeline.portal.watches.index import Place
from pipeline.portal.watches.watch import Watch

__all__ = ["Waking"]

log = logging.getLogger(__name__)

#: records that are on their way at once
_AT_ONCE = 20


class Waking:
    """`read` gives the watch of a place as it stands; `send` is that of a ConfirmedProducer."""

    def __init__(
        self,
        read: Callable[[Place], Watch | None],
        send: Callable[[Iterable[Record]], Awaitable[object]],
        backoff: Backoff,
    ) -> None:
        self._read = read
        self._send = send
        self._backoff = backoff
        self._due: dict[Place, None] = {}
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

    def wake(self, place: Place, token: str) -> None:
        """Something that the watch with this token waits for is there."""
        if self._sent.get(place) != token and token not in self._waiting:
            self._sent[place] = token
            self._due[place] = None
            self._changed.set()

    def forget(self, place: Place) -> None:
        """There is no watch any more."""
        self._due.pop(place, None)
        self._sent.pop(place, None)

    async def _run(self) -> None:
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                while self._due:
                    places = list(self._due)[:_AT_ONCE]
                    for place in places:
                        del self._due[place]
                    await asyncio.gather(*map(self._wake, places))
        except Lost:
            return
        except Exception as error:
            die("sending plans that are to be run again ended", error)

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
