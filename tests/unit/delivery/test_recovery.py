"""pipeline/delivery/recovery.py: what a standby has read while a take-over went on is not thrown away.

The same steps with Faust's own method lose it.
"""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.tables.recovery import Recovery
from mode.utils.queues import FlowControlEvent, FlowControlQueue

from pipeline.delivery import recovery as module

STOCK = "stock"
OURS = "ours"
GENERATION = 7
#: before anything puts ours in its place
stock_resume = Recovery.on_recovery_completed


class Ground:
    """A recovery whose standby partitions were started: flow resumed, changelog records on their way."""

    def __init__(self) -> None:
        self.flow = FlowControlEvent()
        self.changelog: Any = FlowControlQueue(flow_control=self.flow, clear_on_resume=True)
        self.agents: Any = FlowControlQueue(flow_control=self.flow, clear_on_resume=True)
        self.given_up = False
        self.taken_over = False
        consumer = SimpleNamespace(
            assignment=lambda: {("in", 0)},
            perform_seek=self._seek,
            resume_partitions=lambda tps: None,
            resume_flow=lambda: None,
        )
        app = SimpleNamespace(
            flow_control=self.flow,
            consumer=consumer,
            consumer_generation_id=GENERATION,
            holds=lambda generation: not self.given_up,
            take_over=self._take_over,
            on_rebalance_complete=SimpleNamespace(send=_nothing),
            conf=SimpleNamespace(broker_request_timeout=1.0),
            _fetcher=SimpleNamespace(maybe_start=_nothing),
            assignor=SimpleNamespace(assigned_standbys=lambda: {("log", 0)}),
            on_rebalance_end=lambda: None,
        )

        class Tables(dict[str, Any]):
            changelog_queue = self.changelog
            on_actives_ready = staticmethod(lambda: None)
            on_standbys_ready = staticmethod(lambda: None)

        log = SimpleNamespace(info=logging.info, dev=logging.debug, warning=logging.warning)
        self.recovery = cast(
            Recovery,
            SimpleNamespace(
                app=app,
                tables=Tables(),
                completed=asyncio.Event(),
                log=log,
                _wait=self._wait,
                _is_changelog_tp=lambda tp: tp[0] == "log",
                _set_recovery_ended=lambda: None,
            ),
        )

    async def _seek(self) -> None:
        # what the fetcher brings meanwhile
        await self.changelog.put("changelog record")
        await self.agents.put("stale event")

    async def _take_over(self, assignment: object) -> None:
        self.taken_over = True

    async def _wait(self, coro: Any, timeout: float) -> None:
        await coro


async def _nothing(*_: object) -> None: ...


@pytest.mark.parametrize("kind", [OURS, STOCK])
async def test_what_a_standby_has_read_is_kept(kind: str) -> None:
    ground = Ground()
    ground.flow.resume()  # Faust's recovery does so when it starts the standby partitions
    completed = module._on_recovery_completed if kind == OURS else stock_resume
    await completed(ground.recovery, GENERATION)
    assert ground.recovery.completed.is_set()
    assert ground.changelog.qsize() == (1 if kind == OURS else 0)
    assert ground.agents.empty(), "agents begin with what is read from the committed offsets on"


async def test_a_suspended_flow_is_resumed() -> None:
    ground = Ground()

    async def nothing() -> None: ...

    ground.recovery.app.consumer.perform_seek = nothing  # type: ignore[method-assign]
    await module._on_recovery_completed(ground.recovery, GENERATION)
    assert ground.flow.is_active() and ground.taken_over


async def test_what_was_given_up_is_not_taken_over() -> None:
    ground = Ground()
    ground.given_up = True
    await module._on_recovery_completed(ground.recovery, GENERATION)
    assert not ground.taken_over and not ground.flow.is_active()
