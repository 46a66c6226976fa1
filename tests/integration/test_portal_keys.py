"""pipeline/portal/access/key_check.py against a real Kafka: one key for all workers."""

import asyncio
import uuid
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from pipeline.delivery.errors import Transient
from pipeline.portal.access.key_check import WrongKey, check_fingerprint
from stack.kafka import Kafka
from stack.ports import free_port

pytestmark = pytest.mark.services

KEY_FILE = Path("keys/seal.key")


@pytest.fixture
async def topic(kafka: Kafka) -> str:
    """A new compacted topic."""
    name = f"portal.keys-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs={"cleanup.policy": "compact"})])
    finally:
        await admin.close()
    return name


async def check(kafka: Kafka, topic: str, fingerprint: str) -> None:
    await check_fingerprint([kafka.bootstrap], topic, fingerprint, KEY_FILE, timeout=20)


async def put(kafka: Kafka, topic: str, key: bytes, value: bytes | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=key)
    finally:
        await producer.stop()


async def test_the_first_key_stands(kafka: Kafka, topic: str) -> None:
    await check(kafka, topic, "aaaa")
    await check(kafka, topic, "aaaa")
    for _ in range(2):
        with pytest.raises(WrongKey) as raised:
            await check(kafka, topic, "bbbb")
        text = str(raised.value)
        assert all(part in text for part in ("aaaa", "bbbb", str(KEY_FILE), topic, "key file of the other workers"))
        assert "\n" not in text
    await check(kafka, topic, "aaaa")


async def test_workers_that_start_at_once_agree_on_one(kafka: Kafka, topic: str) -> None:
    names = ["aaaa", "bbbb", "cccc"] * 3
    results = await asyncio.gather(*(check(kafka, topic, name) for name in names), return_exceptions=True)
    refused = {name for name, result in zip(names, results, strict=True) if isinstance(result, WrongKey)}
    accepted = {name for name, result in zip(names, results, strict=True) if result is None}
    assert len(accepted) == 1
    assert refused == set(names) - accepted
    for name in set(names):
        if name in accepted:
            await check(kafka, topic, name)
        else:
            with pytest.raises(WrongKey):
                await check(kafka, topic, name)


async def test_the_loser_of_a_race_leaves_nothing_behind(
    kafka: Kafka, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker publishes between our first look and our own record."""
    from pipeline.portal.access import key_check

    publish = key_check._publish

    async def late(servers: list[str], name: str, fingerprint: str, value: str | None) -> None:
        if value is not None:
            await put(kafka, topic, b"seal:aaaa", b"aaaa")
        await publish(servers, name, fingerprint, value)

    monkeypatch.setattr(key_check, "_publish", late)
    with pytest.raises(WrongKey, match="sealed with aaaa"):
        await check(kafka, topic, "bbbb")
    monkeypatch.undo()
    # even when the winner's record is gone, as after a deliberate change of keys, ours does not come up
    await put(kafka, topic, b"seal:aaaa", None)
    await check(kafka, topic, "cccc")


async def test_other_records_do_not_matter(kafka: Kafka, topic: str) -> None:
    await put(kafka, topic, b"other", b"xxxx")
    await check(kafka, topic, "aaaa")


async def test_no_such_topic(kafka: Kafka) -> None:
    with pytest.raises(Transient, match="no topic"):
        await check(kafka, f"missing-{uuid.uuid4().hex}", "aaaa")


async def test_no_kafka() -> None:
    with pytest.raises(Transient, match="Kafka"):
        await check_fingerprint([f"127.0.0.1:{free_port()}"], "portal.keys", "aaaa", KEY_FILE, timeout=3)
