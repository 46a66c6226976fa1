"""From where a group begins to read: remembered before its first record, or said by a person.

The first start of an app id where request topics already hold records is refused: a lost group would execute
everything again (design, section 3). `faust -A pipeline adopt --from-now|--from-start` says how to go on. A start that
is not refused commits the beginnings of all that the group has no offset of, before anything is accepted: else a worker
killed before its first commit would look like a lost group. In a group that has members only they can commit, and do so
before they read (SafeConsumer.perform_seek).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

__all__ = ["adopt_from_now", "adopt_from_start", "begin", "refusal"]

#: states of a group without members: its offsets may be committed from outside
_VACANT = frozenset({"Empty", "Dead"})

logger = logging.getLogger(__name__)


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
    if await _has_offset(admin, group, topics):
        return None
    held = await _records(servers, topics)
    if not held or await _records(servers, changelogs):
        return None
    if await _has_offset(admin, group, topics):
        return None  # another worker has begun at the same moment, and accepted what was counted here
    total = sum(held.values())
    return (
        f"app id {group!r} has no memory (neither offsets nor tables), but its request topics hold {total} records.\n"
        f"Starting would execute them all, perhaps again. Say which is right:\n"
        f"  faust -A pipeline adopt --from-now     leave those records alone, take what comes from now on\n"
        f"  faust -A pipeline adopt --from-start   execute them all"
    )


async def begin(
    admin: AIOKafkaAdminClient, servers: Sequence[str], group: str, topics: Sequence[str]
) -> dict[TopicPartition, int]:
    """Commit the beginnings of partitions of `topics` that the group has no offset of; durable when it returns.

    To be called when `refusal` has nothing against the start. What a topic that is new to the group holds is read, too.
    Returns what was committed: nothing where a group has members.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=list(servers), group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = await _partitions(consumer, topics)
        consumer.assign(partitions)
        beginnings = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        # members before offsets: one that has joined since, and committed, is not overwritten
        vacant = await _is_vacant(admin, group)
        missing = sorted(set(partitions) - await _committed(admin, group))
        if not missing or not vacant:
            return {}
        _tell_unread(group, {tp: ends[tp] - beginnings[tp] for tp in missing})
        offsets = {tp: beginnings[tp] for tp in missing}
        try:
            await consumer.commit({tp: OffsetAndMetadata(offset, "begun") for tp, offset in offsets.items()})
        except CommitFailedError:
            return {}  # somebody has joined just now: that one has committed before, or will
        return offsets
    finally:
        await consumer.stop()


def _tell_unread(group: str, held: dict[TopicPartition, int]) -> None:
    for topic in sorted({tp.topic for tp, count in held.items() if count}):
        count = sum(number for tp, number in held.items() if tp.topic == topic)
        logger.warning("topic %s holds %d records and is new to group %s: it reads them all", topic, count, group)


async def _has_offset(admin: AIOKafkaAdminClient, group: str, topics: Collection[str]) -> bool:
    return any(tp.topic in topics for tp in await _committed(admin, group))


async def _committed(admin: AIOKafkaAdminClient, group: str) -> set[TopicPartition]:
    """Partitions that the group has an offset of."""
    offsets = await admin.list_consumer_group_offsets(group)
    return {tp for tp, offset in offsets.items() if offset.offset >= 0}


async def _is_vacant(admin: AIOKafkaAdminClient, group: str) -> bool:
    for response in await admin.describe_consumer_groups([group]):
        for error, _, state, *_ in response.groups:
            if error or state not in _VACANT:
                return False
    return True


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
