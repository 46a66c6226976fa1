"""What every row stands on: Kafka, RabbitMQ, one simulated portal, one worker; and what the portal's journal tells."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaProducer

from pipeline.delivery.records import Record
from stack.kafka import Kafka
from stack.ports import free_port
from stack.rabbitmq import RabbitMQ
from stack.sandbox import Portal
from stack.worker import Worker

__all__ = ["Brokers", "Ground", "ground"]

CREDENTIAL = {"user": "1", "token": "bench"}


@dataclass
class Brokers:
    """Kafka and RabbitMQ, shared by all rows."""

    kafka: Kafka
    rabbitmq: RabbitMQ


@dataclass
class Ground:
    """One row's installation. `scale`: how many times faster the portal lives."""

    folder: Path
    brokers: Brokers
    portal: Portal
    worker: Worker
    env: dict[str, str]
    scale: float

    @property
    def queues(self) -> tuple[str, str]:
        """Request and answer queue."""
        return self.env["AMPQIN"], self.env["AMPQOUT"]

    def topic(self, name: str) -> str:
        """Name of a topic in Kafka."""
        return f"{self.env['PIPELINE_TOPIC_PREFIX']}{name}"

    async def send(self, records: Iterable[Record]) -> None:
        """Write records as a flow does; returns when Kafka has all."""
        producer = AIOKafkaProducer(bootstrap_servers=self.brokers.kafka.bootstrap, acks="all", linger_ms=5)
        await producer.start()
        try:
            futures = [
                await producer.send(
                    self.topic(record.topic),
                    record.value,
                    key=record.key,
                    headers=[(name, text.encode()) for name, text in record.headers.items()],
                )
                for record in records
            ]
            await asyncio.gather(*futures)
        finally:
            await producer.stop()

    def counters(self) -> dict[str, Any]:
        """What the portal counted."""
        found = self._get("counters?portal=default&detail=0")
        return found.get("portals", {}).get("default", found)

    def executions(self, since: int = 0) -> list[dict[str, Any]]:
        """The journal, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            page = self._get(f"executions?portal=default&since={since}&limit=100000")
            found += page["executions"]
            if not page["executions"] or page["next"] == since:
                return found
            since = page["next"]

    def handled(self, agent: str, count: int, timeout: float = 60) -> None:
        """Until an agent has handled so many events. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        name = f'pipeline_events_handled_total{{agent="{agent}"}} '
        while time.monotonic() < deadline:
            page = httpx.get(f"{self.worker.url}/metrics", trust_env=False).text
            if any(line.startswith(name) and float(line.removeprefix(name)) >= count for line in page.splitlines()):
                return
            time.sleep(0.2)
        raise TimeoutError(f"{agent} has not handled {count} events")

    def post(self, path: str, body: Any) -> Any:
        """Control of the simulator."""
        return httpx.post(f"{self.portal.url}/_sandbox/{path}", json=body, trust_env=False).raise_for_status().json()

    def _get(self, path: str) -> Any:
        return httpx.get(f"{self.portal.url}/_sandbox/{path}", timeout=60, trust_env=False).raise_for_status().json()

    async def executed(self, count: int, timeout: float, method: str = "") -> None:
        """Until the portal has executed so many calls (of a method). Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            done = (await asyncio.to_thread(self.counters))["executions"]
            if (done.get(method, 0) if method else sum(done.values()) - done.get("batch", 0)) >= count:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{done} of {count} executed after {timeout:g} s")
            await asyncio.sleep(0.2)


@contextmanager
def ground(
    folder: Path,
    brokers: Brokers,
    *,
    scale: float = 1.0,
    portal: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[Ground]:
    """A portal that is started, and a worker that is not. `settings`: those of the portal `default`."""
    run = uuid.uuid4().hex[:6]
    with ExitStack() as stack:
        arguments = ["--any-token", "--journal", "400000", "--scale", f"{scale:g}", *portal]
        simulator = Portal(folder / "portal", arguments=tuple(arguments))
        simulator.start()
        stack.callback(simulator.stop)
        own = {
            "address": simulator.rest,
            "scale": scale,
            "credentials": {"bench": {"user": CREDENTIAL["user"], "token": CREDENTIAL["token"]}},
            **(settings or {}),
        }
        given = {
            "KAFKA_URL": brokers.kafka.url,
            "AMPQURL": brokers.rabbitmq.url,
            "AMPQIN": f"in-{run}",
            "AMPQOUT": f"out-{run}",
            "PIPELINE_PORTALS": orjson.dumps({"default": own}).decode(),
            "PIPELINE_APP_ID": f"bench-{run}",
            "PIPELINE_TOPIC_PREFIX": f"bench-{run}.",
            **(env or {}),
        }
        worker = Worker(folder / "worker", given, web_port=free_port())
        stack.callback(worker.kill)
        yield Ground(folder, brokers, simulator, worker, given, scale)
