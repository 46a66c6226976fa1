"""pipeline/delivery/runtime.py: taking over and giving up partitions, start and stop calls."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pipeline.delivery.app import make_app
from pipeline.delivery.flow import Flow
from pipeline.delivery.ownership import Ownership
from pipeline.delivery.runtime import Runtime
from pipeline.settings import Settings
from pipeline.topology import REQUESTS_INTERACTIVE, Table, Topic
from tests.unit.delivery.fakes import settle

IN = Topic("in", "key", "x", partitions=2)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    settings = Settings(topic_prefix="p.", app_id="app", data_dir=tmp_path)
    return make_app(settings, [IN], [Table("t", "key", "x", partitions=2)]).runtime


class Owner:
    """Gives up when the test says so, or fails to."""

    def __init__(self, ownership: Ownership) -> None:
        ownership.register("p.in", self)
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.owned: frozenset[int] | None = None

    async def on_owned(self, partitions: frozenset[int]) -> None:
        self.owned = partitions

    async def on_lost(self) -> None:
        await self.gate.wait()
        if self.error is not None:
            raise self.error


async def test_events_flow_after_the_owners_know_and_stop_before_they_let_go(runtime: Runtime) -> None:
    owner = Owner(runtime.ownership)
    assert not runtime.accepting
    await runtime.take_over({("p.in", 1), ("app-t-changelog", 1)})
    assert runtime.accepting and owner.owned == {1}
    assert runtime._table_partitions("t") == {1}
    releasing = asyncio.create_task(runtime.release())
    await settle()
    # what is in progress may still be acked, nothing begins
    assert runtime.accepting and runtime.releasing
    owner.gate.set()
    await releasing
    assert not runtime.accepting and not runtime.releasing
    assert runtime._table_partitions("t") == frozenset()
    await runtime.release()  # at the worker's end, after the rebalance: nothing to do


async def test_an_owner_that_fails_to_let_go_does_not_leave_the_flow_open(runtime: Runtime) -> None:
    owner = Owner(runtime.ownership)
    owner.gate.set()
    owner.error = KeyError("x")
    await runtime.take_over({("p.in", 0)})
    with pytest.raises(KeyError):
        await runtime.release()
    assert not runtime.accepting and not runtime.releasing


def test_a_flow_becomes_an_agent_on_its_lanes(runtime: Runtime) -> None:
    runtime.attach(Flow("one", ("in", REQUESTS_INTERACTIVE), lambda event: None))
    agent = runtime.app.agents["one"]
    assert agent.concurrency == 1
    assert set(agent.channel.topics) == {"p.in", f"p.{REQUESTS_INTERACTIVE}"}  # type: ignore[attr-defined]
    with pytest.raises(KeyError):
        runtime.table("no such")


async def test_stop_calls_go_backwards_and_one_that_fails_stops_no_other(runtime: Runtime) -> None:
    order: list[Any] = []

    async def fine() -> None:
        order.append("fine")

    async def broken() -> None:
        order.append("broken")
        raise KeyError("x")

    runtime.on_stop(fine)
    runtime.on_stop(broken)
    await runtime.stop()
    assert order == ["broken", "fine"]
