"""One lane of the sink: its documents leave in bulk requests, one request at a time, and only what failed again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.delivery import metrics
from pipeline.delivery.errors import Permanent, PipelineError
from pipeline.delivery.exit import die
from pipeline.delivery.retry import Backoff
from pipeline.search.documents import Document
from pipeline.search.errors import MissingIndex
from pipeline.search.status import SinkStatus

__all__ = ["Item", "Lane", "Limits", "action"]

#: what surrounds a document in a request, about
_FRAME = 150


@dataclass(slots=True, eq=False)
class Item:
    """A document and whose it is; `tag` is the submitter's own."""

    document: Document
    tag: Any
    size: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one request: documents, bytes."""

    count: int
    bytes: int


#: sends documents; what became of each (None = it, or a newer one, is in every index), or raises for all
Send = Callable[[Sequence[Document]], Awaitable[list[PipelineError | None]]]


class Lane:
    """Documents of some keys, in order.

    `alive(item)`: may it still be written here? `settle(item, error)`: written, or can never be; False = keep trying.
    """

    def __init__(
        self,
        number: int,
        *,
        send: Send,
        alive: Callable[[Item], bool],
        settle: Callable[[Item, Permanent | None], bool],
        dropped: Callable[[Item], None],
        limits: Limits,
        backoff: Backoff,
        status: SinkStatus,
    ) -> None:
        self.queue: deque[Item] = deque()
        self._number = number
        self._send = send
        self._alive = alive
        self._settle = settle
        self._dropped = dropped
        self._limits = limits
        self._backoff = backoff
        self._status = status
        self._stopping = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Work on what waits, if nobody does."""
        if self.task is None or self.task.done():
            self._stopping.clear()
            self.task = asyncio.create_task(self._run())
            self.task.add_done_callback(_ended)

    def stop(self) -> None:
        """Let the request that is out end; begin no other, wait for nothing."""
        self._stopping.set()

    async def _run(self) -> None:
        try:
            while self.queue and not self._stopping.is_set():
                await self._deliver(self._next(), 1)
        finally:
            self._status.succeeded(self._number)
            if self._stopping.is_set():
                while self.queue:
                    self._dropped(self.queue.popleft())

    def _next(self) -> list[Item]:
        items: list[Item] = []
        length = 0
        while self.queue and len(items) < self._limits.count and (not items or length < self._limits.bytes):
            item = self.queue.popleft()
            length += item.size + _FRAME
            items.append(item)
        return items

    async def _deliver(self, items: list[Item], attempt: int) -> None:
        while items := self._living(items):
            if self._stopping.is_set():
                for item in items:
                    self._dropped(item)
                return
            try:
                results = await self._send([item.document for item in items])
            except Permanent as error:
                # too long, or one of them is such that Elasticsearch refuses the request as a whole
                if len(items) > 1:
                    half = len(items) // 2
                    await self._deliver(items[:half], attempt)
                    await self._deliver(items[half:], attempt)
                    return
                results = [error]
            except PipelineError as error:
                results = [error] * len(items)
            items = self._settled(items, results)
            if not items:
                self._status.succeeded(self._number)
                return
            await self._pause(attempt, next(error for error in results if error is not None))
            attempt += 1

    def _settled(self, items: list[Item], results: Sequence[PipelineError | None]) -> list[Item]:
        """Hand back what is over; the rest is tried again."""
        again = []
        for item, error in zip(items, results, strict=True):
            if not ((error is None or isinstance(error, Permanent)) and self._settle(item, error)):
                again.append(item)
        if again:
            worst = next((e for e in results if e is not None and not isinstance(e, MissingIndex)), None)
            if worst is not None:
                self._status.failed(self._number, worst)
            metrics.SEARCH_RETRIED.inc(len(again))
        return again

    def _living(self, items: list[Item]) -> list[Item]:
        living = []
        for item in items:
            if self._alive(item):
                living.append(item)
            else:
                self._dropped(item)
        return living

    async def _pause(self, attempt: int, error: PipelineError) -> None:
        if isinstance(error, MissingIndex) and attempt <= 2:
            return  # the sink has just made it
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._backoff.pause(attempt))


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        die("documents on their way to Elasticsearch ended in a way that nobody handles", error)


def action(document: Document, target: str) -> bytes:
    """The line before a document: never older over newer, and never into an index that nobody has made."""
    # put together by hand: it is made for every document
    return b'{"index":{"_index":%b,"_id":%b,"version":%d,"version_type":"external_gte","require_alias":true}}' % (
        orjson.dumps(target),
        orjson.dumps(document.id),
        document.version,
    )
