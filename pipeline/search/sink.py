"""Writes documents to Elasticsearch: several bulk requests at once, those of one document strictly one after another.

Nothing is given up while Elasticsearch is away, overloaded or read-only; a document that it refuses for good is
settled with its reason. What counts as what: pipeline/search/errors.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from zlib import crc32

from pipeline.delivery import metrics
from pipeline.delivery.errors import Permanent, PipelineError
from pipeline.delivery.retry import Backoff
from pipeline.search.aliases import Aliases, ensure
from pipeline.search.client import SearchClient
from pipeline.search.documents import Document
from pipeline.search.errors import MissingIndex
from pipeline.search.lane import Item, Lane, Limits, action
from pipeline.search.status import SinkStatus
from pipeline.settings import Settings

__all__ = ["Sink"]

#: so many requests' worth of documents may wait in memory
_AHEAD = 2


class Sink:
    """`room()` then `submit()`; `settle` and `alive` as Lane says."""

    def __init__(
        self,
        settings: Settings,
        client: SearchClient,
        *,
        alive: Callable[[Item], bool],
        settle: Callable[[Item, Permanent | None], bool],
        targets: Callable[[str], Awaitable[tuple[str, ...]]] | None = None,
        make: Callable[[str], Awaitable[object]] | None = None,
    ) -> None:
        """`targets(alias)`: aliases to write to; `make(alias)`: it is missing. Default: see Aliases and `ensure`."""
        self.status = SinkStatus()
        self._client = client
        self._aliases = Aliases(client)
        self._targets = targets or self._aliases.targets
        self._make = make or (lambda alias: ensure(client, alias))
        self._settle = settle
        self._waiting_bytes = 0
        self._count_limit = _AHEAD * settings.es_requests * settings.es_bulk_size
        self._bytes_limit = _AHEAD * settings.es_requests * settings.es_bulk_bytes
        self._room = asyncio.Event()
        self._room.set()
        self._making = asyncio.Lock()
        self._written: dict[str, Callable[[], None]] = {}
        metrics.SEARCH_WAITING.set_function(lambda: float(self.status.waiting))
        self._lanes = [
            Lane(
                number,
                send=self._send,
                alive=alive,
                settle=self._over,
                dropped=self._gone,
                limits=Limits(settings.es_bulk_size, settings.es_bulk_bytes),
                backoff=Backoff(settings.retry_min, settings.retry_max),
                status=self.status,
            )
            for number in range(settings.es_requests)
        ]

    async def room(self) -> None:
        """Wait until there is room for another document."""
        await self._room.wait()

    def submit(self, document: Document, tag: object) -> None:
        """Take a document; `settle` tells its end."""
        item = Item(document, tag, len(document.source))
        self.status.waiting += 1
        self._waiting_bytes += item.size
        self._count()
        lane = self._lanes[crc32(document.id.encode()) % len(self._lanes)]
        lane.queue.append(item)
        lane.begin()

    async def drain(self, timeout: float) -> None:
        """Let requests that are out end, at most `timeout` seconds; what else waits is dropped, not settled."""
        tasks = [lane.task for lane in self._lanes if lane.task is not None and not lane.task.done()]
        for lane in self._lanes:
            lane.stop()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        for lane in self._lanes:
            while lane.queue:
                self._gone(lane.queue.popleft())

    async def _send(self, documents: Sequence[Document]) -> list[PipelineError | None]:
        """One bulk request. Raises PipelineError when it failed as a whole."""
        targets = {index: await self._targets(index) for index in {document.index for document in documents}}
        lines: list[bytes] = []
        places: list[tuple[int, str]] = []
        for place, document in enumerate(documents):
            for target in targets[document.index]:
                lines += (action(document, target), document.source)
                places.append((place, target))
        with metrics.SEARCH_REQUEST_SECONDS.time():
            results = await self._client.bulk(lines)
        outcomes: list[PipelineError | None] = [None] * len(documents)
        for (place, target), result in zip(places, results, strict=True):
            if result is None:
                continue
            if isinstance(result, MissingIndex) and target != documents[place].index:
                # it is filled no more; that it was given up or became the alias' own index happens in one step
                self._aliases.forget(documents[place].index)
                continue
            known = outcomes[place]
            if known is None or isinstance(known, Permanent):
                outcomes[place] = result
        return await self._make_missing(documents, outcomes)

    async def _make_missing(
        self, documents: Sequence[Document], outcomes: list[PipelineError | None]
    ) -> list[PipelineError | None]:
        missing = {documents[n].index for n, error in enumerate(outcomes) if isinstance(error, MissingIndex)}
        for index in missing:
            try:
                async with self._making:
                    await self._make(index)
            except PipelineError as error:
                for place, document in enumerate(documents):
                    if document.index == index and isinstance(outcomes[place], MissingIndex):
                        outcomes[place] = error
        return outcomes

    def _over(self, item: Item, error: Permanent | None) -> bool:
        if not self._settle(item, error):
            return False
        if error is None:
            index = item.document.index
            count = self._written.get(index)
            if count is None:
                count = self._written[index] = metrics.SEARCH_WRITTEN.labels(index).inc
            count()
        self._gone(item)
        return True

    def _gone(self, item: Item) -> None:
        self.status.waiting -= 1
        self._waiting_bytes -= item.size
        self._count()

    def _count(self) -> None:
        if self.status.waiting < self._count_limit and self._waiting_bytes < self._bytes_limit:
            self._room.set()
        else:
            self._room.clear()
