"""A search index of the test's own in a real Elasticsearch, and a sink that writes to it from the test's process."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from pipeline.delivery.errors import Permanent
from pipeline.search.aliases import versions
from pipeline.search.client import SearchClient
from pipeline.search.documents import Document
from pipeline.search.lane import Item
from pipeline.search.sink import Sink
from pipeline.settings import Settings


class Index:
    """`alias` is unique; `settled`: what became of each document that `write` was given, by id."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.alias = f"t{uuid.uuid4().hex[:8]}"
        values: dict[str, Any] = {"retry_min": 0.05, "retry_max": 0.2, "es_timeout": 10.0, **settings}
        self.settings = Settings(_env_file=None, es_url=url, **values)  # type: ignore[call-arg]
        self.client = SearchClient(self.settings)
        self.settled: dict[str, Permanent | None] = {}
        self._left = 0
        self.sink = Sink(self.settings, self.client, alive=lambda _: True, settle=self._settle)

    def _settle(self, item: Item, error: Permanent | None) -> bool:
        self.settled[item.document.id] = error
        self._left -= 1
        return True

    def submit(self, name: str, version: int, content: Mapping[str, Any]) -> None:
        """Hand a document to the sink."""
        self._left += 1
        source = {"xml_id": name, "removed": False, **content}
        self.sink.submit(Document(self.alias, name, version, orjson.dumps(source)), None)

    async def settle(self, timeout: float = 20) -> None:
        """Wait until all of them are over, then let searches see them."""
        async with asyncio.timeout(timeout):
            while self._left:
                await asyncio.sleep(0.01)
        await self.refresh()

    async def write(self, documents: Mapping[str, Mapping[str, Any]], version: int = 1) -> None:
        """Documents by id, all in one version."""
        for name, content in documents.items():
            self.submit(name, version, content)
        await self.settle()

    async def refresh(self) -> None:
        """What is written can be found."""
        await self.client.es.indices.refresh(index=self.alias)

    async def search(self, query: Mapping[str, Any]) -> list[str]:
        """Ids that a query finds, sorted."""
        answer = await self.client.es.search(index=self.alias, query=dict(query), size=10_000, source=False)
        return sorted(hit["_id"] for hit in answer["hits"]["hits"])

    async def all(self) -> dict[str, dict[str, Any]]:
        """All visible documents by id."""
        answer = await self.client.es.search(index=self.alias, query={"match_all": {}}, size=10_000)
        return {hit["_id"]: hit["_source"] for hit in answer["hits"]["hits"]}

    async def indices(self) -> list[str]:
        """Versioned indices, the oldest first."""
        return await versions(self.client, self.alias)

    async def remove(self, more: Sequence[str] = ()) -> None:
        """Everything of it; close the connection."""
        await self.sink.drain(1)
        for name in [*await self.indices(), *more]:
            await self.client.es.options(ignore_status=404).indices.delete(index=name)
        await self.client.close()
