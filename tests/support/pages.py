"""A small Faust app with the pages on it, and stand-ins for the rooms that they show."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from pipeline.bridge.status import BridgeStatus
from pipeline.delivery.ownership import Ownership
from pipeline.delivery.records import Record, wire_headers
from pipeline.portal.view import PortalState
from pipeline.settings import Settings
from pipeline.topology import wire_name


def portal(name: str = "first", **given: Any) -> PortalState:
    """A portal that is well, but for what is given."""
    values: dict[str, Any] = {
        "waiting": 0,
        "oldest_age": None,
        "sent": 0,
        "done_per_minute": 0.0,
        "reason": "",
        "state": "ok",
        "since": None,
        "until": None,
    }
    return PortalState(name, **(values | given))


@dataclass
class FakeGateway:
    """The portals that a test says this worker owns."""

    states: list[PortalState] = field(default_factory=list)

    def portals(self) -> Sequence[PortalState]:
        return tuple(self.states)


@dataclass
class FakeBridge:
    """The state of RabbitMQ that a test says."""

    state: BridgeStatus = field(default_factory=lambda: BridgeStatus(None))

    def status(self) -> BridgeStatus:
        return self.state


class FakeProducer:
    """Keeps what is sent; with an address it sends it to a real Kafka."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings
        self.sent: list[Record] = []
        self.error: Exception | None = None

    async def post(self, record: Record) -> asyncio.Future[RecordMetadata]:
        raise NotImplementedError

    async def send(self, records: Iterable[Record]) -> Sequence[RecordMetadata]:
        if self.error is not None:
            raise self.error
        records = list(records)
        self.sent += records
        return [] if self.settings is None else await self._really(self.settings, records)

    async def _really(self, settings: Settings, records: list[Record]) -> Sequence[RecordMetadata]:
        async with AIOKafkaProducer(bootstrap_servers=settings.kafka_servers) as producer:
            return [
                await producer.send_and_wait(
                    wire_name(settings, record.topic),
                    record.value,
                    key=record.key,
                    headers=wire_headers(record.headers),
                )
                for record in records
            ]


class FakeRuntime:
    """What pipeline/delivery/runtime.py gives to the pages, over a Faust app without agents."""

    def __init__(self, settings: Settings, folder: Path, producer: FakeProducer | None = None) -> None:
        self.settings = settings
        self.app: Any = faust.App(
            settings.app_id,
            broker=[f"kafka://{server}" for server in settings.kafka_servers],
            datadir=str(folder),
            web_bind=settings.web_bind,
            web_port=settings.web_port,
            web_tables_enabled=False,
            web_router_enabled=False,
        )
        self.producer = producer or FakeProducer()
        self.ownership = Ownership()
        self.flows: dict[str, Any] = {}
        self.starting: list[Callable[[], Awaitable[None]]] = []

    def wire(self, topic: str) -> str:
        return wire_name(self.settings, topic)

    def on_start(self, call: Callable[[], Awaitable[None]]) -> None:
        self.starting.append(call)


async def until(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait for a condition. Raises AssertionError when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"not true after {seconds} s: {true}"
        await asyncio.sleep(0.02)
    return found
