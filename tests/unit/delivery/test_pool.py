"""pipeline/delivery/pool.py: order per key, bounded, drained."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.delivery.pool import KeyedPool
from tests.unit.delivery.fakes import settle, until


@settings(max_examples=50, deadline=None)
@given(
    works=st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 4)), max_size=30),
    limit=st.integers(1, 8),
)
async def test_one_key_in_order_and_never_more_than_the_limit(works: list[tuple[str | None, int]], limit: int) -> None:
    pool = KeyedPool(limit)
    running: list[str | None] = []
    ended: list[tuple[str | None, int]] = []

    async def work(key: str | None, number: int, turns: int) -> None:
        assert key is None or key not in running
        running.append(key)
        assert len(running) <= limit
        for _ in range(turns):
            await asyncio.sleep(0)
        running.remove(key)
        ended.append((key, number))

    for number, (key, turns) in enumerate(works):
        await pool.submit(key, lambda k=key, n=number, t=turns: work(k, n, t))
    await pool.drain(5)
    assert len(ended) == len(works)
    for key in ("a", "b", "c"):
        numbers = [number for of, number in ended if of == key]
        assert numbers == sorted(numbers)
    await settle()
    assert len(pool) == 0 and not pool._tails


async def test_submit_waits_while_the_limit_runs() -> None:
    pool, gate = KeyedPool(2), asyncio.Event()

    async def work() -> None:
        await gate.wait()

    await pool.submit(None, work)
    await pool.submit("k", work)
    third = asyncio.create_task(pool.submit(None, work))
    await settle()
    assert not third.done()
    gate.set()
    await third
    await pool.drain(1)


async def test_work_of_other_keys_goes_side_by_side() -> None:
    pool, gate, done = KeyedPool(3), asyncio.Event(), []

    async def slow() -> None:
        await gate.wait()
        done.append("slow")

    async def quick(name: str) -> None:
        done.append(name)

    await pool.submit("a", slow)
    await pool.submit("a", lambda: quick("behind"))
    await pool.submit("b", lambda: quick("beside"))
    await settle()
    assert done == ["beside"]
    gate.set()
    await pool.drain(1)
    assert done == ["beside", "slow", "behind"]


async def test_drain_waits_then_cancels() -> None:
    pool, cancelled = KeyedPool(5), []

    async def endless(name: str) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(name)
            raise

    async def short() -> None:
        await asyncio.sleep(0)
        cancelled.append("ended")

    await pool.submit("a", lambda: endless("a"))
    await pool.submit("a", lambda: endless("never begun"))
    await pool.submit(None, short)
    await pool.drain(0.02)
    assert cancelled == ["ended", "a"]
    await settle()
    assert len(pool) == 0
    # there is room again
    async with asyncio.timeout(1):
        for _ in range(5):
            await pool.submit(None, short)
    await pool.drain(1)


async def test_work_that_raises_ends_the_worker_instead_of_vanishing(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.delivery import pool as module

    ends: list[BaseException | None] = []
    monkeypatch.setattr(module, "die", lambda reason, error=None: ends.append(error))

    async def broken() -> None:
        raise KeyError("x")

    pool = KeyedPool(1)
    await pool.submit(None, broken)
    await until(lambda: ends)
    assert isinstance(ends[0], KeyError)
