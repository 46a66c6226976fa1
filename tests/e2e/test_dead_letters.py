"""docs/dead-letters.md: what it says of a dead letter holds, and its program sends one again."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.e2e.installation import Place
from tests.e2e.waiting import eventually

pytestmark = pytest.mark.services

PAGE = (Path(__file__).parents[2] / "docs" / "dead-letters.md").read_text()


def run(place: Place, *arguments: str) -> list[str]:
    """Lines of the page's program."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    env = {name: place.bus.worker.env[name] for name in ("KAFKA_URL", "PIPELINE_TOPIC_PREFIX")}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=os.environ | env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def send(place: Place, topic: str, headers: dict[str, str], value: bytes) -> None:
    """A record with the portal's name as its key."""

    async def sent() -> None:
        async with AIOKafkaProducer(bootstrap_servers=place.bus.bootstrap) as producer:
            wire = [(name, text.encode()) for name, text in headers.items()]
            await producer.send_and_wait(topic, value, key=place.name.encode(), headers=wire)

    asyncio.run(sent())


def test_a_dead_letter_is_sent_again(place: Place) -> None:
    update = {
        "name": "title",
        "do": "call",
        "method": "crm.deal.update",
        "params": {"id": 1, "fields": {"TITLE": "new"}},
    }
    plan = orjson.dumps({"v": 1, "steps": [update]})
    headers = {"source": "e2e", "portal": place.name, "credential": "known", "plan": "1", "amqp-message-id": place.name}
    topic = f"{place.bus.worker.env['PIPELINE_TOPIC_PREFIX']}portal.requests.bulk"
    send(place, topic, headers, plan)
    letter = place.bus.dead_letter(place.name)
    told = {name for name in letter.headers if name.startswith("dl-")}
    assert told and told <= set(re.findall(r"`(dl-[a-z0-9-]+)`", PAGE))
    assert (letter.text("dl-topic"), letter.value) == (topic, plan)

    assert place.simulator.call("crm.deal.add", {"fields": {"TITLE": "old"}}) == 1
    lines = run(place)
    line = next((line for line in reversed(lines) if letter.text("dl-last-error") in line), None)
    assert line is not None, "\n".join([letter.text("dl-last-error"), "is not among", *lines])
    assert run(place, line.split()[0]) == [line]
    eventually(lambda: place.simulator.call("crm.deal.get", {"id": 1})["TITLE"] == "new", "it is carried out")
