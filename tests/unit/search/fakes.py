"""An Elasticsearch that answers bulk requests as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any

import orjson

from pipeline.delivery.errors import PipelineError
from pipeline.search.documents import Document

Answer = list[PipelineError | None] | PipelineError | None


def document(name: str, version: int = 1, index: str = "catalog", size: int = 2) -> Document:
    return Document(index, name, version, b"{" + b" " * (size - 2) + b"}")


class FakeClient:
    """`answers`: one for each request, None = all written; then everything is written. `held`: requests wait for it."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[list[dict[str, Any]]] = []
        self.out = 0
        self.most_out = 0
        self.gate: asyncio.Event | None = None
        self.filling = False
        self.made: list[str] = []
        self.es = SimpleNamespace(indices=SimpleNamespace(exists_alias=self._exists_alias))

    async def _exists_alias(self, name: str) -> bool:
        return self.filling

    async def call(self, request: Awaitable[Any]) -> Any:
        return await request

    async def close(self) -> None:
        """Nothing to close."""

    async def bulk(self, lines: Sequence[bytes]) -> list[PipelineError | None]:
        actions = [orjson.loads(line)["index"] for line in lines[::2]]
        self.requests.append(actions)
        answer = self.answers.pop(0) if self.answers else None
        self.out += 1
        self.most_out = max(self.most_out, self.out)
        try:
            if self.gate is not None:
                await self.gate.wait()
            else:
                await asyncio.sleep(0)
        finally:
            self.out -= 1
        if isinstance(answer, PipelineError):
            raise answer
        return answer if answer is not None else [None] * len(actions)

    def ids(self) -> list[list[str]]:
        """The documents of each request."""
        return [[action["_id"] for action in request] for request in self.requests]


def answering(decide: Callable[[dict[str, Any]], PipelineError | None]) -> FakeClient:
    """Answers each action by itself."""
    client = FakeClient()

    async def bulk(lines: Sequence[bytes]) -> list[PipelineError | None]:
        actions = [orjson.loads(line)["index"] for line in lines[::2]]
        client.requests.append(actions)
        await asyncio.sleep(0)
        return [decide(action) for action in actions]

    client.bulk = bulk  # type: ignore[method-assign]
    return client
