"""From the queue to the handlers: fire and forget, in no order that anybody promises, slow ones less often."""

import asyncio
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import aiohttp

from sandbox.portal.events.body import form
from sandbox.portal.events.model import Delivery, Handler, Settings
from sandbox.portal.events.troubles import Troubles

if TYPE_CHECKING:
    from sandbox.portal.portal import Portal

_KEPT = 10_000
_AGENT = "Bitrix24 Webhook Engine"


class Queue:
    """The queue server of one portal: one line for each handler, emptied in the background.

    What fails is written down and never sent again.
    """

    def __init__(self, portal: "Portal", settings: Settings, troubles: Troubles) -> None:
        self._portal = portal
        self._settings = settings
        self._troubles = troubles
        self._lines: dict[int, deque[Delivery]] = {}
        self._running: set[int] = set()
        self._last = 0
        self.log: deque[Delivery] = deque(maxlen=_KEPT)
        self.outcomes: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """Events that have not left yet."""
        return sum(len(line) for line in self._lines.values())

    def reset(self) -> None:
        """Forget what waits and what was written down."""
        self._lines.clear()
        self.log.clear()
        self.outcomes.clear()

    def send(self, handler: Handler, event: str, data: dict[str, Any], user: str) -> None:
        """Put an event in the handler's line; it leaves after the latency."""
        trouble = self._troubles.pick(event)
        delivery = self._new(handler, event, data, user)
        if trouble == "lost":
            self._end(delivery, "lost")
            return
        line = self._lines.setdefault(handler.id, deque())
        if trouble == "reordered":
            # It leaves after the one that comes next, or a while later when none comes.
            delivery.due += 4 * self._portal.clock.scaled(self._settings.latency)
        line.append(delivery)
        if trouble == "duplicated":
            line.append(self._new(handler, event, data, user))
        if handler.id not in self._running:
            self._running.add(handler.id)
            self._portal.spawn(self._run(handler))

    def _new(self, handler: Handler, event: str, data: dict[str, Any], user: str) -> Delivery:
        self._last += 1
        due = self._portal.clock.now() + self._portal.clock.scaled(self._settings.latency)
        delivery = Delivery(self._last, handler, event, data, user, due)
        self.log.append(delivery)
        return delivery

    def _end(self, delivery: Delivery, outcome: str) -> None:
        delivery.outcome = outcome
        self.outcomes[outcome] += 1

    async def _run(self, handler: Handler) -> None:
        async with aiohttp.ClientSession(headers={"User-Agent": _AGENT}) as session:
            try:
                await self._empty(session, handler)
            finally:
                # Before the session is closed: an event that comes meanwhile begins a new run.
                self._running.discard(handler.id)

    async def _empty(self, session: aiohttp.ClientSession, handler: Handler) -> None:
        clock = self._portal.clock
        while line := self._lines.get(handler.id):
            delivery = min(line, key=lambda item: item.due)
            wait = delivery.due - clock.now()
            if wait > 0:
                await clock.pause(min(wait, 0.05))
                continue
            line.remove(delivery)
            await self._call(session, delivery)
            await clock.sleep(handler.pause)

    async def _call(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        clock, settings = self._portal.clock, self._settings
        handler = delivery.handler
        delivery.sent = handler.called = clock.now()
        began = time.monotonic()
        body = form(self._portal, delivery, delivery.sent)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        limit = aiohttp.ClientTimeout(total=clock.scaled(settings.timeout))
        try:
            async with session.post(
                handler.url, data=body.encode(), headers=headers, timeout=limit, allow_redirects=False, ssl=False
            ) as response:
                delivery.status = response.status
                await response.read()
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError, asyncio.InvalidStateError):
            delivery.status = None
        delivery.took = time.monotonic() - began
        took = delivery.took * clock.scale
        # A slow handler lowers the frequency of its calls; a quick one earns it back.
        handler.pause = min(settings.pause, max(took, handler.pause * 2)) if took > settings.slow else handler.pause / 2
        good = delivery.status is not None and 200 <= delivery.status < 300
        self._end(delivery, "delivered" if good else "failed")
