"""Workers as subprocesses of their own installation (prefix, app id, data), and its topics, for tests of delivery."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord, TopicPartition

from stack.worker import bus_environment

ROOT = Path(__file__).parents[2]
NOWHERE = "127.0.0.1:1"
SESSION = 4


class Installation:
    """One app id and topic prefix on a broker; `app` is the module of the application."""

    def __init__(self, bootstrap: str, folder: Path, app: str = "tests.support.delivery_app") -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.app = app
        self.id = f"d{uuid.uuid4().hex[:8]}"
        self.gate = folder / "gate"
        self._workers: list[subprocess.Popen[bytes]] = []
        foreign = bus_environment(os.environ)
        self.env = {
            **{name: value for name, value in os.environ.items() if name not in foreign},
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "KAFKA_URL": bootstrap,
            "AMPQURL": f"amqp://guest:guest@{NOWHERE}/",
            "B24REST": f"http://{NOWHERE}/rest/",
            "PIPELINE_APP_ID": self.id,
            "PIPELINE_TOPIC_PREFIX": f"{self.id}.",
            "PIPELINE_DATA_DIR": str(folder / "data"),
            "PIPELINE_SESSION_TIMEOUT": str(SESSION),
            "GATE": str(self.gate),
        }

    def wire(self, topic: str) -> str:
        """Name of a topic in Kafka."""
        return f"{self.id}.{topic}"

    # -- processes

    def _command(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).parent / "faust"), "-A", self.app, *arguments]

    def run(self, *arguments: str, timeout: float = 30, **env: str) -> subprocess.CompletedProcess[str]:
        """A command, or a worker that should end by itself."""
        return subprocess.run(
            self._command(*arguments),
            env=self.env | env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def refused(self, **env: str) -> list[str]:
        """The lines that a worker ends with, which must not start like this."""
        result = self.run("worker", "--without-web", "-l", "info", **env)
        assert result.returncode == 78, (result.returncode, result.stdout, result.stderr)
        lines = [line for line in result.stderr.splitlines() if line.startswith("pipeline: ")]
        assert "Traceback" not in result.stderr
        return [line.removeprefix("pipeline: refuses to start: ") for line in lines]

    def start(self, **env: str) -> subprocess.Popen[bytes]:
        """A worker; it is killed at the end of the test."""
        with self.log.open("ab") as log:
            worker = subprocess.Popen(
                self._command("worker", "--without-web", "-l", "info"),
                env=self.env | env,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._workers.append(worker)
        return worker

    @property
    def log(self) -> Path:
        """What all its workers say."""
        return self.folder / f"{self.id}.log"

    def said(self, text: str) -> int:
        """How often its workers have said so."""
        return self.log.read_text(errors="replace").count(text) if self.log.exists() else 0

    def close(self) -> None:
        """Kill what runs."""
        for worker in self._workers:
            worker.kill()
            worker.wait()

    # -- topics

    async def put(self, topic: str, values: Sequence[bytes], key: bytes = b"k", partition: int = 0) -> None:
        """Records in a declared topic."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=2, max_request_size=20_000_000)
        await producer.start()
        try:
            name = self.wire(topic)
            await asyncio.gather(*[await producer.send(name, v, key=key, partition=partition) for v in values])
        finally:
            await producer.stop()

    async def records(self, topic: str, count: int, timeout: float = 20) -> list[ConsumerRecord]:
        """The first `count` records of a topic, and all that are there by then. AssertionError: not in time."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
        )
        await consumer.start()
        found: list[ConsumerRecord] = []
        try:
            name = self.wire(topic)
            consumer.assign([TopicPartition(name, p) for p in await consumer._client._wait_on_metadata(name)])
            async with asyncio.timeout(timeout):
                while len(found) < count:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += records
        except TimeoutError:
            raise AssertionError(f"{topic}: {len(found)} records, expected {count}") from None
        finally:
            await consumer.stop()
        return found

    async def committed(self, topic: str) -> dict[int, int]:
        """Committed offsets of its group, by partition."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.id)
        finally:
            await admin.close()
        return {tp.partition: at.offset for tp, at in offsets.items() if tp.topic == self.wire(topic)}


async def eventually(check: Callable[[], Awaitable[bool]], timeout: float, what: str) -> None:
    """Wait until an async check holds."""
    try:
        async with asyncio.timeout(timeout):
            while not await check():
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {timeout:g} s") from None
