"""`faust -A pipeline exchange` on real brokers: exactly N, effects followed, killed in the middle, brokers away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from click.testing import CliRunner

from pipeline.delivery.records import Record, read_headers
from pipeline.delivery.runs import outcome
from pipeline.ops.exchange.command import command
from pipeline.settings import Settings
from pipeline.topology import EVENTS_SETTLEMENT, EVENTS_USER, OUTCOMES, wire_name
from tests.support.bridge import declare, drain, read_topic, ready_count, start_producer
from tests.support.site import command_line, make_topics, send, site_settings

pytestmark = pytest.mark.services


def bodies(count: int) -> list[bytes]:
    return [b'{"XML_ID": "u%d"}' % number for number in range(count)]


@asynccontextmanager
async def installation(kafka, rabbitmq, folder: Path, **queue: Any) -> AsyncIterator[tuple[Settings, str]]:
    """Settings with one queue that is drained by command, and its name; the queue is there."""
    given = {"event": "user", "exchange": "", "mode": "on-command"} | queue
    settings = Settings(**site_settings(kafka.url, rabbitmq.url, folder, {"drained-*": given}))
    await make_topics(settings)
    (name,) = (name for name, one in settings.queues.items() if one.enabled)
    await declare(rabbitmq.url, name)
    yield settings, name


async def exchange(settings: Settings, *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, lines of standard output, standard error."""
    result = await asyncio.to_thread(CliRunner().invoke, command(settings), arguments)
    return result.exit_code, result.stdout.splitlines(), result.stderr


async def events(settings: Settings, topic: str = EVENTS_USER) -> list[tuple[bytes, dict[str, str]]]:
    found = await read_topic(settings.kafka_servers, wire_name(settings, topic))
    return [(record.key, read_headers(record.headers)) for record in found]


@asynccontextmanager
async def flow(
    settings: Settings, topic: str, say: Callable[[dict[str, str], bytes], list[Record | None]]
) -> AsyncIterator[None]:
    """In place of a worker: what comes into a topic gets the outcomes that `say` makes of its headers and body."""
    producer = await start_producer(settings)
    consumer = AIOKafkaConsumer(
        wire_name(settings, topic), bootstrap_servers=settings.kafka_servers, auto_offset_reset="earliest"
    )
    await consumer.start()

    async def work() -> None:
        async for record in consumer:
            for made in say(read_headers(record.headers), record.value):
                assert made is not None
                await producer.send_and_wait(wire_name(settings, OUTCOMES), made.value, key=made.key)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        await consumer.stop()
        await producer.stop()


async def test_exactly_n_are_taken_and_the_rest_is_untouched(kafka, rabbitmq, tmp_path: Path) -> None:
    """The original took 501 of 500 (seeds, 1.9, defect 5)."""
    async with installation(kafka, rabbitmq, tmp_path, limit=250) as (settings, queue):
        url = settings.amqp_url.get_secret_value()
        await send(url, "", bodies(600), queue)
        code, lines, _ = await exchange(settings, "user", "--no-wait", "--force")
        assert code == 0
        assert len(lines) == 251 and lines[0] == "Taken user element u0"
        assert lines[-1].startswith(f"250 messages (250 of {queue}), 250 items; ")
        assert await ready_count(url, queue) == 350
        code, lines, _ = await exchange(settings, "user", "--no-wait", "--limit", "7", "--json")
        assert (code, json.loads(lines[-1])["messages"]) == (0, 7)
        records = await events(settings)
        assert {key for key, _ in records} == {b"u%d" % number for number in range(257)}
        forced = [headers.get("force") for _, headers in records]
        assert (forced.count("1"), forced.count(None)) == (250, 7)
        assert {headers["item"] for _, headers in records} == {f"u{number}" for number in range(257)}
        assert len({headers["run"] for _, headers in records}) == 2
        rest = await drain(url, queue)
        assert len(rest) == 343
        assert not any(message.delivery.redelivered for message in rest), "they have not been touched"  # type: ignore[union-attr]


async def test_effects_are_followed_and_told(kafka, rabbitmq, tmp_path: Path) -> None:
    async with installation(kafka, rabbitmq, tmp_path, event="settlement") as (settings, queue):
        url = settings.amqp_url.get_secret_value()
        two = b'{"a": {"XML_ID": "s1"}, "b": {"XML_ID": "s2"}}'
        await send(url, "", [two, b'{"a": {"XML_ID": "s1"}}', b"{"], queue)

        def say(headers: dict[str, str], body: bytes) -> list[Record | None]:
            if body == b"{":
                return [outcome(headers, "settlements", "failed", error_class="permanent", error="no JSON")]
            # at least once: it may come twice
            return [outcome(headers, "settlements", "done", action="added")] * 2

        async with flow(settings, EVENTS_SETTLEMENT, say):
            code, lines, err = await exchange(settings, "mutualsettlements")
        assert code == 1
        assert sorted(lines[:-1]) == [
            "Not saved: mutual settlement element message 4: settlements: permanent: no JSON",
            "Save mutual settlement element s1 (2): settlements added",
            "Save mutual settlement element s1: settlements added",
            "Save mutual settlement element s2: settlements added",
        ]
        assert lines[-1].startswith(f"3 messages (3 of {queue}), 4 items: 3 done, 1 failed, 0 without a word; ")
        assert err == ""

        code, lines, _ = await exchange(settings, "mutualsettlements")
        assert (code, len(lines)) == (0, 1), "an empty queue is done at once"

        await send(url, "", [b'{"a": {"XML_ID": "s3"}}'], queue)
        code, lines, err = await exchange(settings, "mutualsettlements", "--wait", "1", "--json")
        assert code == 1
        item, summary = map(json.loads, lines)
        assert (item["item"], item["status"], item["missing"]) == ("s3", "waiting", ["settlements"])
        assert (summary["items"], summary["waiting"]) == (1, 1)
        assert err.startswith("1 items have no outcome after 1 s.")


async def test_killed_in_the_middle_nothing_is_lost(kafka, rabbitmq, tmp_path: Path) -> None:
    async with installation(kafka, rabbitmq, tmp_path, limit=None) as (settings, queue):
        url = settings.amqp_url.get_secret_value()
        await send(url, "", bodies(4000), queue)
        line, environment = command_line(settings, "user", "--no-wait")
        process = await asyncio.create_subprocess_exec(*line, env=environment, stdout=asyncio.subprocess.DEVNULL)
        async with asyncio.timeout(60):
            while (await ready_count(url, queue) or 0) > 3700:
                await asyncio.sleep(0.01)
        process.kill()
        assert await process.wait() < 0, "it was in the middle"
        taken = 0
        async with asyncio.timeout(60):
            while {key for key, _ in await events(settings)} != {b"u%d" % number for number in range(4000)}:
                # RabbitMQ puts back what the killed one held as soon as it sees that it is gone
                code, lines, _ = await exchange(settings, "user", "--no-wait", "--json")
                assert code == 0
                taken += json.loads(lines[-1])["messages"]
        assert 0 < taken < 4000
        assert await ready_count(url, queue) == 0


async def test_topics_that_no_worker_has_made_are_told(kafka, rabbitmq, tmp_path: Path) -> None:
    async with installation(kafka, rabbitmq, tmp_path) as (settings, queue):
        await send(settings.amqp_url.get_secret_value(), "", bodies(1), queue)
        code, lines, err = await exchange(settings.model_copy(update={"topic_prefix": "nobody-made."}), "user")
        assert (code, lines) == (1, [])
        assert err.startswith("Error: Kafka has no topic nobody-made.dead.letters, nobody-made.events.user, ")
        assert await ready_count(settings.amqp_url.get_secret_value(), queue) == 1
