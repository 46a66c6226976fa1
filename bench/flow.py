"""Kafka -> transform -> Kafka: our flow beside a plain tuned Faust agent and a bare aiokafka loop, in one run.

Ours confirms every output and acks last; the plain agent confirms nothing. Goal: ours is faster than the plain agent.
Measured from outside, the same way for all: first to last record in the output topic, and CPU of the process.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from bench.measure import cpu_seconds, save, show
from bench.payload import message
from stack.kafka import Kafka

PARTITIONS = 4
ROOT = Path(__file__).parents[1]
FAUST = str(Path(sys.executable).parent / "faust")
WAYS = {
    "bare aiokafka loop, confirmed": [sys.executable, "-m", "bench.apps.bare_aiokafka"],
    "plain Faust agent, tuned, unconfirmed": [
        FAUST, "-A", "bench.apps.plain_faust", "worker", "--without-web", "-l", "info",
    ],
    "our flow, confirmed": [FAUST, "-A", "bench.apps.ours", "worker", "--without-web", "-l", "info"],
}  # fmt: skip


async def run(bootstrap: str, count: int, rounds: int) -> dict[str, dict[str, float]]:
    """Best round of each way: messages/s and CPU microseconds a message."""
    best: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for name, command in WAYS.items():
            with tempfile.TemporaryDirectory() as folder:
                figures = await _measure(bootstrap, command, count, folder)
            if name not in best or figures["rate"] > best[name]["rate"]:
                best[name] = figures
    return best


async def _measure(bootstrap: str, command: list[str], count: int, folder: str) -> dict[str, float]:
    prefix = f"b{uuid.uuid4().hex[:8]}."
    await _fill(bootstrap, prefix, count)
    env = {
        **os.environ,
        "KAFKA_URL": bootstrap,
        "PYTHONPATH": str(ROOT),
        "PIPELINE_APP_ID": prefix.rstrip("."),
        "PIPELINE_TOPIC_PREFIX": prefix,
        "PIPELINE_DATA_DIR": folder,
    }
    partitions = [TopicPartition(f"{prefix}bench.out", number) for number in range(PARTITIONS)]
    watcher = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await watcher.start()
    with (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)
    try:
        started: tuple[float, float, int] | None = None
        while True:
            done = sum((await watcher.end_offsets(partitions)).values())
            if done and started is None:
                started = (time.perf_counter(), cpu_seconds(process.pid), done)
            if done >= count:
                break
            if process.poll() is not None:
                raise RuntimeError((Path(folder) / "log").read_text()[-3000:])
            await asyncio.sleep(0.02)
        assert started is not None
        seconds, cpu = time.perf_counter() - started[0], cpu_seconds(process.pid) - started[1]
        return {"rate": (count - started[2]) / seconds, "cpu_us": cpu / (count - started[2]) * 1e6}
    finally:
        process.kill()
        process.wait()
        await watcher.stop()


async def _fill(bootstrap: str, prefix: str, count: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    config = {"max.message.bytes": "17825792"}
    names = (f"{prefix}bench.in", f"{prefix}bench.out")
    await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=config) for name in names])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=131_072)
    await producer.start()
    futures = [await producer.send(names[0], message(n), key=b"key-%d" % (n % 1000)) for n in range(count)]
    await asyncio.gather(*futures)
    await producer.stop()


def main() -> None:
    """Run with an own Kafka, or the one of `--kafka`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kafka", help="host:port of a broker to use instead of an own one")
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kafka = None
        if options.kafka is None:
            kafka = Kafka(Path(folder))
            kafka.start()
        try:
            best = asyncio.run(run(options.kafka or kafka.bootstrap, options.count, options.rounds))
        finally:
            if kafka is not None:
                kafka.stop()
    plain = best["plain Faust agent, tuned, unconfirmed"]["rate"]
    rows: list[tuple[object, ...]] = [
        (name, round(figures["rate"]), round(figures["cpu_us"]), figures["rate"] / plain)
        for name, figures in best.items()
    ]
    columns = ("way", "messages/s", "CPU us/message", "x plain Faust")
    show(f"Kafka -> transform -> Kafka, {options.count:,} messages, best of {options.rounds}", columns, rows)
    print(f"goal: our flow > 1.0 x the plain tuned agent; raw figures: {save('flow', {'ways': best})}")


if __name__ == "__main__":
    main()
