"""While a call of `faust -A pipeline links` waits, it is said why."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from pipeline.ops import links_waiting
from pipeline.ops.board_records import PORTAL, Entry, pack
from pipeline.ops.links_waiting import PortalWord, Told
from pipeline.portal.links.kafka import LinksError
from pipeline.settings import Settings
from tests.support.pages import portal

REFUSED = "credential hook is refused until 12:00:00"


class Reader:
    """Reads nothing, at once."""

    async def step(self) -> None:
        await asyncio.sleep(0)


def word_of(reason: str | None, age: float = 0.0, name: str = "north") -> PortalWord:
    """What is said when a worker told this `age` seconds ago; None = no worker has said anything."""
    word = PortalWord(Settings.model_construct(kafka_url="127.0.0.1:1", topic_prefix=""), "north")
    word._reader = Reader()  # type: ignore[assignment]
    if reason is not None:
        state = portal(name, waiting=1, reason=reason, state="auth")
        word._board.put(*pack(Entry(PORTAL, name, "host:6066", time.time() - age, state)), time.time() - age)
    return word


async def test_why_a_portal_waits() -> None:
    said = await word_of(REFUSED)()
    assert REFUSED in said and "'north'" in said and "host:6066" in said


@pytest.mark.parametrize("word", [(None,), (REFUSED, 60.0), (REFUSED, 0.0, "south")])
async def test_no_worker_says_anything(word: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links_waiting, "_READING", 0.05)
    said = await word_of(*word)()
    assert "no worker" in said and "/healthz" in said and REFUSED not in said


async def why() -> str:
    return REFUSED


async def test_a_call_that_waits_says_so_again_and_again() -> None:
    lines: list[str] = []
    over = asyncio.Event()

    async def call(method: str, params: dict[str, Any]) -> dict[str, Any]:
        await over.wait()
        return params

    told = Told(call, why, every=0.01)
    told.say = lambda line: (lines.append(line), over.set() if len(lines) == 2 else None)[0]
    assert await asyncio.wait_for(told("crm.company.list", {"start": 0}), 10) == {"start": 0}
    said = list(lines)
    assert len(said) == 2 and all(REFUSED in line and "crm.company.list: no answer for" in line for line in said)
    await asyncio.sleep(0.03)
    assert lines == said, "it is silent after the answer"


async def test_what_goes_wrong_goes_on() -> None:
    async def call(method: str, params: dict[str, Any]) -> dict[str, Any]:
        raise LinksError("no answer")

    with pytest.raises(LinksError, match="no answer"):
        await Told(call, why)("crm.company.list", {})
