"""The bridge on real brokers without a worker: a runtime of a real producer, a table in memory, and AMQP by hand."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiormq
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import ConsumerRecord
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import AMQPError
from pamqp.commands import Basic

from pipeline.bridge.service import Bridge
from pipeline.delivery.errors import Transient
from pipeline.delivery.flow import Event
from pipeline.delivery.guard import FreezeGuard
from pipeline.delivery.ownership import Ownership
from pipeline.delivery.producer import KafkaProducer
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.seal import load_sealer
from pipeline.settings import Settings
from pipeline.topology import DEAD_LETTERS, LEASES, PARTITIONS, REQUESTS_INTERACTIVE, RESULTS, wire_name

TOKEN = "not-to-be-seen-anywhere"


async def until(condition: Callable[[], Any], what: str, timeout: float = 30.0) -> None:
    """Wait until it is true, looking often; fails the test with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        await asyncio.sleep(0.02)


class MemoryTable:
    """Shaped as pipeline/delivery/tables.py's DurableTable."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, bytes], bytes] = {}

    def get(self, partition: int, key: bytes) -> bytes | None:
        return self.rows.get((partition, key))

    async def put(self, partition: int, key: bytes, value: bytes | None) -> None:
        await asyncio.sleep(0)
        if value is None:
            self.rows.pop((partition, key), None)
        else:
            self.rows[partition, key] = value

    def scan(self, partition: int, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        for (owner, key), value in list(self.rows.items()):
            if owner == partition and key.startswith(prefix):
                yield key, value


class FakeRuntime:
    """What the bridge uses of pipeline/delivery/runtime.py, on a real Kafka."""

    def __init__(self, settings: Settings, client: AIOKafkaProducer, table: MemoryTable | None = None) -> None:
        self.settings = settings
        self.client = client
        self.producer = KafkaProducer(lambda: self.client, self.wire, FreezeGuard(3600))
        self.ownership = Ownership()
        self.parked = table or MemoryTable()

    def wire(self, topic: str) -> str:
        return wire_name(self.settings, topic)

    def table(self, name: str) -> Any:
        assert name == "parked"
        return self.parked

    async def take_over(self) -> None:
        """As after a rebalance that gave this worker everything."""
        await self.ownership.gained(
            (self.wire(topic), partition) for topic in (LEASES, RESULTS) for partition in range(PARTITIONS)
        )


class World:
    """One installation on given brokers: names of its own, a bridge, and the outside."""

    def __init__(self, settings: Settings, runtime: FakeRuntime, bridge: Bridge) -> None:
        self.settings = settings
        self.runtime = runtime
        self.bridge = bridge

    @property
    def url(self) -> str:
        return self.settings.amqp_url.get_secret_value()

    async def run(self) -> None:
        """Start the bridge and give it all partitions."""
        await self.bridge.start()
        await self.runtime.take_over()

    async def reading(self) -> None:
        await until(lambda: self.bridge.status().queues[0].consuming, "the queue is read")

    def event(self, body: bytes = b"{}", *, partition: int = 0, offset: int = 0, **headers: str) -> Event[bytes]:
        """A result as the flow gets it; header names with _ for -."""
        given = {"source": "amqp", "status": "200", "attempts": "1", "portal": "default"}
        given |= {name.replace("_", "-"): text for name, text in headers.items()}
        topic = self.runtime.wire(RESULTS)
        return Event(topic, partition, offset, b"default", given, body, body, time.time())

    async def answer(self, event: Event[bytes]) -> None:
        """Hand a result to the flow `amqp-answers`, as the runner does: Transient is tried again."""
        flow = next(flow for flow in self.bridge.flows if flow.name == "amqp-answers")
        while True:
            try:
                await flow.handler(event)  # type: ignore[misc]
                return
            except Transient:
                await asyncio.sleep(0.1)

    async def records(self, topic: str = REQUESTS_INTERACTIVE) -> list[ConsumerRecord[bytes, bytes]]:
        """Everything in a topic now, in the order of each partition."""
        return await read_topic(self.settings.kafka_servers, self.runtime.wire(topic))


@asynccontextmanager
async def world(
    kafka_url: str, amqp_url: str, folder: Path, *, table: MemoryTable | None = None, **settings: Any
) -> AsyncIterator[World]:
    """An installation with topics and a bridge that is not running yet."""
    unique = uuid.uuid4().hex[:8]
    given = {
        "kafka_url": kafka_url,
        "amqp_url": amqp_url,
        "b24rest": "http://127.0.0.1:1/rest/",
        "ampqin": f"in-{unique}",
        "ampqout": f"out-{unique}",
        "topic_prefix": f"{unique}.",
        "retry_min": 0.05,
        "retry_max": 0.5,
        "data_dir": folder,
    }
    made = Settings(**(given | settings))
    await _create_topics(made)
    client = await start_producer(made)
    runtime = FakeRuntime(made, client, table)
    sealer = load_sealer(made.seal_key_file)
    bridge = Bridge(runtime, Credentials(made.all_portals(), True, sealer))
    try:
        yield World(made, runtime, bridge)
    finally:
        await bridge.stop()
        await client.stop()


async def start_producer(settings: Settings) -> AIOKafkaProducer:
    """As the worker's own one."""
    client = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_servers,
        acks="all",
        enable_idempotence=True,
        max_request_size=settings.message_limit + 65_536,
        request_timeout_ms=120_000,
    )
    await client.start()
    return client


async def _create_topics(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_servers)
    await admin.start()
    limit = {"max.message.bytes": str(settings.message_limit)}
    try:
        # A second worker of the same installation finds them there: the answer says so, nothing is raised.
        await admin.create_topics(
            [
                NewTopic(wire_name(settings, name), partitions, 1, topic_configs=limit)
                for name, partitions in ((REQUESTS_INTERACTIVE, 3), (DEAD_LETTERS, 1))
            ]
        )
    finally:
        await admin.close()


async def read_topic(servers: list[str], topic: str) -> list[ConsumerRecord[bytes, bytes]]:
    """Everything in a topic from its beginning to its present end."""
    # Without a group it is given all partitions of its topics.
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = sorted(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        found: list[ConsumerRecord[bytes, bytes]] = []
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                found.append(await consumer.getone(partition))
        return found
    finally:
        await consumer.stop()


@asynccontextmanager
async def amqp(url: str) -> AsyncIterator[aiormq.channel.Channel]:
    """A channel with confirms, as an outside client has it."""
    connection = await aiormq.connect(url)
    try:
        channel = await connection.channel()
        yield channel  # type: ignore[misc]
    finally:
        await connection.close()


async def publish(url: str, queue: str, count: int, *, first: int = 0, body: bytes = b"{}") -> list[str]:
    """Persistent, confirmed requests; returns their message ids."""
    ids = [f"m{number}" for number in range(first, first + count)]
    async with amqp(url) as channel:
        await asyncio.gather(
            *(
                channel.basic_publish(
                    body,
                    routing_key=queue,
                    properties=Basic.Properties(
                        delivery_mode=2,
                        message_id=message_id,
                        headers={"method": "profile", "user": "1", "token": TOKEN},
                    ),
                    mandatory=True,
                )
                for message_id in ids
            )
        )
    return ids


async def declare(url: str, queue: str, arguments: Mapping[str, Any] | None = None, durable: bool = True) -> None:
    """A queue made by an outside hand."""
    async with amqp(url) as channel:
        await channel.queue_declare(queue, durable=durable, arguments=dict(arguments or {}))


async def delete(url: str, queue: str) -> None:
    """Remove a queue."""
    async with amqp(url) as channel:
        await channel.queue_delete(queue)


async def drain(url: str, queue: str) -> list[DeliveredMessage]:
    """Take everything that is in a queue now."""
    found = []
    async with amqp(url) as channel:
        while True:
            message = await channel.basic_get(queue, no_ack=True)
            if isinstance(message.delivery, Basic.GetEmpty):
                return found
            found.append(message)


async def ready_count(url: str, queue: str) -> int | None:
    """Messages ready in a queue (un-acked ones not among them); None = there is no such queue."""
    async with amqp(url) as channel:
        try:
            declared = await channel.queue_declare(queue, passive=True)
        except AMQPError:
            return None
        return declared.message_count
