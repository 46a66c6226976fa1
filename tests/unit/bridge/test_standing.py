"""Queues that are drained by command stand: made while nobody reads them, their state on the page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipeline.bridge import standing
from pipeline.bridge.standing import Standing
from pipeline.delivery.errors import Transient
from pipeline.delivery.retry import Backoff
from pipeline.topology import InboundQueue

ONE = InboundQueue("one", "events.user", "event", mode="on-command")
TWO = InboundQueue("two", "events.user", "event", mode="on-command")


class Connection:
    async def wait_up(self, timeout: float | None = None) -> None:
        await asyncio.sleep(0)


async def test_they_are_made_again_and_again_and_a_refusal_of_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    async def declare(connection: Any, inbound: InboundQueue) -> list[str]:
        made.append(inbound.queue)
        if inbound is TWO and made.count("two") < 3:
            raise Transient("no rights")
        return ["queue one is not durable"] if inbound is ONE else []

    monkeypatch.setattr(standing, "declare_inbound", declare)
    monkeypatch.setattr(standing, "RETRY", Backoff(0.001, 0.002))
    stand = Standing([ONE, TWO], Connection())  # type: ignore[arg-type]
    assert [(status.queue, status.mode, status.consuming) for status in stand.status()] == [
        ("one", "on-command", False),
        ("two", "on-command", False),
    ]
    stand.start()
    try:
        async with asyncio.timeout(5):
            while "two" not in made:
                await asyncio.sleep(0)
            while stand.status()[1].error != "no rights":
                await asyncio.sleep(0)
            while stand.status()[1].error:
                await asyncio.sleep(0)
    finally:
        await stand.stop()
    assert stand.status()[0].differences == ("queue one is not durable",)
    assert made[:6] == ["one", "two"] * 3


async def test_without_such_queues_nothing_runs() -> None:
    stand = Standing([], Connection())  # type: ignore[arg-type]
    stand.start()
    assert stand.status() == () and stand._task is None
    await stand.stop()
