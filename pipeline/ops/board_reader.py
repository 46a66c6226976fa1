"""Reads the topic `ops.state` into the board, with a consumer that is in no group."""

from __future__ import annotations

import contextlib
import time

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline import topology
from pipeline.ops.board import FORGET_SECONDS, Board
from pipeline.settings import Settings

__all__ = ["BoardReader"]

POLL_MS = 1_000


class BoardReader:
    """`step` reads what has come; on a fault the client is closed, and the next step starts anew."""

    def __init__(self, settings: Settings, board: Board) -> None:
        self._servers = ",".join(settings.kafka_servers)
        self._topic = topology.wire_name(settings, topology.OPS_STATE)
        self._board = board
        self._consumer: AIOKafkaConsumer | None = None
        self._history_end = 0

    async def step(self) -> None:
        """Read for at most a second. Raises what Kafka's client raises; a topic that is not there yet is waited for."""
        try:
            consumer = self._consumer or await self._open()
            if not consumer.assignment() and not await self._assign(consumer):
                return
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    # What comes in live is true now, whatever the clock of the machine that wrote it says.
                    live = record.offset >= self._history_end
                    at = time.time() if live else record.timestamp / 1000
                    self._board.put(record.key or b"", record.value, at)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the client."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(Exception):
                await consumer.stop()

    async def _open(self) -> AIOKafkaConsumer:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=5_000,
        )
        await self._consumer.start()
        return self._consumer

    async def _assign(self, consumer: AIOKafkaConsumer) -> bool:
        # Asked without naming it: naming a topic that is not there may create it with wrong settings.
        if self._topic not in await consumer.topics():
            return False
        partition = TopicPartition(self._topic, 0)
        consumer.assign([partition])
        since = int((time.time() - FORGET_SECONDS) * 1000)
        start = (await consumer.offsets_for_times({partition: since}))[partition]
        self._history_end = (await consumer.end_offsets([partition]))[partition]
        consumer.seek(partition, self._history_end if start is None else start.offset)
        return True
