"""Lag: what it is, as plain functions over offsets. No I/O here (that is pipeline/ops/admin.py).

Rules: lag is never taken from commits alone, so it grows while a consumer stands still; no commit is shown as such,
never as 0 (kafbat); what retention removed is no lag but is told; the age of the oldest record is the exact one, read
from the record at the committed offset, not interpolated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from aiokafka import TopicPartition

__all__ = ["AgentLag", "CommitAges", "LagReport", "Offsets", "PartitionLag", "by_agent", "measure"]

Note = Literal["", "no commit", "expired", "rewound"]


@dataclass(frozen=True, slots=True)
class Offsets:
    """Of one partition: the group's committed offset (None = none), the log's first and next offset."""

    committed: int | None
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Measure:
    """What follows from the offsets of one partition.

    `position`: offset of the oldest record that is not committed. `expired`: records that retention removed before
    they were committed. `note`: `no commit` = counted from the log's beginning; `expired` = see there; `rewound` =
    the topic was made anew and ends before the commit, so all of it counts.
    """

    position: int
    lag: int
    expired: int
    note: Note


def measure(offsets: Offsets) -> Measure:
    """Lag of a partition in records."""
    committed, begin, end = offsets.committed, offsets.begin, offsets.end
    if committed is None:
        return Measure(begin, max(0, end - begin), 0, "no commit")
    if committed > end:
        return Measure(begin, max(0, end - begin), 0, "rewound")
    if committed < begin:
        return Measure(begin, max(0, end - begin), begin - committed, "expired")
    return Measure(committed, end - committed, 0, "")


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One line of the page. Ages are seconds at the time of the look; None = nothing waits, or not known."""

    agent: str
    topic: str
    partition: int
    offsets: Offsets
    lag: int
    expired: int
    note: Note
    oldest_age: float | None
    commit_age: float | None


@dataclass(frozen=True, slots=True)
class AgentLag:
    """An agent's partitions and what they come to. `uncommitted`: partitions with records but without a commit."""

    agent: str
    topics: tuple[str, ...]
    lag: int
    oldest_age: float | None
    commit_age: float | None
    uncommitted: int
    missing: tuple[str, ...]
    partitions: tuple[PartitionLag, ...]


@dataclass(frozen=True, slots=True)
class LagReport:
    """One look at the whole cluster. `measured_at` is a unix time."""

    measured_at: float
    agents: tuple[AgentLag, ...]

    @property
    def lag(self) -> int:
        """Records not committed, of all agents."""
        return sum(agent.lag for agent in self.agents)


def by_agent(agents: Iterable[tuple[str, tuple[str, ...]]], partitions: Iterable[PartitionLag]) -> tuple[AgentLag, ...]:
    """Group lines by agent, in the agents' order. `agents`: name and topics (names in Kafka)."""
    lines = sorted(partitions, key=lambda line: (line.topic, line.partition))
    result = []
    for name, topics in agents:
        own = tuple(line for line in lines if line.agent == name)
        present = {line.topic for line in own}
        result.append(
            AgentLag(
                agent=name,
                topics=topics,
                lag=sum(line.lag for line in own),
                oldest_age=_greatest(line.oldest_age for line in own),
                commit_age=_greatest(line.commit_age for line in own),
                uncommitted=sum(1 for line in own if line.note == "no commit" and line.lag),
                missing=tuple(topic for topic in topics if topic not in present),
                partitions=own,
            )
        )
    return tuple(result)


def _greatest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


class CommitAges:
    """Since when a partition's committed offset stands still while records wait: the best alarm of a stall."""

    def __init__(self) -> None:
        self._since: dict[TopicPartition, tuple[int | None, float]] = {}

    def observe(self, looked: Mapping[TopicPartition, Offsets], now: float) -> dict[TopicPartition, float]:
        """Take in one look, at `now` (any clock that only grows); answer the ages of partitions that lag, seconds."""
        ages = {}
        for partition, offsets in looked.items():
            committed, since = self._since.get(partition, (offsets.committed, now))
            if committed != offsets.committed or not measure(offsets).lag:
                since = now
            self._since[partition] = (offsets.committed, since)
            if measure(offsets).lag:
                ages[partition] = now - since
        for gone in self._since.keys() - looked.keys():
            del self._since[gone]
        return ages
