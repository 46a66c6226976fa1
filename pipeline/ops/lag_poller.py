"""One shared look at the cluster's lag every few seconds: pages, health and metrics read what it found."""

from __future__ import annotations

import time
from collections.abc import Mapping

from aiokafka import TopicPartition

from pipeline import topology
from pipeline.delivery import metrics
from pipeline.ops.admin import KafkaLook
from pipeline.ops.lag import CommitAges, LagReport, Offsets, PartitionLag, by_agent, measure
from pipeline.settings import Settings

__all__ = ["LagPoller"]


class LagPoller:
    """Looks at the group `app_id` (Faust's group of an app of version 1) and all topics of its agents."""

    def __init__(self, settings: Settings) -> None:
        self.agents = tuple(
            (agent.name, tuple(topology.wire_name(settings, topic) for topic in agent.topics))
            for agent in topology.agents(settings)
        )
        self.report: LagReport | None = None
        self._topics = {topic: name for name, topics in self.agents for topic in topics}
        self._look = KafkaLook(settings)
        self._ages = CommitAges()

    @property
    def age(self) -> float | None:
        """Seconds since the look that `report` holds; None before the first one."""
        return None if self.report is None else max(0.0, time.time() - self.report.measured_at)

    async def look(self) -> None:
        """Look once and keep what was found. Raises what Kafka's client raises; the last report stays."""
        looked = await self._look.offsets(self._topics)
        now = time.time()
        ages = self._ages.observe(looked, time.monotonic())
        times = await self._look.oldest(
            {tp: measure(offsets).position for tp, offsets in looked.items() if measure(offsets).lag}
        )
        lines = [self._line(tp, offsets, now, times, ages) for tp, offsets in looked.items()]
        self.report = LagReport(now, by_agent(self.agents, lines))
        self._count(lines)

    async def close(self) -> None:
        """Close the connections."""
        await self._look.close()

    def _line(
        self,
        tp: TopicPartition,
        offsets: Offsets,
        now: float,
        times: Mapping[TopicPartition, float],
        ages: Mapping[TopicPartition, float],
    ) -> PartitionLag:
        found = measure(offsets)
        return PartitionLag(
            agent=self._topics[tp.topic],
            topic=tp.topic,
            partition=tp.partition,
            offsets=offsets,
            lag=found.lag,
            expired=found.expired,
            note=found.note,
            oldest_age=max(0.0, now - times[tp]) if tp in times else None,
            commit_age=ages.get(tp),
        )

    def _count(self, lines: list[PartitionLag]) -> None:
        for line in lines:
            labels = (line.agent, line.topic, str(line.partition))
            metrics.LAG_RECORDS.labels(*labels).set(line.lag)
            metrics.LAG_COMMIT_AGE_SECONDS.labels(*labels).set(line.commit_age or 0.0)
            if line.oldest_age is not None or not line.lag:
                metrics.LAG_OLDEST_SECONDS.labels(*labels).set(line.oldest_age or 0.0)
