"""The sink as an agent: documents of `search.documents` are read in runs, and acked when Elasticsearch has them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faust.types import EventT

from pipeline.delivery.errors import BadInput, Permanent, Transient
from pipeline.delivery.exit import die
from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.delivery.retry import Backoff
from pipeline.search.client import SearchClient
from pipeline.search.documents import read_document
from pipeline.search.lane import Item
from pipeline.search.sink import Sink
from pipeline.search.status import SinkStatus
from pipeline.topology import SEARCH_DOCUMENTS

if TYPE_CHECKING:
    from pipeline.delivery.runner import FlowRunner
    from pipeline.delivery.runtime import Runtime

__all__ = ["NAME", "SearchSink", "SinkRuns"]

NAME = "search-sink"

#: the outcome of an event whose document is durable (no error) or is a dead letter; None = nobody follows it
Tell = Callable[[Event[Any], BaseException | None], Record | None]


def _nothing(*_: Any) -> None:
    """Nobody follows."""


class SearchSink:
    """The sink of this worker: its flow, its state for health, its connection."""

    def __init__(self, *, tell: Tell = _nothing, client: SearchClient | None = None) -> None:
        self._tell = tell
        self._client = client
        self._runs: SinkRuns | None = None

    def flow(self) -> Flow:
        """The agent, to be attached to the runtime."""
        return Flow(NAME, (SEARCH_DOCUMENTS,), handler=_nothing, reader=self._reader, on_dead=self._on_dead)

    def status(self) -> SinkStatus:
        """The state now; cheap."""
        return self._runs.sink.status if self._runs is not None else SinkStatus()

    async def stop(self) -> None:
        """Close the connection; after everything was released."""
        if self._runs is not None:
            await self._runs.client.close()

    def _reader(self, runner: FlowRunner, runtime: Runtime) -> SinkRuns:
        self._runs = SinkRuns(runner, runtime, self._tell, self._client or SearchClient(runtime.settings))
        return self._runs

    def _on_dead(self, event: Event[Any], error: BaseException) -> list[Record]:
        told = self._tell(event, error)
        return [told] if told is not None else []


@dataclass(slots=True)
class _Read:
    source: EventT[Any]
    event: Event[Any]


class SinkRuns:
    """Stands where PureRuns stands for pure flows: `take` and `drain`."""

    def __init__(self, runner: FlowRunner, runtime: Runtime, tell: Tell, client: SearchClient) -> None:
        self._runner = runner
        self._runtime = runtime
        self._tell = tell
        self._backoff = Backoff(runtime.settings.retry_min, runtime.settings.retry_max)
        self._sending: set[asyncio.Task[None]] = set()
        self.client = client
        self.sink = Sink(runtime.settings, self.client, alive=self._alive, settle=self._settle)

    async def take(self, received: list[EventT[Any]]) -> None:
        """Hand a run to the sink; waits while too many documents are on their way."""
        runner = self._runner
        for source in received:
            await self.sink.room()
            if not runner.may_begin(source):
                continue
            event = runner.event(source)
            try:
                runner.decode(event)
                document = read_document(event)
            except BadInput as error:
                self._send(source, runner.letters(source, event, error))
            else:
                self.sink.submit(document, _Read(source, event))

    async def drain(self, timeout: float) -> None:
        """Let requests that are out end; what waits is left un-acked."""
        await self.sink.drain(timeout)
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=timeout)
            for task in late:
                task.cancel()

    def _alive(self, item: Item) -> bool:
        return self._runner.may_begin(item.tag.source)

    def _settle(self, item: Item, error: Permanent | None) -> bool:
        """Ack a document that is durable, bury one that never can be; False = it is tried again."""
        read, breaker = item.tag, self._runner.breaker
        if error is None:
            breaker.succeeded()
            self._runner.handled.inc()
            outcome = self._tell(read.event, None)
            if outcome is not None:
                self._send(read.source, [outcome])
            elif self._runner.is_current(read.source):
                self._runner.ack(read.source)
            return True
        if breaker.open:
            # when everything is refused, the cause is not in the documents
            return False
        breaker.failed()
        self._send(read.source, self._runner.letters(read.source, read.event, error))
        return True

    def _send(self, source: EventT[Any], records: list[Record]) -> None:
        task = asyncio.create_task(self._confirmed(source, records))
        self._sending.add(task)
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            die("what became of a document cannot be told", error)

    async def _confirmed(self, source: EventT[Any], records: list[Record]) -> None:
        """Records first, then the ack."""
        attempt = 1
        while self._runner.is_current(source):
            try:
                await self._runtime.producer.send(records)
            except Transient:
                await asyncio.sleep(self._backoff.pause(attempt))
                attempt += 1
            else:
                self._runner.ack(source)
                return
