"""What lies in Kafka: every record of an installation, raw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.e2e.waiting import eventually


@dataclass(frozen=True)
class Raw:
    """One record as its bytes."""

    topic: str
    key: bytes
    headers: dict[str, bytes]
    value: bytes

    def text(self, header: str) -> str:
        return self.headers[header].decode()

    def holds(self, secret: bytes) -> bool:
        """Does the secret stand anywhere in it?"""
        parts = [self.key, self.value, *self.headers.values(), *(name.encode() for name in self.headers)]
        return any(secret in part for part in parts)


def read(bootstrap: str, wanted: Callable[[str], bool]) -> list[Raw]:
    """All records of the topics whose name is wanted, from the beginning to the present end."""
    return asyncio.run(_read(bootstrap, wanted))


async def _read(bootstrap: str, wanted: Callable[[str], bool]) -> list[Raw]:
    records: list[Raw] = []
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        # the default, the end, can overtake the seek: then nothing would be read, and no secret found
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=32 * 1024 * 1024,
    ) as consumer:
        places = await _places(bootstrap, wanted)
        ends = await consumer.end_offsets(places)
        begins = await consumer.beginning_offsets(places)
        open_places = [place for place in places if begins[place] < ends[place]]
        if not open_places:
            return records
        consumer.assign(open_places)
        await consumer.seek_to_beginning(*open_places)
        for place in open_places:
            while await consumer.position(place) < ends[place]:
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += [
                        Raw(r.topic, r.key or b"", {name: value or b"" for name, value in r.headers}, r.value or b"")
                        for r in batch
                    ]
    return records


async def _places(bootstrap: str, wanted: Callable[[str], bool]) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics()
    finally:
        await admin.close()
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        if wanted(topic["topic"])
        for partition in topic["partitions"]
    ]


def dead_letter(bootstrap: str, topic: str, found: Callable[[Raw], bool]) -> Raw:
    """The one dead letter that fits; waits for it, and fails the test when there are more of them."""
    letters = eventually(
        lambda: [raw for raw in read(bootstrap, topic.__eq__) if found(raw)], "the dead letter is written"
    )
    assert len(letters) == 1
    return letters[0]
