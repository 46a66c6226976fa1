"""From topology.py to what Kafka is asked for: topics, changelogs, their settings."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.delivery.declare import TopicPlan
from pipeline.delivery.tables import changelog_config
from pipeline.settings import Settings
from pipeline.topology import TABLES, TOPICS, Table, Topic, wire_name

__all__ = ["changelog_name", "topic_plans"]

WEEK_MS = 7 * 86_400_000


def changelog_name(settings: Settings, table: str) -> str:
    """Faust's name of a table's changelog."""
    return f"{settings.app_id}-{table}-changelog"


def topic_plans(
    settings: Settings, topics: Sequence[Topic] = TOPICS, tables: Sequence[Table] = TABLES
) -> list[TopicPlan]:
    """Every topic of topology.py and the changelog of every table."""
    plans = [
        TopicPlan(
            wire_name(settings, topic.name),
            topic.partitions,
            settings.topic_replication,
            _config(topic, settings),
        )
        for topic in topics
    ]
    plans += [
        TopicPlan(
            changelog_name(settings, table.name),
            table.partitions,
            settings.topic_replication,
            changelog_config(settings.message_limit),
        )
        for table in tables
    ]
    return plans


def _config(topic: Topic, settings: Settings) -> dict[str, str]:
    retention = -1 if topic.retention is None else int(topic.retention * 1000)
    config = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(retention),
        "max.message.bytes": str(settings.message_limit),
    }
    if topic.log_time:
        config["message.timestamp.type"] = "LogAppendTime"
    if 0 < retention < WEEK_MS:
        # Kafka removes whole segments only, and closes one after a week.
        config["segment.ms"] = str(retention)
    return config
