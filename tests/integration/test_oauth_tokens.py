"""OAuth tokens in a real worker on a real Kafka: a crash before use, another machine, and no secret anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from pipeline.portal.partition import partition_of
from stack.kafka import Kafka
from tests.support.delivery import Installation, eventually
from tests.support.token_server import CLIENT_ID, CLIENT_SECRET, REFRESH, TokenScript, token_server

pytestmark = pytest.mark.services


@pytest.fixture
def calls(kafka: Kafka, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(kafka.bootstrap, tmp_path, app="tests.support.token_app")
    yield installation
    installation.close()


@pytest.fixture
async def server() -> AsyncIterator[TokenScript]:
    async with token_server() as script:
        yield script


def configured(server: TokenScript) -> str:
    """PIPELINE_PORTALS."""
    app = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH,
        "oauth_server": server.address,
    }
    return orjson.dumps({"main": {"address": "https://one.example/rest/", "credentials": {"app": app}}}).decode()


def digest(access: str) -> bytes:
    return hashlib.sha256(access.encode()).hexdigest().encode()


async def everything(calls: Installation) -> dict[str, bytes]:
    """Topic -> all keys, values and headers in it, of every topic of this installation."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=calls.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    found: dict[str, bytes] = {}
    try:
        for name in sorted(topic for topic in await consumer.topics() if topic.startswith(calls.id)):
            places = [TopicPartition(name, p) for p in await consumer._client._wait_on_metadata(name)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            found[name] = b""
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        found[name] += (record.key or b"") + (record.value or b"") + repr(record.headers).encode()
    finally:
        await consumer.stop()
    return found


async def test_a_worker_is_killed_after_the_rotation_and_before_the_use(
    calls: Installation, server: TokenScript
) -> None:
    async def ready() -> bool:
        return calls.said("Worker ready") > 0

    async def has_access() -> bool:
        return calls.said("it has access") > 0

    portals = configured(server)
    worker = calls.start(PIPELINE_PORTALS=portals)
    place = partition_of("main")
    await eventually(ready, 40, "the worker is ready")
    await calls.put("flow.in", [b'{"do":"wait"}'], key=b"main", partition=place)
    await eventually(has_access, 20, "a call has access")
    worker.kill()
    worker.wait()
    calls.gate.touch()
    # the next one is on another machine: all that it has is Kafka and the key file
    key_file = calls.folder / "data" / "seal.key"
    calls.start(
        PIPELINE_PORTALS=portals, PIPELINE_DATA_DIR=str(calls.folder / "other"), PIPELINE_KEY_FILE=str(key_file)
    )
    await calls.put("flow.in", [b"{}"], key=b"main", partition=place)
    out = await calls.records("flow.out", 2, timeout=60)
    assert [record.value for record in out] == [digest("access-token-of-a-test-1")] * 2
    assert [form["refresh_token"] for _, _, form in server.requests] == [REFRESH]

    topics = await everything(calls)
    assert topics[f"{calls.id}-tokens-changelog"].startswith(b"t/main/app")
    files = [path for path in calls.folder.rglob("*") if path.is_file()]
    assert calls.log in files and any(path.suffix == ".log" and "tokens" in str(path) for path in files)
    for secret in (text.encode() for text in server.secrets):
        assert not [name for name, content in topics.items() if secret in content]
        assert not [path for path in files if secret in path.read_bytes()]
