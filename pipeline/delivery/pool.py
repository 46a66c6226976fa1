"""Keyed pool: at most so many handlers at once, those of one key strictly one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from pipeline.delivery.exit import die

__all__ = ["KeyedPool"]


class KeyedPool:
    """`submit` waits while `limit` handlers run: that wait is the back-pressure."""

    def __init__(self, limit: int) -> None:
        self._free = asyncio.Semaphore(limit)
        self._tails: dict[Hashable, asyncio.Task[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    async def submit(self, key: Hashable | None, work: Callable[[], Awaitable[None]]) -> None:
        """Start `work` as soon as there is room; with a key, after all earlier work of that key.

        It must not raise: what nobody handles ends the worker.
        """
        await self._free.acquire()
        before = self._tails.get(key) if key is not None else None
        task = asyncio.create_task(self._run(before, work))
        self._tasks.add(task)
        if key is not None:
            self._tails[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    async def drain(self, timeout: float) -> None:
        """Wait for all that runs, at most `timeout` seconds; what is left then is cancelled and waited for."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def _run(self, before: asyncio.Task[Any] | None, work: Callable[[], Awaitable[None]]) -> None:
        try:
            if before is not None:
                await asyncio.wait([before])
            await work()
        except Exception as error:
            die("work in progress ended in a way that nobody handles", error)

    def _forget(self, key: Hashable | None, task: asyncio.Task[Any]) -> None:
        # not in _run: a task that is cancelled before its first step never gets there
        self._free.release()
        self._tasks.discard(task)
        if key is not None and self._tails.get(key) is task:
            del self._tails[key]
