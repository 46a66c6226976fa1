"""Lag against a real Kafka: the numbers are exact for a group made by hand, and the board travels through its topic."""

import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete

from pipeline import topology
from pipeline.bridge.status import BridgeStatus
from pipeline.ops.board import Board
from pipeline.ops.board_reader import BoardReader
from pipeline.ops.lag import PartitionLag
from pipeline.ops.lag_poller import LagPoller
from pipeline.ops.publisher import StatePublisher
from pipeline.settings import Settings
from stack.kafka import Kafka
from tests.support.pages import FakeBridge, FakeGateway, FakeProducer, FakeRuntime, portal
from tests.support.services import GivenKafka, KafkaFactory

pytestmark = pytest.mark.services

PARTITIONS = 3
TOPIC = topology.REQUESTS_INTERACTIVE


def settings_for(kafka: Kafka | GivenKafka) -> Settings:
    unique = uuid.uuid4().hex[:8]
    return Settings(kafka_url=kafka.url, app_id=f"lag-{unique}", topic_prefix=f"lag-{unique}.")


class Log:
    """The broker as a hand uses it: topics, records, commits."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.servers = settings.kafka_servers
        self.topic = topology.wire_name(settings, TOPIC)

    async def create(self, topic: str, partitions: int = PARTITIONS) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        await admin.create_topics([NewTopic(topology.wire_name(self.settings, topic), partitions, 1)])
        await admin.close()

    async def remove_before(self, partition: int, offset: int) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        await admin.delete_records({TopicPartition(self.topic, partition): RecordsToDelete(offset)})
        await admin.close()

    async def write(self, partition: int, times: list[float]) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.servers) as producer:
            for when in times:
                await producer.send_and_wait(self.topic, b"{}", partition=partition, timestamp_ms=int(when * 1000))

    async def commit(self, offsets: dict[int, int]) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.servers, group_id=self.settings.app_id, enable_auto_commit=False
        )
        await consumer.start()
        tps = {TopicPartition(self.topic, partition): offset for partition, offset in offsets.items()}
        consumer.assign(list(tps))
        await consumer.commit(tps)
        await consumer.stop()


@pytest.fixture
async def log(kafka: Kafka | GivenKafka) -> Log:
    log = Log(settings_for(kafka))
    await log.create(TOPIC)
    return log


@pytest.fixture
async def poller(log: Log) -> AsyncIterator[LagPoller]:
    poller = LagPoller(log.settings)
    yield poller
    await poller.close()


async def lines(poller: LagPoller) -> list[PartitionLag]:
    await poller.look()
    assert poller.report is not None
    (agent,) = [agent for agent in poller.report.agents if agent.agent == "portal-intake-interactive"]
    return list(agent.partitions)


async def test_the_numbers_are_exact(log: Log, poller: LagPoller) -> None:
    now = time.time()
    await log.write(0, [now - 500, now - 400, now - 300])
    await log.write(1, [now - 200, now - 100])
    await log.commit({0: 1, 1: 2})
    first, second, third = await lines(poller)
    assert (first.offsets.committed, first.offsets.end, first.lag, first.note) == (1, 3, 2, "")
    assert first.oldest_age == pytest.approx(400, abs=5), "the record at the committed offset, not the first one"
    assert (second.offsets.committed, second.lag, second.oldest_age, second.commit_age) == (2, 0, None, None)
    assert (third.offsets.committed, third.offsets.end, third.lag, third.note) == (None, 0, 0, "no commit")
    assert poller.report is not None
    assert poller.report.lag == 2
    missing = {topic for agent in poller.report.agents for topic in agent.missing}
    assert topology.wire_name(log.settings, topology.RESULTS) in missing


async def test_without_a_commit_the_whole_log_is_lag(log: Log, poller: LagPoller) -> None:
    now = time.time()
    await log.write(2, [now - 50, now - 40])
    third = (await lines(poller))[2]
    assert (third.offsets.committed, third.lag, third.note) == (None, 2, "no commit")
    assert third.oldest_age == pytest.approx(50, abs=5)


async def test_the_next_look_follows_commits_and_new_records(log: Log, poller: LagPoller) -> None:
    now = time.time()
    await log.write(0, [now - 90, now - 60, now - 30])
    await log.commit({0: 0})
    assert (await lines(poller))[0].oldest_age == pytest.approx(90, abs=5)
    standing = (await lines(poller))[0]
    assert standing.commit_age is not None
    assert standing.commit_age > 0
    await log.commit({0: 2})
    moved = (await lines(poller))[0]
    assert (moved.lag, moved.commit_age) == (1, 0)
    assert moved.oldest_age == pytest.approx(30, abs=5)
    await log.commit({0: 3})
    assert (await lines(poller))[0].lag == 0
    await log.write(0, [now - 10])
    assert (await lines(poller))[0].oldest_age == pytest.approx(10, abs=5)


async def test_what_retention_removed_is_told_and_is_no_lag(log: Log, poller: LagPoller) -> None:
    now = time.time()
    await log.write(0, [now - 50, now - 40, now - 30, now - 20])
    await log.commit({0: 1})
    await log.remove_before(0, 3)
    first = (await lines(poller))[0]
    assert (first.offsets.begin, first.lag, first.expired, first.note) == (3, 1, 2, "expired")
    assert first.oldest_age == pytest.approx(20, abs=5)


async def test_looking_creates_no_topic_and_joins_no_group(log: Log, poller: LagPoller) -> None:
    await lines(poller)
    board = BoardReader(log.settings, Board())
    await board.step()
    await board.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=log.servers)
    await admin.start()
    topics = await admin.list_topics()
    groups = [group for group, _ in await admin.list_consumer_groups()]
    await admin.close()
    assert [topic for topic in topics if topic.startswith(log.settings.topic_prefix)] == [log.topic]
    assert log.settings.app_id not in groups


async def test_a_broker_that_goes_and_comes_back(kafka_factory: KafkaFactory) -> None:
    kafka = kafka_factory()
    log = Log(settings_for(kafka))
    await log.create(TOPIC)
    await log.write(0, [time.time()])
    poller = LagPoller(log.settings)
    assert (await lines(poller))[0].lag == 1
    before = poller.report
    kafka.kill()
    with pytest.raises(Exception, match=r".+"):
        await poller.look()
    assert poller.report is before, "the last known figures stay"
    kafka.start()
    await log.write(0, [time.time()])
    assert (await lines(poller))[0].lag == 2
    await poller.close()


async def test_what_one_worker_tells_another_one_shows(log: Log, tmp_path: Path) -> None:
    await log.create(topology.OPS_STATE, 1)
    runtime = FakeRuntime(log.settings, tmp_path, FakeProducer(log.settings))
    gateway = FakeGateway([portal("first", waiting=3, oldest_age=7.0, state="held", reason="limit")])
    publisher = StatePublisher(runtime, "w1", gateway, FakeBridge(BridgeStatus(5.0, "refused")))
    await publisher.step()

    early, late = Board(), Board()
    readers = [BoardReader(log.settings, early)]
    await readers[0].step()
    gateway.states.append(portal("second", waiting=1))
    await publisher.step()
    readers.append(BoardReader(log.settings, late))
    for reader, board in zip(readers, (early, late), strict=True):
        while len(board.portals([], [], "w2")) < 2:
            await reader.step()
        first, second = board.portals([], [], "w2")
        assert first.state is not None
        assert (first.name, first.state.waiting, first.state.reason, first.worker) == ("first", 3, "limit", "w1")
        assert not first.stale
        assert second.name == "second"
        (bridge,) = board.bridges(None, "w2")
        assert bridge.entry.state == BridgeStatus(5.0, "refused")
    await publisher.leave()
    while early.bridges(None, "w2"):
        await readers[0].step()
    for reader in readers:
        await reader.close()
