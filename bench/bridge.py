"""RabbitMQ -> Kafka: our bridge beside bare loops of the same libraries, one machine, one run.

    python -m bench.bridge [--messages 20000] [--rounds 6]

Each way reads a filled durable queue (persistent messages, 642 bytes of JSON, keyed by message id) and writes to
a topic of four partitions with acks=all and an idempotent producer; a message is acked after Kafka's acknowledgement.
Rounds are interleaved, the median counts; CPU is the process's own, brokers not among it. With KAFKA_URL and AMPQURL
set those brokers are used, else own ones are started. Raw figures: bench/results/bridge.json.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aio_pika
import aiormq
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pamqp.commands import Basic
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from pipeline.bridge.connection import Connection
from pipeline.bridge.edges import Edge, EdgeContext, edge_of
from pipeline.bridge.inbound import QueueReader
from pipeline.delivery.guard import FreezeGuard
from pipeline.delivery.producer import KafkaProducer
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.seal import load_sealer
from pipeline.settings import CredentialSettings, PortalSettings, Settings
from pipeline.topology import InboundQueue
from stack.kafka import Kafka
from stack.rabbitmq import RabbitMQ

RESULTS = Path(__file__).parent / "results" / "bridge.json"
PREFETCH = 2000
TOKEN = "bench-token"


@dataclass(frozen=True)
class Place:
    """One measurement's brokers, queue and topic."""

    kafka: list[str]
    amqp: str
    queue: str
    topic: str
    messages: int
    folder: Path


@dataclass(frozen=True)
class Figure:
    """One way in one round."""

    way: str
    round: int
    messages: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu(self) -> float:
        """Microseconds of CPU a message."""
        return self.cpu_seconds / self.messages * 1e6


def body() -> bytes:
    """642 bytes of JSON."""
    order = {"id": 4711, "TITLE": "Заказ №4711", "items": [{"sku": f"sku-{n}", "qty": n} for n in range(16)]}
    text = json.dumps(order, ensure_ascii=False)
    order["pad"] = "x" * (642 - len(text.encode()) - len(', "pad": ""'))
    return json.dumps(order, ensure_ascii=False).encode()


# -- the ways


async def bare_runs(place: Place, producer: AIOKafkaProducer) -> None:
    """aiormq, runs of what has arrived, all acknowledged by Kafka before the run's one multiple-ack."""
    connection = await aiormq.connect(place.amqp)
    channel = await connection.channel(publisher_confirms=False)
    await channel.basic_qos(prefetch_count=PREFETCH)
    inbox: list[Any] = []
    arrived = asyncio.Event()

    async def on_message(message: Any) -> None:
        inbox.append(message)
        arrived.set()

    await channel.basic_consume(place.queue, on_message)
    done = 0
    while done < place.messages:
        await arrived.wait()
        arrived.clear()
        run, inbox[:] = inbox[:], []
        futures = [await producer.send(place.topic, m.body, key=m.header.properties.message_id.encode()) for m in run]
        await asyncio.gather(*futures)
        await channel.basic_ack(run[-1].delivery_tag, multiple=True)
        done += len(run)
    await connection.close()


async def bare_pipelined(place: Place, producer: AIOKafkaProducer) -> None:
    """aiormq, posted as they come, one acker for the confirmed prefix."""
    connection = await aiormq.connect(place.amqp)
    channel = await connection.channel(publisher_confirms=False)
    await channel.basic_qos(prefetch_count=PREFETCH)
    inbox: deque[Any] = deque()
    window: deque[tuple[int, asyncio.Future[Any]]] = deque()
    arrived, posted = asyncio.Event(), asyncio.Event()

    async def on_message(message: Any) -> None:
        inbox.append(message)
        arrived.set()

    async def pump() -> None:
        while True:
            await arrived.wait()
            arrived.clear()
            while inbox:
                m = inbox.popleft()
                future = await producer.send(place.topic, m.body, key=m.header.properties.message_id.encode())
                window.append((m.delivery_tag, future))
                posted.set()

    await channel.basic_consume(place.queue, on_message)
    pumping = asyncio.create_task(pump())
    done = 0
    while done < place.messages:
        while not window:
            posted.clear()
            await posted.wait()
        await window[0][1]
        tag = 0
        while window and window[0][1].done():
            tag, future = window.popleft()
            future.result()
            done += 1
        await channel.basic_ack(tag, multiple=True, wait=False)
    pumping.cancel()
    # Closing the connection at once would throw away acks that aiormq has not written yet.
    await channel.close()
    await connection.close()


async def aio_pika_pipelined(place: Place, producer: AIOKafkaProducer) -> None:
    """aio-pika as its users write it when they care for speed: a task a message, acked singly."""
    connection = await aio_pika.connect_robust(place.amqp)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=PREFETCH)
    queue = await channel.get_queue(place.queue)
    done = asyncio.Event()
    count = 0

    async def on_message(message: Any) -> None:
        nonlocal count
        await producer.send_and_wait(place.topic, message.body, key=message.message_id.encode())
        await message.ack()
        count += 1
        if count == place.messages:
            done.set()

    await queue.consume(on_message)
    await done.wait()
    await connection.close()


async def aio_pika_plain(place: Place, producer: AIOKafkaProducer) -> None:
    """aio-pika as its documentation shows it: an iterator, one message after another."""
    connection = await aio_pika.connect_robust(place.amqp)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=PREFETCH)
    queue = await channel.get_queue(place.queue)
    count = 0
    async with queue.iterator() as messages:
        async for message in messages:
            async with message.process():
                await producer.send_and_wait(place.topic, message.body, key=message.message_id.encode())
            count += 1
            if count == place.messages:
                break
    await connection.close()


def ours(edge_name: str) -> Callable[[Place, AIOKafkaProducer], Awaitable[None]]:
    """The bridge's own reader, declarations, status and metrics included."""

    async def run(place: Place, producer: AIOKafkaProducer) -> None:
        settings = Settings(kafka_url=place.kafka[0], amqp_url=SecretStr(place.amqp), prefetch=PREFETCH)
        inbound = InboundQueue(queue=place.queue, topic=place.topic, edge=edge_name)
        confirmed = KafkaProducer(lambda: producer, lambda topic: place.topic, FreezeGuard(60))
        connection = Connection(settings.amqp_url, "in")
        edge = _edge(inbound, settings, place.folder)
        reader = QueueReader(inbound, edge, connection, confirmed, lambda topic: place.topic, settings)
        connection.start()
        reader.start()
        while reader.status().acked < place.messages:
            await asyncio.sleep(0.01)
        await reader.stop(5)
        await connection.stop()

    return run


def _edge(inbound: InboundQueue, settings: Settings, folder: Path) -> Edge:
    known = CredentialSettings(user="1", token=SecretStr(TOKEN))
    portals = {"default": PortalSettings(address="http://127.0.0.1:1/rest/", credentials={"main": known})}
    sealer = load_sealer(folder / "seal.key")
    return edge_of(inbound, EdgeContext(settings, Credentials(portals, True, sealer)))


#: name, way, share of the messages (the slowest would take minutes)
WAYS: tuple[tuple[str, Callable[[Place, AIOKafkaProducer], Awaitable[None]], float], ...] = (
    ("our bridge", ours("plain"), 1.0),
    ("our bridge, requests to portals (edge bitrix24)", ours("bitrix24"), 1.0),
    ("bare aiormq + aiokafka, runs", bare_runs, 1.0),
    ("bare aiormq + aiokafka, pipelined", bare_pipelined, 1.0),
    ("aio-pika + aiokafka, a task a message", aio_pika_pipelined, 1.0),
    ("aio-pika + aiokafka, one by one", aio_pika_plain, 0.05),
)
OURS, OURS_PORTAL, BARE, BARE_PIPELINED = (name for name, _, _ in WAYS[:4])


# -- measuring


async def measure(name: str, way: Callable[..., Awaitable[None]], number: int, place: Place) -> Figure:
    """Fill the queue, run the way until the last ack, look at the clocks."""
    await _create_topic(place)
    await _fill(place)
    producer = AIOKafkaProducer(
        bootstrap_servers=place.kafka, acks="all", enable_idempotence=True, max_request_size=17 * 2**20
    )
    await producer.start()
    try:
        # The first send waits for metadata; that is no part of a way.
        await producer.send_and_wait(place.topic, b"warm", key=b"warm")
        wall, cpu = time.perf_counter(), time.process_time()
        await way(place, producer)
        return Figure(name, number, place.messages, time.perf_counter() - wall, time.process_time() - cpu)
    finally:
        await producer.stop()
        await _delete_queue(place)


async def _create_topic(place: Place) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=place.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(place.topic, 4, 1)])
    finally:
        await admin.close()


async def _fill(place: Place) -> None:
    content = body()
    assert len(content) == 642, len(content)
    connection = await aiormq.connect(place.amqp)
    channel = await connection.channel()
    await channel.queue_declare(place.queue, durable=True)
    for first in range(0, place.messages, 500):
        await asyncio.gather(
            *(
                channel.basic_publish(
                    content,
                    routing_key=place.queue,
                    properties=Basic.Properties(
                        delivery_mode=2,
                        message_id=f"m{number}",
                        headers={"method": "crm.deal.list", "user": "1", "token": TOKEN},
                    ),
                    wait=False,
                )
                for number in range(first, min(first + 500, place.messages))
            )
        )
    await connection.close()


async def _delete_queue(place: Place) -> None:
    connection = await aiormq.connect(place.amqp)
    channel = await connection.channel()
    left = (await channel.queue_delete(place.queue)).message_count
    await connection.close()
    assert left == 0, f"{left} messages were not acked"


@contextlib.contextmanager
def brokers(folder: Path) -> Iterator[tuple[list[str], str]]:
    """The brokers that are named, else own ones."""
    kafka_url, amqp_url = os.environ.get("KAFKA_URL"), os.environ.get("AMPQURL")
    kafka = Kafka(folder / "kafka")
    rabbitmq = RabbitMQ(folder / "rabbitmq")
    try:
        if not kafka_url:
            kafka.start()
        if not amqp_url:
            rabbitmq.start()
        yield [(kafka_url or kafka.url).removeprefix("kafka://").rstrip("/")], amqp_url or rabbitmq.url
    finally:
        kafka.kill()
        rabbitmq.kill()


def run(messages: int, rounds: int) -> list[Figure]:
    """All ways, interleaved; the first round is a rehearsal and does not count."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name, brokers(Path(name)) as (kafka, amqp):
        for number in range(rounds + 1):
            # nobody always comes after the same one: brokers and caches remember who was before
            turn = number % len(WAYS)
            for way_name, way, share in WAYS[turn:] + WAYS[:turn]:
                count = max(200, int(messages * share / (10 if number == 0 else 1)))
                unique = f"bench-{uuid.uuid4().hex[:8]}"
                place = Place(kafka, amqp, unique, unique, count, Path(name))
                figure = uvloop.run(measure(way_name, way, number, place))
                if number:
                    figures.append(figure)
                    print(f"  round {number}: {way_name}: {figure.rate:,.0f}/s, {figure.cpu:,.0f} us", flush=True)
    return figures


def ratios(figures: list[Figure], way: str, peer: str) -> dict[str, float]:
    """Of medians: rate of `way` to `peer` (above 1 = faster), CPU of `peer` to `way` (above 1 = cheaper)."""

    def middle(name: str, attribute: str) -> float:
        return statistics.median(getattr(f, attribute) for f in figures if f.way == name)

    return {
        "rate": middle(way, "rate") / middle(peer, "rate"),
        "cpu": middle(peer, "cpu") / middle(way, "cpu"),
    }


def report(figures: list[Figure]) -> None:
    """The table, and the raw figures as JSON."""
    table = Table(title="RabbitMQ -> Kafka, 642 bytes, ack after acks=all (medians)")
    table.add_column("way")
    for column in ("messages", "messages/s", "min..max", "CPU us/message"):
        table.add_column(column, justify="right")
    for name, _, _ in WAYS:
        own = [figure for figure in figures if figure.way == name]
        rates = sorted(figure.rate for figure in own)
        table.add_row(
            name,
            f"{own[0].messages:,}",
            f"{statistics.median(rates):,.0f}",
            f"{rates[0]:,.0f}..{rates[-1]:,.0f}",
            f"{statistics.median(figure.cpu for figure in own):,.0f}",
        )
    console = Console(width=120)
    console.print(table)
    compared = {
        f"{way} / {peer}": ratios(figures, way, peer) for way in (OURS, OURS_PORTAL) for peer in (BARE, BARE_PIPELINED)
    }
    for text, ratio in compared.items():
        console.print(f"{text}: rate {ratio['rate']:.2f}, CPU {ratio['cpu']:.2f} (goal: 0.9 of the bare loop)")
    RESULTS.parent.mkdir(exist_ok=True)
    raw = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "ratios": compared,
        "figures": [asdict(figure) | {"rate": figure.rate, "cpu_us": figure.cpu} for figure in figures],
    }
    RESULTS.write_text(json.dumps(raw, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    report(run(options.messages, options.rounds))


if __name__ == "__main__":
    main()
