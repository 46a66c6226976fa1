"""The first start of an app id where request topics already hold records is refused: a lost group would execute
everything again (design, section 3). `faust -A pipeline adopt --from-now|--from-start` says how to go on.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata, TopicPartition

__all__ = ["adopt_from_now", "adopt_from_start", "refusal"]


async def refusal(
    admin: AIOKafkaAdminClient,
    servers: Sequence[str],
    group: str,
    topics: Sequence[str],
    changelogs: Sequence[str],
) -> str | None:
    """Why this group must not start, or None.

    Refused: records in `topics`, and neither a committed offset of the group nor a record in `changelogs`.
    """
    committed = await admin.list_consumer_group_offsets(group)
    if any(tp.topic in topics and offset.offset >= 0 for tp, offset in committed.items()):
        return None
    held = await _records(servers, topics)
    if not held or await _records(servers, changelogs):
        return None
    total = sum(held.values())
    return (
        f"app id {group!r} has no memory (neither offsets nor tables), but its request topics hold {total} records.\n"
        f"Starting would execute them all, perhaps again. Say which is right:\n"
        f"  faust -A pipeline adopt --from-now     leave those records alone, take what comes from now on\n"
        f"  faust -A pipeline adopt --from-start   execute them all"
    )


async def adopt_from_now(servers: Sequence[str], group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """Commit the present ends as the group's offsets. Returns them."""
    return await _commit(servers, group, topics, at_end=True)


async def adopt_from_start(servers: Sequence[str], group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """Commit the beginnings as the group's offsets. Returns them."""
    return await _commit(servers, group, topics, at_end=False)


async def _commit(
    servers: Sequence[str], group: str, topics: Sequence[str], *, at_end: bool
) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=list(servers), group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = await _partitions(consumer, topics)
        consumer.assign(partitions)
        offsets = await (consumer.end_offsets(partitions) if at_end else consumer.beginning_offsets(partitions))
        await consumer.commit({tp: OffsetAndMetadata(offset, "adopted") for tp, offset in offsets.items()})
        return dict(offsets)
    finally:
        await consumer.stop()


async def _records(servers: Sequence[str], topics: Sequence[str]) -> dict[str, int]:
    """Topics that hold records, with an upper bound of how many."""
    consumer = AIOKafkaConsumer(bootstrap_servers=list(servers), enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = await _partitions(consumer, topics)
        ends = await consumer.end_offsets(partitions)
        begins = await consumer.beginning_offsets(partitions)
    finally:
        await consumer.stop()
    held: dict[str, int] = {}
    for tp in partitions:
        if ends[tp] > begins[tp]:
            held[tp.topic] = held.get(tp.topic, 0) + ends[tp] - begins[tp]
    return held


async def _partitions(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    found = []
    for topic in topics:
        found += [TopicPartition(topic, p) for p in sorted(await consumer._client._wait_on_metadata(topic))]
    return found
