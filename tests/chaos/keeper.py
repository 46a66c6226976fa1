"""A worker under a supervisor that starts it again whenever it ends, as systemd would."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from stack.process import ProcessError
from stack.worker import Worker

__all__ = ["Keeper"]

_LOOK = 0.1
_TOO_MANY = 12


class Keeper:
    """`ended` collects exit codes of ends that nobody asked for: 70 is the worker's own decision to end."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.ended: list[int | None] = []
        self._wanted = False
        #: who starts or ends it; else the supervisor and the scenario would start it twice
        self._hand = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id, None when it does not run."""
        return self.worker.process.pid

    async def start(self, *, ready: bool = True) -> None:
        """Start it and keep it up; with `ready`, wait until it serves."""
        async with self._hand:
            await asyncio.to_thread(self.worker.start, wait=False)
            self._wanted = True
        if self._task is None:
            self._task = asyncio.create_task(self._keep())
        if ready:
            await self.ready()

    async def ready(self, timeout: float = 90.0) -> None:
        """Wait until /readyz answers 200. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while not (self.worker.running and await asyncio.to_thread(self.worker.ready)):
            if time.monotonic() > deadline or len(self.ended) > _TOO_MANY:
                raise TimeoutError(f"a worker does not become ready:\n{self.worker.process.tail(30)}")
            await asyncio.sleep(0.05)

    async def kill(self, *, again: bool = True) -> None:
        """SIGKILL; with `again`, started again at once, without waiting for it."""
        async with self._hand:
            self._wanted = False
            await asyncio.to_thread(self.worker.kill)
        if again:
            await self.start(ready=False)

    async def stop(self) -> None:
        """SIGTERM, and no restart."""
        async with self._hand:
            self._wanted = False
            await asyncio.to_thread(self.worker.stop)

    async def close(self) -> None:
        """End it for good."""
        async with self._hand:
            self._wanted = False
            if self._task is not None:
                self._task.cancel()
            with suppress(ProcessError):
                await asyncio.to_thread(self.worker.kill)

    async def _keep(self) -> None:
        while len(self.ended) <= _TOO_MANY:  # more: it does not come up, and what is missing fails the test
            await asyncio.sleep(_LOOK)
            async with self._hand:
                if self._wanted and not self.worker.running:
                    self.ended.append(self.worker.process.returncode)
                    await asyncio.to_thread(self.worker.start, wait=False)
