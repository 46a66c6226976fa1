"""The Faust application with everything in place that makes it never lose a message."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import faust
from aiokafka.errors import KafkaError
from faust.types import TP
from faust.types.transports import TransportT

from pipeline.delivery.adoption import begin, refusal
from pipeline.delivery.declare import declare, wait_for_kafka
from pipeline.delivery.exit import die, refuse
from pipeline.delivery.home import keep_to_cluster
from pipeline.delivery.names import check_private_names
from pipeline.delivery.plans import changelog_name, topic_plans
from pipeline.delivery.quiet import quieten
from pipeline.delivery.recovery import install_recovery
from pipeline.delivery.retry import Backoff
from pipeline.delivery.runtime import Runtime
from pipeline.delivery.transport import SafeTransport
from pipeline.settings import Settings
from pipeline.topology import CRASHES, REQUESTS_BULK, REQUESTS_INTERACTIVE, TABLES, TOPICS, Table, Topic

__all__ = ["BusApp", "make_app"]

logger = logging.getLogger(__name__)


class BusApp(faust.App):
    """Faust's app with safe transport, start checks, and an orderly release of partitions."""

    runtime: Runtime
    #: generation whose partitions are being given up, or were; None once the next is assigned
    given_up: int | None = None
    _said_ready = False

    def holds(self, generation: int) -> bool:
        """True from the assignment of a generation to its revocation, which comes before the next is known."""
        return generation == self.consumer_generation_id and generation != self.given_up

    def _new_transport(self) -> TransportT:
        return SafeTransport(self.conf.broker_consumer, self)

    async def on_start(self) -> None:
        """Before anything joins the group: topics, adoption, crash ledger, then the rooms' own start calls."""
        await super().on_start()
        if self.client_only or self.producer_only:
            return
        self._check_port()
        await self._prepare()
        self.add_future(self.runtime.guard.tick())
        await self.runtime.start()

    def _check_port(self) -> None:
        """A second worker on the same machine is the likeliest mistake of all: one line, no traceback."""
        if not self.conf.web_enabled:
            return
        bind, port = self.conf.web_bind, self.conf.web_port
        try:
            with socket.create_server((bind, port), family=socket.AF_INET6 if ":" in bind else socket.AF_INET):
                pass
        except OSError as error:
            refuse(f"the pages cannot listen on {bind}:{port} ({error.strerror}); give this worker another --web-port")

    async def _prepare(self) -> None:
        backoff, attempt = Backoff(0.5, 10.0), 1
        while True:
            try:
                await self._check_kafka()
                return
            except KafkaError as error:
                # a broker that has just started knows no coordinator, one that restarts no leader: it passes
                logger.warning("Kafka is not ready (attempt %d): %r", attempt, error)
                await asyncio.sleep(backoff.pause(attempt))
                attempt += 1

    async def _check_kafka(self) -> None:
        settings = self.runtime.settings
        servers = settings.kafka_servers
        admin = await wait_for_kafka(servers)
        try:
            cluster = (await admin.describe_cluster()).get("cluster_id")
            if cluster:
                keep_to_cluster(Path(self.conf.datadir), Path(self.conf.tabledir), str(cluster))
            refusals = await declare(admin, topic_plans(settings, self.runtime.topics, self.runtime.tables))
            if refusals:
                refuse("\n".join(refusals))
            lanes = [
                self.runtime.wire(topic.name)
                for topic in self.runtime.topics
                if topic.name in (REQUESTS_INTERACTIVE, REQUESTS_BULK)
            ]
            changelogs = [changelog_name(settings, table.name) for table in self.runtime.tables]
            reason = await refusal(admin, servers, str(self.conf.id), lanes, changelogs) if lanes else None
            if reason is not None:
                refuse(reason)
            await begin(admin, servers, str(self.conf.id), self.runtime.sources())
        finally:
            await admin.close()
        await self.runtime.ledger.load(servers, self.runtime.wire(CRASHES))

    async def release(self) -> None:
        """Partitions go: stop the flow, let what is in flight end, commit what is done."""
        self.given_up = self.consumer_generation_id
        self.consumer.stop_flow()
        self.flow_control.suspend()
        self.flow_control.clear()
        await self.runtime.release()
        try:
            async with asyncio.timeout(10):
                await self.consumer.commit()
        except Exception as error:
            # what is not committed is delivered again
            logger.warning("commit before the rebalance failed: %r", error)

    async def take_over(self, assignment: set[TP]) -> None:
        """Tables are recovered; called by the mended recovery before events flow."""
        try:
            # the assignment holds the changelogs that we only stand by for, too: those are not ours to write
            active = assignment - set(self.assignor.assigned_standbys())
            await self.runtime.take_over({(tp.topic, tp.partition) for tp in active})
        except Exception as error:
            die("taking over partitions failed", error)
        self._say_ready()

    def _say_ready(self) -> None:
        """One line at any log level, once: whoever started the worker looks for it."""
        if not self._said_ready and sys.__stdout__ is not None:
            pages = f"; pages at http://{self.conf.web_bind}:{self.conf.web_port}/" if self.conf.web_enabled else ""
            print(f"pipeline: ready, group {self.conf.id}{pages}", file=sys.__stdout__, flush=True)
        self._said_ready = True

    async def _stop_consumer(self) -> None:
        if self._consumer is not None:
            await self.release()
        await super()._stop_consumer()
        await self.runtime.stop()


def make_app(settings: Settings, topics: Sequence[Topic] = TOPICS, tables: Sequence[Table] = TABLES) -> BusApp:
    """The application for these settings (reference: Faust, section 11).

    Raises:
        RuntimeError: the installed Faust is not the one that our mends were made for.
    """
    check_private_names()
    install_recovery()
    quieten()
    app = BusApp(
        settings.app_id,
        version=1,
        broker=[f"kafka://{server}" for server in settings.kafka_servers],
        processing_guarantee="at_least_once",
        key_serializer="raw",
        value_serializer="raw",
        topic_partitions=12,
        topic_replication_factor=settings.topic_replication,
        topic_allow_declare=True,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=4 * 1024 * 1024,
        broker_max_poll_records=500,
        stream_buffer_maxsize=4096,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        broker_commit_interval=settings.commit_interval,
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=min(3.0, settings.session_timeout / 4),
        broker_request_timeout=max(60.0, settings.session_timeout),
        broker_rebalance_timeout=settings.rebalance_timeout,
        producer_acks=-1,
        producer_linger=settings.linger,
        producer_max_batch_size=131_072,
        producer_max_request_size=settings.message_limit + 65_536,
        producer_request_timeout=120.0,
        store="rocksdb://",
        table_standby_replicas=settings.standby_replicas,
        web_bind=settings.web_bind,
        web_port=settings.web_port,
        web_tables_enabled=False,
        web_router_enabled=False,
        topic_disable_leader=True,
        cython_optimizations=True,
        debug=False,
    )
    app.runtime = Runtime(settings, app, topics, tables)
    return app
