"""Only the contiguous prefix of confirmed deliveries may be acked."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.bridge.window import Posted, Window
from pipeline.delivery.errors import Transient
from pipeline.delivery.records import Record

RECORD = Record("topic", b"")


def window(loop: asyncio.AbstractEventLoop, states: list[str]) -> Window:
    made = Window()
    for tag, state in enumerate(states, start=1):
        future: asyncio.Future[Any] = loop.create_future()
        if state == "confirmed":
            future.set_result(None)
        elif state == "failed":
            future.set_exception(Transient("no"))
            future.exception()
        elif state == "cancelled":
            future.cancel()
        made.add(Posted(tag, RECORD, future))
    return made


@given(st.lists(st.sampled_from(["confirmed", "failed", "cancelled", "waiting"])))
def test_prefix(states: list[str]) -> None:
    loop = asyncio.new_event_loop()
    try:
        made = window(loop, states)
        prefix = next((n for n, state in enumerate(states) if state != "confirmed"), len(states))
        assert made.take() == (prefix, prefix)
        assert len(made) == len(states) - prefix
        head = made.head()
        assert (head.tag if head else None) == (prefix + 1 if prefix < len(states) else None)
        assert made.take() == (0, 0)
        assert [p.tag for p in made.failed()] == [
            tag for tag, state in enumerate(states, 1) if tag > prefix and state in ("failed", "cancelled")
        ]
    finally:
        loop.close()


async def test_settle_waits_for_all_and_cancels_none() -> None:
    made = window(asyncio.get_running_loop(), ["confirmed", "waiting", "failed", "waiting"])
    settling = asyncio.create_task(made.settle())
    waiting = [posted.future for posted in made if not posted.future.done()]
    await asyncio.sleep(0)
    waiting[0].set_result(None)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not settling.done()
    waiting[1].set_exception(Transient("late"))
    await asyncio.wait_for(settling, 1)
    settling = asyncio.create_task(window(asyncio.get_running_loop(), ["waiting"]).settle())
    await asyncio.sleep(0)
    settling.cancel()
    await asyncio.wait({settling})
    assert settling.cancelled()


async def test_cancelled_settle_leaves_kafkas_future_alone() -> None:
    made = window(asyncio.get_running_loop(), ["waiting"])
    settling = asyncio.create_task(made.settle())
    await asyncio.sleep(0)
    settling.cancel()
    await asyncio.wait({settling})
    head = made.head()
    assert head is not None
    assert not head.future.cancelled()
