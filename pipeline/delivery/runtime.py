"""What every room is given: settings, confirmed sends, tables, ownership. Made once by the bootstrap."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from aiokafka import AIOKafkaProducer

from pipeline.delivery.flow import Flow
from pipeline.delivery.guard import FreezeGuard
from pipeline.delivery.ledger import CrashLedger
from pipeline.delivery.ownership import Ownership
from pipeline.delivery.producer import ConfirmedProducer, KafkaProducer, bulk_client
from pipeline.delivery.runner import FlowRunner
from pipeline.delivery.schema import RawSchema
from pipeline.delivery.sockets import guarded
from pipeline.delivery.tables import DurableTable
from pipeline.delivery.transport import SafeProducer
from pipeline.settings import Settings
from pipeline.topology import TABLES, TOPICS, Table, Topic, wire_name

if TYPE_CHECKING:
    from pipeline.delivery.app import BusApp

__all__ = ["RELEASE_TIMEOUT", "Runtime"]

#: longest wait for what is in flight when partitions are revoked, seconds (design, section 3)
RELEASE_TIMEOUT = 20.0
#: records that wait for an agent while more are read for it; with one more poll they fit into its queue (app.py)
ENOUGH = 1000

logger = logging.getLogger(__name__)


class Runtime:
    """The ground that flows, bridge and gateway stand on."""

    def __init__(
        self,
        settings: Settings,
        app: BusApp,
        topics: Sequence[Topic] = TOPICS,
        tables: Sequence[Table] = TABLES,
    ) -> None:
        self.settings = settings
        self.app = app
        self.topics = topics
        self.tables = tables
        self.ownership = Ownership()
        self.guard = FreezeGuard(settings.session_timeout / 2)
        self.ledger = CrashLedger(settings.crash_limit)
        #: False between a revocation and the next take-over: nothing is started, nothing is acked
        self.accepting = False
        #: True while partitions are given up: what is in progress may end and be acked, nothing begins
        self.releasing = False
        self.producer: ConfirmedProducer = KafkaProducer(self._worker_producer, self.wire, self.guard)
        self.bulk: ConfirmedProducer = KafkaProducer(self._bulk_producer, self.wire, self.guard)
        self.flows: dict[str, FlowRunner] = {}
        #: what waits for the agents of a topic, by the topic's name in Kafka and the agent's
        self._queues: dict[str, dict[str, asyncio.Queue[Any]]] = {}
        self._compacted = {self.wire(topic.name) for topic in topics if topic.compacted}
        self._bulk: AIOKafkaProducer | None = None
        self._starting: list[Callable[[], Awaitable[None]]] = []
        self._stopping: list[Callable[[], Awaitable[None]]] = []
        self._tables = {table.name: self._new_table(table.name, table.partitions) for table in tables}

    def wire(self, topic: str) -> str:
        """Name of a declared topic in Kafka."""
        return wire_name(self.settings, topic)

    def table(self, name: str) -> DurableTable:
        """A table of topology.py. Raises KeyError for another name."""
        return self._tables[name]

    def attach(self, flow: Flow) -> None:
        """Make the Faust agent of a flow: concurrency 1, raw bytes, own reading (delivery/runner.py)."""
        runner = self.flows[flow.name] = FlowRunner(flow, self)
        topic = self.app.topic(
            *(self.wire(name) for name in flow.topics),
            schema=RawSchema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"),
        )

        async def agent(stream: Any) -> None:
            await runner.run(stream)

        self.app.agent(topic, name=flow.name, concurrency=1)(agent)

    def sources(self) -> list[str]:
        """Topics that the attached flows read, by their names in Kafka."""
        return sorted({self.wire(topic) for runner in self.flows.values() for topic in runner.flow.topics})

    def reads(self, topics: Iterable[str], queue: asyncio.Queue[Any], agent: str = "") -> None:
        """An agent takes the records of these topics from that queue."""
        for topic in topics:
            self._queues.setdefault(self.wire(topic), {})[agent] = queue

    def is_full(self, topic: str) -> bool:
        """Has an agent of a topic (its name in Kafka) enough to do?

        Then no more of it is read: delivery to a queue without room would hold up the records of all other agents.
        """
        return any(queue.qsize() >= ENOUGH for queue in self._queues.get(topic, {}).values())

    def is_compacted(self, topic: str) -> bool:
        """Does Kafka remove records of a topic (its name in Kafka) that a newer one of their key has replaced?"""
        return topic in self._compacted

    def any_full(self) -> bool:
        """Has some agent enough to do?"""
        return any(self.is_full(topic) for topic in self._queues)

    def on_start(self, call: Callable[[], Awaitable[None]]) -> None:
        """Called when the worker starts, topics declared, before it joins the group."""
        self._starting.append(call)

    def on_stop(self, call: Callable[[], Awaitable[None]]) -> None:
        """Called when the worker stops, after everything was released."""
        self._stopping.append(call)

    async def start(self) -> None:
        """Run the start calls, the bulk producer first."""
        client = bulk_client(self.settings.kafka_servers, self.settings.message_limit + 65_536)
        self._bulk = guarded(client, self.guard)
        await self._bulk.start()
        for call in self._starting:
            await call()

    async def stop(self) -> None:
        """Run the stop calls in the opposite order; a failure of one does not keep the others from it."""
        for call in reversed(self._stopping):
            try:
                await call()
            except Exception:
                logger.exception("stopping failed")
        if self._bulk is not None:
            await self._bulk.stop()

    async def release(self) -> None:
        """Stop taking, let what is in flight end (at most RELEASE_TIMEOUT), give up all partitions."""
        if not self.accepting and not self.ownership.settled:
            return
        self.releasing = True
        try:
            drains = (runner.drain(RELEASE_TIMEOUT) for runner in self.flows.values())
            await asyncio.gather(*drains, self.ownership.lost())
        finally:
            self.accepting = self.releasing = False

    async def take_over(self, assignment: set[tuple[str, int]]) -> None:
        """All tables are recovered: tell the owners, then let events through."""
        await self.ownership.gained(assignment)
        self.accepting = True

    def _new_table(self, name: str, partitions: int) -> DurableTable:
        return DurableTable(
            self.app,
            name,
            partitions,
            message_limit=self.settings.message_limit,
            producer=lambda: self.producer,
            generation=lambda: self.ownership.generation,
            owns=lambda partition: partition in self._table_partitions(name),
            guard=self.guard,
        )

    def _table_partitions(self, name: str) -> frozenset[int]:
        return self.ownership.owned(self._tables[name].changelog)

    def _worker_producer(self) -> AIOKafkaProducer:
        return cast(SafeProducer, self.app.producer)._ensure_producer()

    def _bulk_producer(self) -> AIOKafkaProducer:
        assert self._bulk is not None, "the worker has not started"
        return self._bulk
