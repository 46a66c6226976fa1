"""The stage of the table test: workers that count, a topic full of events, and what the table says."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections import Counter
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition
from rocksdict import AccessType, Options, Rdict

from pipeline.delivery.declare import declare
from pipeline.delivery.plans import changelog_name, topic_plans
from pipeline.delivery.reading import read_compacted
from pipeline.delivery.store import unpack
from pipeline.settings import Settings
from pipeline.topology import CRASHES, DEAD_LETTERS, topic
from stack.kafka import Kafka
from stack.worker import Worker
from tests.chaos.apps.topics import COUNT_IN, COUNTS
from tests.chaos.keeper import Keeper
from tests.support.bridge import read_topic

__all__ = ["Counting", "CountingWorker"]

_REPOSITORY = Path(__file__).resolve().parents[2]


class CountingWorker(Worker):
    """`faust -A tests.chaos.apps.counting worker`; it has no pages, so it is ready when it says so in its log."""

    _began = 0

    def start(self, timeout: float = 60, *, wait: bool = True) -> None:
        """Start it; with `wait`, until it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        faust = Path(sys.executable).parent / "faust"
        command = [str(faust), "-A", "tests.chaos.apps.counting", "worker", "--without-web", "-l", "info"]
        env = {name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_")}
        self._began = self.log.stat().st_size if self.log.exists() else 0
        self.process.start(
            command,
            env={**env, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(_REPOSITORY), **self.env},
            cwd=self.folder,
        )
        if wait:
            self.wait_ready(timeout)

    def ready(self) -> bool:
        """Has it taken partitions over since its start?"""
        with self.log.open("rb") as log:
            log.seek(self._began)
            return b"Worker ready" in log.read()


class Counting:
    """One installation: `keys` keys, workers of one group, and events of which each counts one."""

    def __init__(self, folder: Path, kafka: Kafka, *, keys: int, session: float) -> None:
        run = uuid.uuid4().hex[:6]
        self.folder = folder
        self.keys = [f"key-{number}".encode() for number in range(keys)]
        self.env = {
            "KAFKA_URL": kafka.url,
            "PIPELINE_APP_ID": f"table-{run}",
            "PIPELINE_TOPIC_PREFIX": f"table-{run}.",
            "PIPELINE_SESSION_TIMEOUT": f"{session:g}",
        }
        self.settings = Settings(
            kafka_url=kafka.url, app_id=self.env["PIPELINE_APP_ID"], topic_prefix=self.env["PIPELINE_TOPIC_PREFIX"]
        )
        self.topic = f"{self.settings.topic_prefix}{COUNT_IN.name}"
        self.sent: Counter[bytes] = Counter()
        self.keepers: list[Keeper] = []

    @property
    def servers(self) -> list[str]:
        """`["host:port"]`."""
        return self.settings.kafka_servers

    async def create(self) -> None:
        """Make the topics, as the workers would."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        try:
            plans = topic_plans(self.settings, [COUNT_IN, topic(DEAD_LETTERS), topic(CRASHES)], [COUNTS])
            refusals = await declare(admin, plans)
            assert not refusals, refusals
        finally:
            await admin.close()

    def worker(self) -> Keeper:
        """One more worker, not started."""
        number = len(self.keepers)
        name = f"worker-{number}"
        keeper = Keeper(CountingWorker(self.folder / name, self.env, name=name))
        self.keepers.append(keeper)
        return keeper

    async def produce(self, keys: list[bytes], rate: float) -> None:
        """Send an event for each of `keys`, `rate` a second; what is counted as sent Kafka has acknowledged."""
        producer = AIOKafkaProducer(bootstrap_servers=self.servers, acks="all", enable_idempotence=True)
        await producer.start()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            for first in range(0, len(keys), 100):
                part = keys[first : first + 100]
                futures = [await producer.send(self.topic, b"{}", key=key) for key in part]
                await asyncio.gather(*futures)
                self.sent.update(part)
                await asyncio.sleep(max(0.0, began + (first + len(part)) / rate - loop.time()))
        finally:
            await producer.stop()

    async def lag(self) -> int:
        """Events that the group has not committed."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.servers, group_id=None)
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await consumer.start()
        await admin.start()
        try:
            partitions = [TopicPartition(self.topic, number) for number in range(COUNT_IN.partitions)]
            ends = await consumer.end_offsets(partitions)
            offsets = await admin.list_consumer_group_offsets(self.settings.app_id)
            committed = {tp: max(0, held.offset) for tp, held in offsets.items()}
            return sum(end - committed.get(tp, 0) for tp, end in ends.items())
        finally:
            await admin.close()
            await consumer.stop()

    async def counted(self) -> dict[bytes, int]:
        """What the changelog says of each key."""
        rows = await read_compacted(self.servers, changelog_name(self.settings, COUNTS.name))
        return {key: orjson.loads(unpack(stored)[1])["n"] for key, stored in rows.items()}

    async def revisions_back(self) -> int:
        """Records of the changelog whose revision is not above the one before: writes of a worker that was too late."""
        newest: dict[bytes, int] = {}
        back = 0
        for record in await read_topic(self.servers, changelog_name(self.settings, COUNTS.name)):
            revision = unpack(record.value or bytes(8))[0]
            back += revision <= newest.get(record.key or b"", 0)
            newest[record.key or b""] = revision
        return back

    async def restored(self) -> dict[bytes, int]:
        """What a worker with no data of its own makes of the changelog. No other worker may run."""
        keeper = self.worker()
        await keeper.start()
        await keeper.stop()
        return await asyncio.to_thread(_stored, keeper.worker.folder)

    async def close(self) -> None:
        """Kill all workers."""
        for keeper in self.keepers:
            await keeper.close()


def _stored(folder: Path) -> dict[bytes, int]:
    counts = {}
    for path in folder.glob(f"data/*/worker-*/**/{COUNTS.name}-*.db"):
        database = Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_only())
        for key, stored in database.items():
            if key.startswith(b"key-"):
                counts[key] = orjson.loads(unpack(stored)[1])["n"]
        database.close()
    return counts
