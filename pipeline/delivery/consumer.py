"""Consumer that commits only the contiguous prefix of delivered offsets that are acked.

Mends faults of faust-streaming 0.15.3 (reference: Faust, sections 1.3 and 13): the off-by-one commit over an
unfinished event (#606), gaps that count a received event as acked, and aiokafka's `seek_to_committed`, which does
not seek where nothing, or 0, is committed. And a fourth, found by the kill test: see `Only`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Set
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from faust.transport.consumer import ensure_TP
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP
from mode.types import ServiceT

from pipeline.delivery import metrics
from pipeline.delivery.drain import drain
from pipeline.delivery.exit import die

if TYPE_CHECKING:
    from faust.transport.conductor import Conductor

    from pipeline.delivery.app import BusApp

__all__ = ["Only", "SafeConsumer"]

logger = logging.getLogger(__name__)

#: seconds; calls that are out and answers on their way have 20 s each, the commit 10 s (runtime.py, gateway.py)
_REVOKE_LIMIT = 50.0
#: seconds between two looks while an agent has enough to do
_SOON = 0.05


class Only:
    """The partitions that may be read now; empty means none.

    Faust hands aiokafka its own set, which it empties when recovery is over, while aiokafka still waits for records.
    To aiokafka an empty set means all: what arrived for the sources after the seek was taken, its position moved on,
    and Faust dropped it as not asked for. Nobody read it again.
    """

    def __init__(self, partitions: Set[TP], is_full: Callable[[str], bool] = lambda topic: False) -> None:
        """`is_full`: tells of a topic that its agent has enough to do; its records stay with aiokafka meanwhile."""
        self._partitions = partitions
        self._is_full = is_full

    def __contains__(self, partition: object) -> bool:
        return partition in self._partitions and not self._is_full(cast(TP, partition).topic)

    def __bool__(self) -> bool:
        return True


class SafeConsumer(Consumer):
    """Faust's consumer with a commit that never skips an event."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: offsets handed to at least one agent, in order, by partition
        self._delivered: defaultdict[TP, deque[int]] = defaultdict(deque)
        #: offset that comes next, by partition
        self._next: dict[TP, int] = {}
        super().__init__(*args, **kwargs)
        forward, topics, note = self.callback, self.app.topics, self._note
        acking = cast("Conductor", topics)._acking_topics

        async def callback(message: Any) -> None:
            if message.topic in acking:
                note(message.tp, message.offset)
            await forward(message)

        self.callback = callback

    def _note(self, tp: TP, offset: int) -> None:
        """It is handed to an agent. What was passed over is lost without a word otherwise, so it is told loudly."""
        expected = self._next.get(tp, offset)
        if offset > expected and not cast("BusApp", self.app).runtime.is_compacted(tp.topic):
            metrics.RECORDS_SKIPPED.labels(tp.topic).inc(offset - expected)
            logger.error(
                "%s[%d]: offsets %d to %d were never read: expired, or lost on the way; "
                "they can be read again with kafka-consumer-groups --reset-offsets while no worker runs",
                *(tp.topic, tp.partition, expected, offset - 1),
            )
        self._next[tp] = offset + 1
        self._delivered[tp].append(offset)

    def _new_offset(self, tp: TP) -> int | None:
        todo, acked = self._delivered[ensure_TP(tp)], self._acked_index[tp]
        last = None
        while todo and todo[0] in acked:
            last = todo.popleft()
            acked.discard(last)
        if last is None:
            return None
        self._acked[tp] = [offset for offset in self._acked[tp] if offset > last]
        return todo[0] if todo else last + 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps need no bookkeeping: only delivered offsets count."""

    async def _getmany(self, active_partitions: Set[TP] | None, timeout: float) -> Any:
        runtime = cast("BusApp", self.app).runtime
        only = active_partitions if active_partitions is None else Only(active_partitions, runtime.is_full)
        # what an agent has room for again is not waited for: aiokafka wakes up for new records only
        return await super()._getmany(cast("set[TP] | None", only), _SOON if runtime.any_full() else timeout)

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        await drain(self, fetcher)

    def _forget(self, tps: Iterable[TP]) -> None:
        for tp in map(ensure_TP, tps):
            self._delivered.pop(tp, None)
            self._next.pop(tp, None)
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)

    async def perform_seek(self) -> None:
        """Seek every partition to its committed offset, explicitly where aiokafka would not.

        Where none is committed the beginning is, before anything is read: a worker that ends before its first commit
        must not leave a group behind that looks lost (adoption.py).
        """
        self._forget(list(self._delivered))
        await super().perform_seek()
        acking = cast("Conductor", self.app.topics)._acking_topics
        sources = [tp for tp in map(ensure_TP, self.assignment()) if tp.topic in acking]
        rest = [tp for tp in sources if not self._committed_offset.get(tp)]
        first = await self.earliest_offsets(*rest) if rest else {}
        for tp in rest:
            await self.seek(tp, first[tp])
        unknown = {tp: first[tp] for tp in rest if self._read_offset.get(tp) is None}
        if unknown and not await self._commit(unknown):
            logger.info("the beginnings of %d partitions are not committed: another rebalance begins", len(unknown))
        self._next = {tp: first[tp] if tp in first else cast(int, self._committed_offset[tp]) for tp in sources}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        accepted = False
        try:
            accepted = await super()._commit(offsets)
        finally:
            (metrics.COMMITS if accepted else metrics.COMMITS_FAILED).inc()
        return accepted

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """The next generation: nothing of it is given up yet; stores are opened, recovery begins."""
        cast("BusApp", self.app).given_up = None
        async with _ends_worker("opening what was assigned", self.app.conf.broker_rebalance_timeout):
            await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let everything in flight end and be committed before the acks of these partitions are dropped."""
        async with _ends_worker("giving up partitions", _REVOKE_LIMIT):
            if not self.app.should_stop:
                await cast("BusApp", self.app).release()
            await super().on_partitions_revoked(revoked)
        self._forget(revoked)


@asynccontextmanager
async def _ends_worker(what: str, limit: float) -> AsyncIterator[None]:
    """The whole group waits for this worker: after `limit` seconds it ends, and the others get what is un-acked."""
    try:
        async with asyncio.timeout(limit):
            yield
    except TimeoutError as error:
        die(f"{what} took more than {limit:g} s", error)
