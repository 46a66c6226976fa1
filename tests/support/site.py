"""Queues of the site on real brokers: settings with names of their own, topics, senders, and the command."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiormq
from pamqp.commands import Basic

from pipeline.delivery.declare import declare, wait_for_kafka
from pipeline.delivery.plans import topic_plans
from pipeline.settings import Settings
from pipeline.topology import (
    DEAD_LETTERS,
    EVENTS_PRODUCT,
    EVENTS_SECTION,
    EVENTS_SETTLEMENT,
    EVENTS_USER,
    OUTCOMES,
    topic,
    wire_name,
)
from tests.support.bridge import amqp

ROOT = Path(__file__).parents[2]
#: the default queues: other tests of the session use the same RabbitMQ
OFF = {
    name: {"enabled": False}
    for name in ("crm_user_queue", "crm_product_queue", "crm_section_queue", "crm_mutualsettlements_queue")
}
MAPPING = "[catalogs.default]\niblock = 1\n"


def site_settings(kafka_url: str, amqp_url: str, folder: Path, queues: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Settings of an installation that reads these queues; `*` in names of queues and exchanges makes them its own."""
    unique = uuid.uuid4().hex[:8]
    mapping = folder / "mapping.toml"
    mapping.write_text(MAPPING)
    own = {
        name.replace("*", unique): {
            key: value.replace("*", unique) if isinstance(value, str) else value for key, value in given.items()
        }
        for name, given in queues.items()
    }
    return {
        "kafka_url": kafka_url,
        "amqp_url": amqp_url,
        "topic_prefix": f"{unique}.",
        "mapping": mapping,
        "queues": OFF | own,
    }


async def make_topics(settings: Settings) -> None:
    """Topics of events and outcomes, as a worker makes them."""
    names = (EVENTS_USER, EVENTS_PRODUCT, EVENTS_SECTION, EVENTS_SETTLEMENT, OUTCOMES, DEAD_LETTERS)
    admin = await wait_for_kafka(settings.kafka_servers)
    try:
        # a dead letters' topic that is there already has as few partitions as its test wants
        there = set(await admin.list_topics())
        missing = [topic(name) for name in names if wire_name(settings, name) not in there]
        assert await declare(admin, topic_plans(settings, missing, ())) == []
    finally:
        await admin.close()


async def send(url: str, exchange: str, bodies: Iterable[bytes], routing_key: str = "", **properties: Any) -> None:
    """Publish as the site does, but confirmed."""
    connection = await aiormq.connect(url)
    try:
        channel = await connection.channel()
        await asyncio.gather(
            *(
                channel.basic_publish(
                    body, exchange=exchange, routing_key=routing_key, properties=Basic.Properties(**properties)
                )
                for body in bodies
            )
        )
    finally:
        await connection.close()


async def make_exchange(url: str, name: str, kind: str, arguments: dict[str, Any] | None = None) -> None:
    """As an outside hand makes it."""
    async with amqp(url) as channel:
        await channel.exchange_declare(name, exchange_type=kind, durable=True, arguments=arguments)


def command_line(settings: Settings, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment of `faust -A pipeline exchange ...` for these settings."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "KAFKA_URL": settings.kafka_url,
        "AMPQURL": settings.amqp_url.get_secret_value(),
        "PIPELINE_TOPIC_PREFIX": settings.topic_prefix,
        "PIPELINE_MAPPING": str(settings.mapping),
        "PIPELINE_QUEUES": json.dumps({name: queue.model_dump() for name, queue in settings.queues.items()}),
        "HOME": str(settings.mapping.parent),
    }
    return [str(Path(sys.executable).parent / "faust"), "-A", "pipeline", "exchange", *arguments], environment
