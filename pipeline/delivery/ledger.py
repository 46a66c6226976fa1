"""The crash ledger: what ended a worker three times is a dead letter, not a fourth crash.

Topic `delivery.crashes`, compacted, key `topic:partition:offset`, value `{"count", "error", "time"}`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

import orjson
from aiokafka.errors import KafkaError

from pipeline.delivery.errors import PipelineError
from pipeline.delivery.producer import ConfirmedProducer
from pipeline.delivery.reading import read_compacted
from pipeline.delivery.records import Record
from pipeline.topology import CRASHES

__all__ = ["CrashLedger"]

logger = logging.getLogger(__name__)

_NOTE_TIMEOUT = 5.0


class CrashLedger:
    """How often each record has ended a worker. Read once at start: the restart is what makes it current."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._counts: dict[str, int] = {}
        self._errors: dict[str, str] = {}

    async def load(self, servers: Sequence[str], topic: str) -> None:
        """Read the whole topic (name in Kafka)."""
        for key, value in (await read_compacted(servers, topic)).items():
            entry = orjson.loads(value)
            self._counts[key.decode()] = int(entry["count"])
            self._errors[key.decode()] = str(entry["error"])

    def is_poison(self, place: str) -> bool:
        """`place` is `topic:partition:offset`."""
        return bool(self._counts) and self._counts.get(place, 0) >= self.limit

    def last_error(self, place: str) -> str:
        """What it ended the worker with."""
        return self._errors.get(place, "")

    async def note(self, producer: ConfirmedProducer, place: str, error: BaseException) -> None:
        """Write down that this record ends the worker now. Waits a few seconds at most; a failure is only logged."""
        entry = {
            "count": self._counts.get(place, 0) + 1,
            "error": f"{type(error).__name__}: {error}"[:2000],
            "time": time.time(),
        }
        try:
            async with asyncio.timeout(_NOTE_TIMEOUT):
                await producer.send([Record(CRASHES, orjson.dumps(entry), key=place.encode())])
        except (TimeoutError, PipelineError, KafkaError) as failure:
            logger.error("could not note what ended the worker: %r", failure)
