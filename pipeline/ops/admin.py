"""Questions to Kafka about offsets, asked beside the worker's own clients and never in its group.

One look = three requests for the whole cluster, plus one fetch for partitions whose oldest waiting record is not known
yet. Every failure closes the clients; the next look opens new ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from pipeline.ops.lag import Offsets
from pipeline.settings import Settings

__all__ = ["KafkaLook"]

REQUEST_TIMEOUT_MS = 5_000
#: How long one look waits for the records whose time it wants; what has not come is asked again next time.
READ_SECONDS = 2.0
#: How often topics that do not exist are asked for again.
MISSING_SECONDS = 15.0


class KafkaLook:
    """Reads committed, first and next offsets, and times of records. Not for use by two tasks at once."""

    def __init__(self, settings: Settings) -> None:
        self._servers = ",".join(settings.kafka_servers)
        self._group = settings.app_id
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._known: set[str] = set()
        self._known_at = float("-inf")
        self._times: dict[TopicPartition, tuple[int, float]] = {}

    async def offsets(self, topics: Iterable[str]) -> dict[TopicPartition, Offsets]:
        """Offsets of all partitions of those topics that exist.

        Raises:
            Exception: Kafka does not answer, whatever its client makes of that; the clients are closed.
        """
        try:
            return await self._offsets(set(topics))
        except BaseException:
            await self.close()
            raise

    async def oldest(self, positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, float]:
        """Unix times of the records at those offsets (or the next one after a gap), as far as they came in time.

        Raises:
            Exception: as `offsets` does.
        """
        for gone in self._times.keys() - positions.keys():
            del self._times[gone]
        wanted = {
            partition: offset
            for partition, offset in positions.items()
            if self._times.get(partition, (None, 0.0))[0] != offset
        }
        try:
            if wanted:
                await self._read(wanted)
        except BaseException:
            await self.close()
            raise
        return {
            partition: when for partition, (offset, when) in self._times.items() if positions.get(partition) == offset
        }

    async def close(self) -> None:
        """Close the clients; a later question opens them again."""
        clients = (self._admin, self._consumer)
        self._admin = self._consumer = None
        self._known_at = float("-inf")
        for client, close in ((clients[0], "close"), (clients[1], "stop")):
            if client is not None:
                with contextlib.suppress(Exception):
                    await getattr(client, close)()

    async def _offsets(self, topics: set[str]) -> dict[TopicPartition, Offsets]:
        admin, consumer = await self._clients()
        partitions = await self._partitions(admin, topics)
        if not partitions:
            return {}
        # The commits first: a commit that is newer than the end would look like a topic made anew.
        committed = await admin.list_consumer_group_offsets(self._group)
        begin, end = await asyncio.gather(consumer.beginning_offsets(partitions), consumer.end_offsets(partitions))
        found = {}
        for partition in partitions:
            commit = committed.get(partition)
            offset = commit.offset if commit is not None and commit.offset >= 0 else None
            found[partition] = Offsets(offset, begin[partition], end[partition])
        return found

    async def _partitions(self, admin: AIOKafkaAdminClient, topics: set[str]) -> list[TopicPartition]:
        # Only topics that exist are named in a request: naming a missing one may create it with wrong settings.
        if not topics <= self._known and time.monotonic() - self._known_at > MISSING_SECONDS:
            self._known = set(await admin.list_topics())
            self._known_at = time.monotonic()
        present = sorted(topics & self._known)
        if not present:
            return []
        described = await admin.describe_topics(present)
        return [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in described
            if not topic["error_code"]
            for partition in topic["partitions"]
        ]

    async def _clients(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._admin is None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, request_timeout_ms=REQUEST_TIMEOUT_MS)
            self._admin = admin
            await admin.start()
        if self._consumer is None:
            # Small fetches: one batch a partition is enough, and Kafka always sends at least one.
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._servers,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                fetch_max_wait_ms=200,
                max_partition_fetch_bytes=1024,
            )
            self._consumer = consumer
            await consumer.start()
        return self._admin, self._consumer

    async def _read(self, wanted: dict[TopicPartition, int]) -> None:
        _, consumer = await self._clients()
        missing = dict(wanted)
        consumer.assign(list(missing))
        for partition, offset in missing.items():
            consumer.seek(partition, offset)
        deadline = time.monotonic() + READ_SECONDS
        while missing and time.monotonic() < deadline:
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                if records and partition in missing:
                    self._times[partition] = (missing.pop(partition), records[0].timestamp / 1000)
                    consumer.pause(partition)
        # Without this the client would go on fetching what nobody reads.
        consumer.unsubscribe()
