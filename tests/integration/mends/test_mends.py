"""Each mend of Faust (reference: Faust, section 13): its fault is provoked on purpose; with the mend nothing is lost,
and without it the same test sees the loss.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from pipeline.delivery.exit import EXIT_UNEXPECTED
from stack.kafka import Kafka
from stack.process import wait_for

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[3]
EVENTS = 1000
SESSION = 6


class Provoked:
    """One subject: topic with events, and workers with or without the mend."""

    def __init__(self, kafka: Kafka, folder: Path, fault: str, mended: bool) -> None:
        self.prefix = f"m{uuid.uuid4().hex[:8]}."
        self.bootstrap = kafka.bootstrap
        self.folder = folder
        self.gate, self.seen = folder / "gate", folder / "seen"
        self.seen.touch()
        self.workers: list[subprocess.Popen[bytes]] = []
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_")},
            "PYTHONPATH": str(ROOT),
            "KAFKA_URL": kafka.bootstrap,
            "PIPELINE_APP_ID": self.prefix.rstrip("."),
            "PIPELINE_TOPIC_PREFIX": self.prefix,
            "PIPELINE_DATA_DIR": str(folder / "data"),
            "PIPELINE_SESSION_TIMEOUT": str(SESSION),
            "FAULT": fault,
            "MENDED": "1" if mended else "0",
            "GATE": str(self.gate),
            "SEEN": str(self.seen),
        }

    async def fill(self) -> None:
        """EVENTS events in the topic, before any worker starts."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5)
        topic = f"{self.prefix}mend.in"
        await admin.start()
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"max.message.bytes": "17825792"})])
        await admin.close()
        await producer.start()
        await asyncio.gather(*[await producer.send(topic, b"x", key=b"k%d" % (n % 50)) for n in range(EVENTS)])
        await producer.stop()

    def start(self) -> int:
        """One more worker; its number."""
        number = len(self.workers)
        command = [str(Path(sys.executable).parent / "faust"), "-A", "tests.integration.mends.provoked"]
        with (self.folder / f"worker-{number}.log").open("wb") as log:
            self.workers.append(
                subprocess.Popen(
                    [*command, "worker", "--without-web", "-l", "info"],
                    env=self.env,
                    cwd=self.folder,
                    stdout=log,
                    stderr=log,
                )
            )
        return number

    def log(self, number: int) -> str:
        """All that a worker has said."""
        return (self.folder / f"worker-{number}.log").read_text(errors="replace")

    def ready(self, number: int, times: int = 1) -> Callable[[], bool]:
        """Condition: the worker has come out of so many rebalances."""
        return lambda: self.log(number).count("Worker ready") >= times

    def offsets(self) -> set[int]:
        """Offsets that were handled."""
        return {int(line) for line in self.seen.read_text().split()}

    def stopped(self) -> bool:
        """Is the first worker stopped by a signal?"""
        return Path(f"/proc/{self.workers[0].pid}/stat").read_text().rpartition(") ")[2].startswith("T")

    async def rows(self) -> int:
        """How many rows the table's changelog has."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        changelog = TopicPartition(f"{self.prefix.rstrip('.')}-mend-changelog", 0)
        ends = await consumer.end_offsets([changelog])
        await consumer.stop()
        return int(ends[changelog])

    def close(self) -> None:
        """Kill what runs."""
        for worker in self.workers:
            worker.kill()
            worker.wait()


@pytest.fixture
def provoke(kafka: Kafka, tmp_path: Path) -> Iterator[Callable[[str, bool], Provoked]]:
    made: list[Provoked] = []

    def make(fault: str, mended: bool) -> Provoked:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Provoked(kafka, folder, fault, mended))
        return made[-1]

    yield make
    for provoked in made:
        provoked.close()


def settled(provoked: Provoked, quiet: float = 4.0) -> Callable[[], bool]:
    """Condition: all was handled, or nothing has been for `quiet` seconds after something was."""
    last = [(-1, time.monotonic())]

    def check() -> bool:
        count = len(provoked.offsets())
        if count != last[0][0]:
            last[0] = (count, time.monotonic())
        return count == EVENTS or (count > 0 and time.monotonic() - last[0][1] > quiet)

    return check


@pytest.mark.parametrize("mended", [True, False])
async def test_what_is_fetched_during_a_rebalance_is_not_lost(
    provoke: Callable[[str, bool], Provoked], mended: bool
) -> None:
    subject = provoke("order", mended)
    await subject.fill()
    first = subject.start()
    wait_for(subject.ready(first), 40, "the first worker is ready")
    subject.start()
    # its handlers wait at the gate, so that what was fetched is still queued when the agents' queues are cleared
    wait_for(subject.ready(first, 2), 60, "the first worker has rejoined")
    subject.gate.touch()
    wait_for(settled(subject), 60, "the events are handled")
    missing = set(range(EVENTS)) - subject.offsets()
    assert bool(missing) is not mended, f"{len(missing)} events were lost"


@pytest.mark.parametrize("mended", [True, False])
async def test_a_seek_before_the_first_commit_loses_nothing(
    provoke: Callable[[str, bool], Provoked], mended: bool
) -> None:
    subject = provoke("seek", mended)
    await subject.fill()
    subject.start()
    wait_for(settled(subject), 60, "the events are handled")
    missing = set(range(EVENTS)) - subject.offsets()
    assert bool(missing) is not mended, f"{len(missing)} events were lost"


@pytest.mark.parametrize("mended", [True, False])
async def test_what_was_given_up_before_the_take_over_is_not_taken_over(
    provoke: Callable[[str, bool], Provoked], mended: bool
) -> None:
    """Its next owner works on it already: two would call one portal."""
    subject = provoke("late", mended)
    await subject.fill()
    first = subject.start()
    wait_for(lambda: "seek is done" in subject.log(first), 40, "the first worker is about to take over")
    second = subject.start()
    wait_for(lambda: subject.log(first).count("Executing _on_partitions_assigned") == 2, 40, "the next assignment")
    between = subject.log(first).split("given up")[1].split("Executing _on_partitions_assigned")[0]
    assert ("owned" in between) is not mended, subject.log(first)
    wait_for(settled(subject), 60, "the events are handled")
    assert subject.offsets() == set(range(EVENTS))
    assert "owned [0]" in subject.log(first) + subject.log(second)


@pytest.mark.parametrize("mended", [True, False])
async def test_a_worker_that_was_frozen_ends_itself(provoke: Callable[[str, bool], Provoked], mended: bool) -> None:
    subject = provoke("freeze", mended)
    await subject.fill()
    subject.gate.touch()
    number = subject.start()
    wait_for(settled(subject), 60, "the events are handled")
    worker = subject.workers[number]
    worker.send_signal(signal.SIGSTOP)
    time.sleep(SESSION / 2 + 1)
    worker.send_signal(signal.SIGCONT)
    if mended:
        wait_for(lambda: worker.poll() is not None, 10, "the worker ends itself")
        assert worker.returncode == EXIT_UNEXPECTED
        assert "stood still" in subject.log(number)
    else:
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(timeout=3)


async def test_a_row_is_not_written_by_a_worker_that_was_frozen_before_its_bytes_left(
    provoke: Callable[[str, bool], Provoked],
) -> None:
    subjects = [provoke("write", True), provoke("write", False)]
    for subject in subjects:
        await subject.fill()
        subject.start()
    for subject in subjects:
        wait_for(subject.stopped, 60, "the worker has stopped itself")
    time.sleep(SESSION / 2 + 1)
    for subject in subjects:
        subject.workers[0].send_signal(signal.SIGCONT)
        assert await asyncio.to_thread(subject.workers[0].wait, 10) == EXIT_UNEXPECTED
        assert "stood still" in subject.log(0)
    mended, stock = subjects
    # without the mend it has been provoked, as the worker's last words are on their way yet
    async with asyncio.timeout(10):
        while not await stock.rows():
            await asyncio.sleep(0.1)
    assert await mended.rows() == 0
