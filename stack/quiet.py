"""Is everything that was sent done? Asked of the queues, the worker's page and the simulated portal."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aio_pika
import httpx

INTERVAL = 0.25
"""Seconds between two looks."""


class NotDone(TimeoutError):
    """Nothing moves any more, and something is left."""


@dataclass(frozen=True)
class Look:
    """What is left at a moment. `lag` and `waiting` None = no worker answers; `requests` = all that the portal got."""

    queued: int
    lag: int | None
    waiting: int | None
    requests: int
    in_flight: int
    behind: str = ""

    @property
    def done(self) -> bool:
        """Nothing is left anywhere."""
        return not (self.queued or self.in_flight) and self.lag == 0 and not self.waiting

    @property
    def left(self) -> int:
        """Messages, records and requests that are on their way, about."""
        return self.queued + (self.lag or 0) + (self.waiting or 0)

    def __str__(self) -> str:
        if self.lag is None:
            return f"{self.queued} messages in queues, no worker answers"
        return f"{self.queued} messages in queues, {self.waiting} requests wait for the portal, behind: {self.behind}"


class Quiet:
    """`queues`: names of the queues in RabbitMQ; `worker` and `portal`: addresses without a slash at the end.

    Used as `async with`. Raises aio_pika's errors and httpx.HTTPError when broker or portal cannot be asked.
    """

    def __init__(self, amqp_url: str, queues: Sequence[str], worker: str, portal: str) -> None:
        self._amqp_url = amqp_url
        self._queues = tuple(queues)
        self._worker = worker
        self._portal = portal

    async def __aenter__(self) -> "Quiet":
        self._http = httpx.AsyncClient(timeout=10, trust_env=False)
        self._connection = await aio_pika.connect(self._amqp_url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()
        await self._http.aclose()

    async def look(self) -> Look:
        """What is left now."""
        queued = await self.queued()
        view = await self._view()
        answer = await self._http.get(f"{self._portal}/_sandbox/counters", params={"detail": "0"})
        counters = answer.raise_for_status().json()
        totals = view["totals"] if view else {"lag": None, "waiting": None, "parked": 0}
        waiting = None if totals["waiting"] is None else totals["waiting"] + (totals["parked"] or 0)
        agents = view["agents"] if view else []
        behind = ", ".join(f"{agent['agent']} {agent['lag']}" for agent in agents if agent["lag"])
        return Look(queued, totals["lag"], waiting, counters["requests"], counters["in_flight"], behind or "nobody")

    async def queued(self) -> int:
        """Messages that lie ready in the queues. Raises aio_pika.exceptions.ChannelClosed when one is not there."""
        channel = await self._connection.channel()
        found = 0
        for name in self._queues:
            queue = await channel.get_queue(name, ensure=True)
            found += queue.declaration_result.message_count or 0
        await channel.close()
        return found

    async def done(self, *, calm: float, stall: float, seen: Callable[[Look], None] = lambda look: None) -> None:
        """Until nothing is left and nothing has moved for `calm` seconds; `seen(look)` is told of every look.

        Raises NotDone when nothing moves for `stall` seconds and it is not done.
        """
        last: Look | None = None
        moved = quiet = time.monotonic()
        while True:
            look = await self.look()
            seen(look)
            now = time.monotonic()
            if look != last:
                last, moved = look, now
            if not look.done:
                quiet = now
            if look.done and now - max(moved, quiet) >= calm:
                return
            if now - moved > stall:
                raise NotDone(f"nothing moves for {stall:g} s: {look}")
            await asyncio.sleep(INTERVAL)

    async def _view(self) -> dict[str, Any] | None:
        try:
            answer = await self._http.get(f"{self._worker}/api/lag")
            view: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            return None
        return view
