"""Pure flows: whole runs are decoded, handled and sent at once; acks follow the broker's, in order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faust.types import EventT

from pipeline.delivery.errors import BadInput, PipelineError, Transient
from pipeline.delivery.exit import die
from pipeline.delivery.flow import Event
from pipeline.delivery.producer import Confirmation, confirm
from pipeline.delivery.records import Record, wire_headers, wire_size
from pipeline.delivery.retry import Backoff

if TYPE_CHECKING:
    from pipeline.delivery.runner import FlowRunner
    from pipeline.delivery.runtime import Runtime

__all__ = ["PureRuns"]

#: runs that may be on their way to the broker at once
_RUNS_IN_FLIGHT = 4
#: seconds that a run is worked on before everything else gets its turn
_TURN = 0.01


@dataclass(slots=True)
class _Run:
    sources: list[EventT[Any]]
    records: list[Record]
    futures: list[Confirmation]


class PureRuns:
    """Keeps the order of each key: runs are sent one after another, and repeated together when the broker was away."""

    def __init__(self, runner: FlowRunner, runtime: Runtime) -> None:
        self._runner = runner
        self._runtime = runtime
        self._unconfirmed: deque[_Run] = deque()
        self._room = asyncio.Semaphore(_RUNS_IN_FLIGHT)
        self._sending = asyncio.Lock()
        self._finisher: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._longest = runtime.settings.message_limit
        self._backoff = Backoff(runtime.settings.retry_min, runtime.settings.retry_max)

    async def take(self, received: list[EventT[Any]]) -> None:
        """Handle a run and send what comes of it; waits while too many runs are unconfirmed."""
        await self._room.acquire()
        sources = [source for source in received if self._runner.may_begin(source)]
        if not sources:
            self._room.release()
            return
        records: list[Record] = []
        turn = time.monotonic()
        for source in sources:
            records.extend(await self._handle(source))
            if (now := time.monotonic()) - turn > _TURN:
                # heartbeats, portals and pages must not wait for a whole run of a flow that thinks long
                await asyncio.sleep(0)
                turn = now
        run = _Run(sources, records, [])
        async with self._sending:
            if not self._runner.may_begin(sources[0]):
                self._room.release()
                return
            self._unconfirmed.append(run)
            self._idle.clear()
            await self._post(run)
        if self._finisher is None or self._finisher.done():
            self._finisher = asyncio.create_task(self._finish())

    async def drain(self, timeout: float) -> None:
        """Wait until all runs are confirmed, at most `timeout` seconds; the rest is forgotten, un-acked."""
        try:
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        except TimeoutError:
            if self._finisher is not None:
                self._finisher.cancel()
            while self._unconfirmed:
                self._unconfirmed.popleft()
                self._room.release()
            self._idle.set()

    async def _handle(self, source: EventT[Any]) -> list[Record]:
        runner = self._runner
        event: Event[Any] = runner.event(source)
        try:
            runner.decode(event)
            records: Any = runner.flow.handler(event)
            made = list(records) if records else []
            for record in made:
                length = wire_size(record.key, record.value, record.headers)
                if length > self._longest:
                    raise BadInput(f"it makes a record for {record.topic} of {length} bytes, too long")
            return made
        except PipelineError as error:
            refused = error
        except Exception as error:
            await runner.crash(event, error)
        try:
            return runner.letters(source, event, refused)
        except Exception as error:
            await runner.crash(event, error)

    async def _post(self, run: _Run) -> None:
        """Fill `run.futures`; a record that cannot be sent at all becomes a failed future."""
        # whole runs: a long linger costs nothing and makes few, big requests
        producer = self._runtime.bulk
        futures: list[Confirmation] = []
        for record in run.records:
            try:
                futures.append(
                    await producer.post_raw(
                        self._runtime.wire(record.topic),
                        record.value,
                        record.key,
                        record.partition,
                        wire_headers(record.headers) if record.headers else (),
                    )
                )
            except Transient as error:
                failed: Confirmation = asyncio.get_running_loop().create_future()
                failed.set_exception(error)
                futures.append(failed)
        run.futures = futures

    async def _finish(self) -> None:
        try:
            await self._confirm_all()
        except Exception as error:
            die(f"runs of agent {self._runner.flow.name} cannot be confirmed", error)

    async def _confirm_all(self) -> None:
        attempt = 1
        while self._unconfirmed:
            run = self._unconfirmed[0]
            try:
                await confirm(run.futures)
            except Transient:
                await asyncio.sleep(self._backoff.pause(attempt))
                attempt += 1
                async with self._sending:
                    for waiting in self._unconfirmed:
                        await self._post(waiting)
                continue
            attempt = 1
            for source in run.sources:
                if self._runner.is_current(source):
                    self._runner.ack(source)
            self._runner.handled.inc(len(run.sources))
            self._unconfirmed.popleft()
            self._room.release()
        self._idle.set()
