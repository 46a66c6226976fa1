"""pipeline/delivery/adoption.py: which offsets are committed before a start, and when a start is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from pipeline.delivery import adoption
from pipeline.delivery.adoption import begin, refusal

LANE, NEW = TopicPartition("lane", 0), TopicPartition("new", 0)
MEMORY = TopicPartition("memory", 0)


class Broker:
    """One group and three topics of one partition, as the admin client and a consumer show them."""

    def __init__(self, *, offsets: dict[TopicPartition, int] | None = None, state: str = "Empty", **ends: int) -> None:
        self.offsets = offsets or {}
        self.state = state
        self.ends = {tp: ends.get(tp.topic, 0) for tp in (LANE, NEW, MEMORY)}
        self.firsts: dict[TopicPartition, int] = {}
        self.committed: list[dict[TopicPartition, int]] = []
        self.refuses_commits = False
        #: what another worker commits while records are counted
        self.meanwhile: dict[TopicPartition, int] = {}

    # the admin client

    async def list_consumer_group_offsets(self, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
        return {tp: OffsetAndMetadata(offset, "") for tp, offset in self.offsets.items()}

    async def describe_consumer_groups(self, groups: list[str]) -> list[Any]:
        return [SimpleNamespace(groups=[(0, group, self.state, "consumer", "", [])]) for group in groups]

    # a consumer

    async def start(self) -> None:
        self._client = self

    async def stop(self) -> None: ...

    async def _wait_on_metadata(self, topic: str) -> set[int]:
        return {0}

    def assign(self, partitions: list[TopicPartition]) -> None: ...

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: self.firsts.get(tp, 0) for tp in partitions}

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.offsets |= self.meanwhile
        return {tp: self.ends[tp] for tp in partitions}

    async def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        if self.refuses_commits:
            raise CommitFailedError
        self.committed.append({tp: offset.offset for tp, offset in offsets.items()})
        self.offsets |= self.committed[-1]


async def started(monkeypatch: pytest.MonkeyPatch, broker: Any) -> str | None:
    """A start as the application makes it."""
    monkeypatch.setattr(adoption, "AIOKafkaConsumer", lambda **_: broker)
    reason = await refusal(broker, ["k"], "g", ["lane"], ["memory"])
    if reason is None:
        await begin(broker, ["k"], "g", ["lane", "new"])
    return reason


async def test_beginnings_of_empty_topics_are_committed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(state="Dead")
    assert await started(monkeypatch, broker) is None
    assert broker.committed == [{LANE: 0, NEW: 0}]
    broker.ends[LANE] = 3  # accepted, and then the worker was killed
    assert await started(monkeypatch, broker) is None
    assert len(broker.committed) == 1


async def test_a_lost_group_over_records_is_refused_and_nothing_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(lane=3)
    assert "3 records" in (await started(monkeypatch, broker) or "")
    assert not broker.committed
    assert await started(monkeypatch, Broker(lane=3, memory=1)) is None, "its tables remember"


async def test_another_worker_that_begins_at_the_same_moment_is_no_lost_group(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(lane=3)
    broker.meanwhile = {LANE: 0, NEW: 0}
    assert await started(monkeypatch, broker) is None and not broker.committed


async def test_a_topic_that_is_new_to_the_group_is_begun_with_what_it_holds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker(offsets={LANE: 9}, lane=9, new=5)
    broker.firsts[NEW] = 2
    assert await started(monkeypatch, broker) is None
    assert broker.committed == [{NEW: 2}] and "topic new holds 3 records" in caplog.text


async def test_an_offset_of_nothing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic that was deleted and made anew."""
    broker = Broker(offsets={LANE: -1, NEW: 4})
    assert await started(monkeypatch, broker) is None and broker.committed == [{LANE: 0}]


@pytest.mark.parametrize("state", ["Stable", "PreparingRebalance", "CompletingRebalance"])
async def test_in_a_group_with_members_they_commit(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    broker = Broker(offsets={LANE: 9}, state=state, lane=9)
    assert await started(monkeypatch, broker) is None and not broker.committed


async def test_somebody_who_joins_just_now_is_let_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    broker.refuses_commits = True
    assert await started(monkeypatch, broker) is None and not broker.committed
