"""pipeline/delivery/consumer.py, `Only`: while nothing may be read, nothing is taken from aiokafka's buffer.

Here is aiokafka's own fetcher, waiting for records, while Faust empties the set of partitions that may be read: so it
is between the end of a recovery and the moment when the sources are read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from faust.types import TP

from pipeline.delivery.consumer import Only, SafeConsumer
from pipeline.delivery.runtime import ENOUGH, Runtime
from tests.unit.delivery.fakes import settings

CHANGELOG, SOURCE = TP("changelog", 0), TP("in", 0)


class Records:
    """What a broker sent for a partition, from the offset on that was asked for."""

    def __init__(self, offsets: range) -> None:
        self._offsets = iter(offsets)
        self.next_fetch_offset = offsets.start

    def __iter__(self) -> Records:
        return self

    def __next__(self) -> int:
        offset = next(self._offsets)
        self.next_fetch_offset = offset + 1
        return offset


class Buffer:
    """aiokafka's fetcher with its buffer only, as far as `fetched_records` looks at it."""

    _closed = False

    def __init__(self) -> None:
        self._records: dict[TP, FetchResult] = {}
        self._subscriptions = SimpleNamespace(reassignment_in_progress=False, is_assigned=lambda tp: True)
        self._wait_consume_future = None
        self._waiter: asyncio.Future[None] | None = None
        self.position = 228

    def _notify(self, future: Any) -> None:
        """Nobody waits for room in this buffer."""

    def _create_fetch_waiter(self) -> asyncio.Future[None]:
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def arrive(self, offsets: range) -> None:
        """Records of the source, prefetched from the position that was sought."""
        state = SimpleNamespace(paused=False, position=self.position, consumed_to=self._moved)
        assignment = SimpleNamespace(active=True, state_value=lambda tp: state)
        self._records[SOURCE] = FetchResult(
            SOURCE, assignment=assignment, partition_records=Records(offsets), backoff=0
        )
        assert self._waiter is not None
        self._waiter.set_result(None)

    def _moved(self, position: int) -> None:
        self.position = position


@pytest.mark.parametrize(
    ("wrap", "position"),
    # aiokafka takes an empty set for all partitions: where this changes, the mend may go
    [pytest.param(lambda given: given, 240, id="stock"), pytest.param(Only, 228, id="mended")],
)
async def test_records_that_arrive_while_nothing_may_be_read_stay_where_they_are(
    wrap: Callable[[Set[TP]], Any], position: int
) -> None:
    buffer = Buffer()
    active = {CHANGELOG}
    waiting = asyncio.create_task(Fetcher.fetched_records(buffer, wrap(active), timeout=0.2))
    await asyncio.sleep(0)
    active.clear()
    buffer.arrive(range(228, 240))
    taken = await waiting
    assert buffer.position == position
    assert (SOURCE in taken) == (position != 228)


async def test_they_are_taken_as_soon_as_they_may_be_read() -> None:
    buffer = Buffer()
    active: set[TP] = set()
    waiting = asyncio.create_task(Fetcher.fetched_records(buffer, Only(active), timeout=0.2))
    await asyncio.sleep(0)
    active.add(SOURCE)
    buffer.arrive(range(228, 240))
    assert list((await waiting)[SOURCE]) == list(range(228, 240))


async def test_the_consumer_asks_so(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, float]] = []

    async def fetch(self: Any, active_partitions: Any, timeout: float) -> Any:
        asked.append((active_partitions, timeout))
        return {}

    monkeypatch.setattr(next(base for base in SafeConsumer.__mro__[1:] if "_getmany" in vars(base)), "_getmany", fetch)
    full: set[str] = set()
    runtime = SimpleNamespace(is_full=lambda topic: topic in full, any_full=lambda: bool(full))
    consumer = SafeConsumer.__new__(SafeConsumer)
    consumer.app = SimpleNamespace(runtime=runtime)
    await consumer._getmany(set(), 1.0)
    await consumer._getmany(None, 1.0)
    assert bool(asked[0][0]) and SOURCE not in asked[0][0] and asked[0][1] == 1.0
    assert asked[1][0] is None
    await consumer._getmany({SOURCE}, 1.0)
    assert SOURCE in asked[2][0]
    full.add(SOURCE.topic)
    assert SOURCE not in asked[2][0], "its agent has enough to do"
    await consumer._getmany({SOURCE}, 1.0)
    assert asked[3][1] < 1.0, "it is looked at again soon"


async def test_a_runtime_knows_which_agents_have_enough_to_do() -> None:
    runtime = Runtime.__new__(Runtime)
    runtime.settings, runtime._queues = settings(topic_prefix="x."), {}
    queue: asyncio.Queue[int] = asyncio.Queue()
    runtime.reads(("a", "b"), queue)
    assert not runtime.any_full() and not runtime.is_full("x.a")
    for number in range(ENOUGH):
        queue.put_nowait(number)
    assert runtime.any_full() and runtime.is_full("x.a") and runtime.is_full("x.b") and not runtime.is_full("x.c")
    idle: asyncio.Queue[int] = asyncio.Queue()
    runtime.reads(("a",), idle, "another agent of the same topic")
    assert runtime.is_full("x.a"), "it would be held up by the full one"
