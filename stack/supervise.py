"""Keeps a worker up: when it ends by itself it is started again, as systemd would do it."""

import asyncio
import time
from collections.abc import Callable

from stack.process import ProcessError
from stack.worker import Worker

ENDS = 5
"""So many ends of the worker within WINDOW seconds are too many."""
WINDOW = 120.0
INTERVAL = 0.2
"""Seconds between two looks at the worker."""


class GivenUp(RuntimeError):
    """The worker ends again and again, or does not start."""


class Supervisor:
    """Watches a worker that was started already; `say(text)` gets a line for every end and start."""

    def __init__(self, worker: Worker, say: Callable[[str], None]) -> None:
        self._worker = worker
        self._say = say
        self._ends: list[float] = []

    async def watch(self) -> None:
        """Run until cancelled. Raises GivenUp with the tail of the log when restarts do not help."""
        while True:
            await asyncio.sleep(INTERVAL)
            if not self._worker.running:
                await self._again()

    async def _again(self) -> None:
        process = self._worker.process
        code = process.returncode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
        self._say(f"The worker ended {how}; the end of its log {self._worker.log}:\n{process.tail(20)}")
        now = time.monotonic()
        self._ends = [moment for moment in self._ends if now - moment < WINDOW] + [now]
        if len(self._ends) >= ENDS:
            raise GivenUp(f"The worker ended {ENDS} times within {WINDOW:g} s.")
        try:
            await asyncio.to_thread(self._worker.start)
        except asyncio.CancelledError:
            # Else the thread would go on waiting for the worker to be ready.
            self._worker.kill()
            raise
        except ProcessError as error:
            raise GivenUp(f"The worker does not start again: {error}") from error
        self._say(f"The worker was started again as process {process.pid}.")
