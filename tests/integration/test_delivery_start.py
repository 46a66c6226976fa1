"""The start of a worker against a real Kafka: topics as declared, refusals, adoption, keys."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from pipeline.topology import (
    CONTROL,
    DEAD_LETTERS,
    EVENTS_PRODUCT,
    EVENTS_SECTION,
    EVENTS_SETTLEMENT,
    EVENTS_USER,
    KEYS,
    PARTITIONS,
    REQUESTS_BULK,
    REQUESTS_INTERACTIVE,
    RESULTS,
    TABLES,
    TOPICS,
)
from stack.kafka import Kafka
from stack.process import wait_for
from tests.day.mapping import MAPPING_TOML
from tests.support.delivery import NOWHERE, Installation

pytestmark = pytest.mark.services


@pytest.fixture
def install(kafka: Kafka, tmp_path: Path) -> Iterator[Callable[[str], Installation]]:
    made: list[Installation] = []

    def make(app: str) -> Installation:
        made.append(Installation(kafka.bootstrap, tmp_path, app))
        # the whole application opens many tables at its start: on a busy machine it must not pass for frozen
        made[-1].env["PIPELINE_SESSION_TIMEOUT"] = "14"
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def bus(install: Callable[[str], Installation]) -> Installation:
    """The real application."""
    return install("pipeline")


async def create(bus: Installation, *topics: NewTopic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bus.bootstrap)
    await admin.start()
    try:
        await admin.create_topics(list(topics))
    finally:
        await admin.close()


async def test_topics_are_made_as_declared_and_another_key_is_refused(bus: Installation) -> None:
    bus.start()
    wait_for(lambda: bus.said("Worker ready") > 0, 90, "the worker is ready")
    admin = AIOKafkaAdminClient(bootstrap_servers=bus.bootstrap)
    await admin.start()
    try:
        names = {bus.wire(topic.name): topic for topic in TOPICS}
        changelogs = {f"{bus.id}-{table.name}-changelog": table for table in TABLES}
        described = {entry["topic"]: entry for entry in await admin.describe_topics([*names, *changelogs])}
        configs = {}
        for name in (*names, *changelogs):
            for response in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)]):
                for entry in response.resources:
                    configs[name] = {config[0]: config[1] for config in entry[4]}
        ours = {name for name in await admin.list_topics() if name.startswith(bus.id)}
    finally:
        await admin.close()
    assert ours == {*names, *changelogs}, "nothing else was made"
    for name, topic in names.items():
        assert len(described[name]["partitions"]) == topic.partitions, name
        assert configs[name]["cleanup.policy"] == ("compact" if topic.compacted else "delete"), name
        kept = -1 if topic.retention is None else int(topic.retention * 1000)
        assert int(configs[name]["retention.ms"]) == kept, name
        assert int(configs[name]["max.message.bytes"]) == 17 * 1024 * 1024, name
    for name, table in changelogs.items():
        assert len(described[name]["partitions"]) == table.partitions, name
        assert configs[name]["cleanup.policy"] == "compact" and configs[name]["max.message.bytes"] == "17825792", name
    (line,) = bus.refused(PIPELINE_KEY_FILE=str(bus.folder / "another.key"))
    assert "another.key" in line and "key file of the other workers" in line
    for file in (bus.folder / "data" / "seal.key", bus.folder / "another.key"):
        assert file.read_text().strip() not in line


async def test_topics_that_would_lose_something_are_refused(bus: Installation) -> None:
    """Another number of partitions, too short records, memory that is not compacted."""
    name = bus.wire(REQUESTS_INTERACTIVE)
    short = bus.wire(RESULTS)
    memory = bus.wire(KEYS)
    await create(
        bus,
        NewTopic(name, 3, 1, topic_configs={"max.message.bytes": "17825792"}),
        NewTopic(short, PARTITIONS, 1, topic_configs={"max.message.bytes": "1048588"}),
        NewTopic(memory, 1, 1, topic_configs={"max.message.bytes": "17825792", "cleanup.policy": "delete"}),
    )
    partitions, length, policy = bus.refused()
    assert partitions.startswith(f"topic {name} has 3 partitions, topology.py declares {PARTITIONS}")
    assert length.startswith(f"topic {short} takes records of at most 1048588 bytes, 17825792 are needed")
    assert policy.startswith(f"topic {memory} has cleanup.policy=delete, it must be compact")


@pytest.mark.parametrize("way", ["--from-now", "--from-start"])
async def test_a_first_start_where_requests_lie_needs_a_word(bus: Installation, way: str) -> None:
    wide = {"max.message.bytes": "17825792"}
    lanes = [bus.wire(topic) for topic in (REQUESTS_INTERACTIVE, REQUESTS_BULK, RESULTS)]
    await create(bus, *(NewTopic(lane, PARTITIONS, 1, topic_configs=wide) for lane in lanes))
    # without method: answered with an error, no portal is needed for that
    await bus.put(REQUESTS_INTERACTIVE, [b"{}"] * 3, key=b"default", partition=5)
    lines = bus.refused()
    assert bus.id in lines[0] and "3 records" in lines[0]
    assert any("adopt --from-now" in line for line in lines) and any("adopt --from-start" in line for line in lines)
    if way == "--from-now":
        assert bus.run("adopt").returncode != 0, "one of the two must be said"
    adopted = bus.run("adopt", way)
    assert adopted.returncode == 0, adopted.stderr
    offset = 3 if way == "--from-now" else 0
    assert f"{bus.wire(REQUESTS_INTERACTIVE)}[5] from offset {offset}" in adopted.stdout
    assert (await bus.committed(REQUESTS_INTERACTIVE))[5] == offset
    assert set(await bus.committed(RESULTS)) == set(range(PARTITIONS)), "old answers are not sent once more"
    if way == "--from-start":
        return  # offsets are all that the worker goes by
    bus.start()
    wait_for(lambda: bus.said("Worker ready") > 0, 90, "the worker is ready")
    await bus.put(REQUESTS_INTERACTIVE, [b"{}"], key=b"default", partition=5)
    (answer,) = await bus.records(RESULTS, 1)
    assert dict(answer.headers)["answer-id"] == b"i-5-0-3"


async def test_a_worker_that_is_killed_before_its_first_commit_starts_again(bus: Installation) -> None:
    worker = bus.start()
    wait_for(lambda: bus.said("Worker ready") > 0, 90, "the worker is ready")
    for topic in (REQUESTS_INTERACTIVE, REQUESTS_BULK, RESULTS, CONTROL):
        assert await bus.committed(topic) == dict.fromkeys(range(PARTITIONS), 0), topic
    # what is accepted now is neither read nor in a table when it dies
    worker.send_signal(signal.SIGSTOP)
    await bus.put(REQUESTS_INTERACTIVE, [b"{}"], key=b"default", partition=5)
    worker.kill()
    worker.wait()
    bus.start()
    (answer,) = await bus.records(RESULTS, 1, timeout=40)
    assert dict(answer.headers)["answer-id"] == b"i-5-0-0"


async def test_topics_that_come_with_a_mapping_are_begun_by_a_member_before_they_are_read(bus: Installation) -> None:
    """The group still has the dead worker as its member: nobody can commit from outside. One topic holds a record."""
    worker = bus.start()
    wait_for(lambda: bus.said("Worker ready") > 0, 90, "the worker is ready")
    worker.kill()
    worker.wait()
    assert await bus.committed(EVENTS_USER) == {}
    await bus.put(EVENTS_USER, [b"no JSON"], key=b"7", partition=3)
    mapping = bus.folder / "mapping.toml"
    mapping.write_text(MAPPING_TOML.replace("[portal]", '[portal]\ncredential = "site"', 1))
    portal = {"address": f"http://{NOWHERE}/rest/", "credentials": {"site": {"user": "1", "token": "x"}}}
    bus.start(
        PIPELINE_MAPPING=str(mapping), PIPELINE_COMMIT_INTERVAL="600", PIPELINE_PORTALS=json.dumps({"default": portal})
    )
    (letter,) = await bus.records(DEAD_LETTERS, 1, timeout=40)
    assert letter.key == b"7", "what lies there is read"
    for topic in (EVENTS_USER, EVENTS_PRODUCT, EVENTS_SECTION, EVENTS_SETTLEMENT):
        assert await bus.committed(topic) == dict.fromkeys(range(PARTITIONS), 0), topic
