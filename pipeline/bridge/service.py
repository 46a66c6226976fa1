"""The bridge of a worker: two connections, readers under their leases, the answers' flow and the parking."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pipeline.bridge.address import Addresses
from pipeline.bridge.connection import Connection
from pipeline.bridge.edges import EdgeContext, edge_of
from pipeline.bridge.inbound import QueueReader
from pipeline.bridge.leases import Leases, lease_flow
from pipeline.bridge.outbound import Answers
from pipeline.bridge.parking import Parking
from pipeline.bridge.publisher import Publisher
from pipeline.bridge.standing import Standing
from pipeline.bridge.status import BridgeStatus
from pipeline.bridge.tasks import spawn
from pipeline.delivery.flow import Flow
from pipeline.delivery.ownership import Ownership
from pipeline.delivery.producer import ConfirmedProducer
from pipeline.delivery.tables import DurableTable
from pipeline.portal.access.credentials import Credentials
from pipeline.settings import Settings
from pipeline.topology import LEASES, RESULTS, amqp_in, amqp_out, topic

__all__ = ["Bridge"]

PARKED = "parked"


class RuntimeLike(Protocol):
    """The part of the runtime (pipeline/delivery/runtime.py) that the bridge uses."""

    settings: Settings
    producer: ConfirmedProducer
    ownership: Ownership

    def wire(self, topic: str) -> str:
        """Name of a topic in Kafka, prefix included."""
        ...

    def table(self, name: str) -> DurableTable:
        """A declared table."""
        ...


class Bridge:
    """`flows` are attached to the app; `start` before Kafka assigns partitions, `stop` after they are given up."""

    def __init__(self, runtime: RuntimeLike, credentials: Credentials) -> None:
        settings = runtime.settings
        context = EdgeContext(settings, credentials)
        (target,) = amqp_out(settings)
        self.inward = Connection(settings.amqp_url, "in")
        self.outward = Connection(settings.amqp_url, "out")
        inbounds = amqp_in(settings)
        self.readers = tuple(
            QueueReader(inbound, edge_of(inbound, context), self.inward, runtime.producer, runtime.wire, settings)
            for inbound in inbounds
            if inbound.mode == "steady"
        )
        self._standing = Standing([inbound for inbound in inbounds if inbound.mode != "steady"], self.inward)
        self._publisher = Publisher(self.outward, target.name)
        self._parking = Parking(runtime.table(PARKED), self._publisher, runtime.producer, settings, target.name)
        self._addresses = Addresses(self.outward, target)
        self._answers = Answers(self._addresses, self._publisher, self._parking)
        self._settling: asyncio.Task[None] | None = None
        self._leases = Leases(self.readers, topic(LEASES).partitions)
        runtime.ownership.register(runtime.wire(LEASES), self._leases)
        runtime.ownership.register(runtime.wire(RESULTS), self._parking)

    @property
    def flows(self) -> tuple[Flow, ...]:
        """What the application attaches to the app."""
        return lease_flow(), self._answers.flow()

    async def start(self) -> None:
        """Begin to connect; returns at once, RabbitMQ need not be there."""
        self.inward.start()
        self.outward.start()
        self._standing.start()
        self._settling = spawn(self._addresses.settle(), "what AMPQOUT is")

    async def stop(self) -> None:
        """Give everything up, as at a rebalance, and disconnect."""
        if self._settling is not None:
            self._settling.cancel()
        await self._standing.stop()
        await self._leases.on_lost()
        await self._parking.on_lost()
        await self._publisher.close()
        await self.inward.stop()
        await self.outward.stop()

    def status(self) -> BridgeStatus:
        """The state now, for pages, health and metrics."""
        links = (self.inward.status(), self.outward.status())
        down = [link for link in links if link.down_since is not None]
        return BridgeStatus(
            down_since=min((link.down_since or 0.0 for link in down), default=None),
            error="; ".join(f"{link.direction}: {link.error}" for link in down),
            queues=(*(reader.status() for reader in self.readers), *self._standing.status()),
            destinations=self._parking.status(),
            published=self._publisher.published,
            returned=self._publisher.returned,
        )
