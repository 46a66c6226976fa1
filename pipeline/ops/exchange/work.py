"""One run of the `exchange` command: drain the queues, follow the effects, say what became of each item."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from pipeline.bridge.connection import Connection
from pipeline.bridge.drain import Drain
from pipeline.bridge.edges import Edge
from pipeline.bridge.run_items import Item, RunItems
from pipeline.delivery.errors import Transient
from pipeline.ops.exchange.kafka import RunKafka, open_kafka
from pipeline.ops.exchange.report import ItemReport, Report, read_outcome
from pipeline.ops.exchange.screen import (
    Screen,
    item_fields,
    item_line,
    summary_fields,
    summary_line,
    taken_line,
)
from pipeline.settings import Settings
from pipeline.topology import InboundQueue

__all__ = ["Options", "run"]

#: seconds for a connection to RabbitMQ
CONNECT = 10.0
#: seconds between two looks at the outcomes
LOOK = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    """Of the command line. `limit`, `time_limit`: None = those of each queue; `wait` None = --no-wait."""

    limit: int | None = None
    time_limit: float | None = None
    wait: float | None = 600.0
    force: bool = False


async def run(
    settings: Settings,
    queues: Sequence[tuple[InboundQueue, Edge]],
    flows: Callable[[Item], frozenset[str]],
    options: Options,
    screen: Screen,
) -> bool:
    """True: all that was taken is done (or, without waiting, in Kafka).

    Raises:
        Transient: RabbitMQ or Kafka is away; what was not acked stays in RabbitMQ.
    """
    course = _Course(flows, options, screen)
    began = time.monotonic()
    async with (
        _connected(settings) as connection,
        open_kafka(settings, {inbound.topic for inbound, _ in queues}) as kafka,
        _following(kafka, course),
    ):
        await course.drain(settings, queues, connection, kafka)
        if options.wait is not None:
            await course.wait(options.wait)
    summary = summary_fields(course.items.run, course.taken, course.report, time.monotonic() - began)
    for report in course.report.unfinished() if options.wait is not None else ():
        screen.line(item_line(report), item_fields(report))
    screen.line(summary_line(summary, waited=options.wait is not None), summary)
    if options.wait is not None and course.report.waiting:
        screen.note(
            f"{course.report.waiting} items have no outcome after {options.wait:g} s. They are in Kafka and nothing is "
            "lost; does a worker run? Its page /healthz says what it does"
        )
    return not course.report.failed and (options.wait is None or not course.report.waiting)


class _Course:
    """The run's state."""

    def __init__(self, flows: Callable[[Item], frozenset[str]], options: Options, screen: Screen) -> None:
        self._options = options
        self._screen = screen
        self.taken: dict[str, int] = {}
        self.report = Report(flows, self._over)
        self.items = RunItems(uuid.uuid4().hex, force=options.force, took=self._took, failed=self.report.refused)
        self.progress = asyncio.Event()
        #: outcomes are read no longer
        self.ended = False
        self._drain: Drain | None = None

    async def drain(
        self,
        settings: Settings,
        queues: Sequence[tuple[InboundQueue, Edge]],
        connection: Connection,
        kafka: RunKafka,
    ) -> None:
        """One queue after another; a limit of the command line is for all of them together."""
        left, until = self._options.limit, self._until()
        for inbound, edge in queues:
            seconds = inbound.time_limit if until is None else until - time.monotonic()
            if left == 0 or (seconds is not None and seconds <= 0):
                break
            drain = self._drain = Drain(inbound, edge, connection, kafka.post, self.items, settings.message_limit)
            ready, differences = await drain.ready()
            for text in differences:
                self._screen.note(text)
            most = ready if (limit := inbound.limit if left is None else left) is None else min(ready, limit)
            self._screen.will_take(most)
            await drain.take(most, seconds)
            self.taken[inbound.queue] = drain.received
            self._drain = None
            self._screen.took(sum(self.taken.values()))
            left = None if left is None else left - drain.received

    async def wait(self, seconds: float) -> None:
        """Until all items are over, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.report.waiting and not self.ended:
                    self.progress.clear()
                    await self.progress.wait()

    def _until(self) -> float | None:
        limit = self._options.time_limit
        return None if limit is None else time.monotonic() + limit

    def _took(self, item: Item) -> None:
        self.report.took(item)
        received = self._drain.received if self._drain is not None else 0
        self._screen.took(sum(self.taken.values()) + received)
        if self._options.wait is None:
            self._screen.line(taken_line(item), {"item": item.label, "event": item.event, "status": "taken"})
        self._screen.effects(self.report)

    def _over(self, report: ItemReport) -> None:
        if self._options.wait is not None or report.failed:
            self._screen.line(item_line(report), item_fields(report))
        self._screen.effects(self.report)
        self.progress.set()


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[Connection]:
    connection = Connection(settings.amqp_url, "exchange")
    connection.start()
    try:
        await connection.wait_up(CONNECT)
        yield connection
    finally:
        await connection.stop()


@asynccontextmanager
async def _following(kafka: RunKafka, course: _Course) -> AsyncIterator[None]:
    """While the block runs, outcomes are read. Raises Transient: they cannot be."""

    async def follow() -> None:
        while True:
            for record in await kafka.outcomes.some(LOOK):
                outcome = read_outcome(record.value, course.items.run)
                if outcome is not None:
                    course.report.take(outcome)

    def end(_: asyncio.Task[None]) -> None:
        course.ended = True
        course.progress.set()

    task = asyncio.create_task(follow(), name="outcomes")
    task.add_done_callback(end)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        raise Transient(f"Kafka: outcomes cannot be read: {error!r}") if isinstance(error, KafkaError) else error
