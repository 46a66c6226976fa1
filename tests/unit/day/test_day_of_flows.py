"""A whole day through the flows against the simulator, in this process: the end is what the model says, in any order.

No Kafka, no RabbitMQ, no faults: those are in tests/chaos/day.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

from sandbox.site.day import make_day, shuffled
from sandbox.site.message import Message
from sandbox.site.sizes import Sizes
from tests.day.compare import differences
from tests.day.mapping import MAPPING
from tests.day.model import expected
from tests.day.portal import read_portal
from tests.day.rest import Rest
from tests.unit.flows.desk import SmallWorker

KINDS = {"users": "user", "section": "section", "products": "product", "mutualsettlements": "settlement"}
SIZES = Sizes(users=12, products=16, sections=8, settlements=8, wrong=0, sold_when_inactive=True)


class DeskRest(Rest):
    """The portal of a small worker."""

    def __init__(self, worker: SmallWorker) -> None:
        super().__init__("http://127.0.0.1:1")
        self._desk = worker.desk

    async def call(self, method: str, params: Any = None) -> dict[str, Any]:
        reply = (await self._desk.portal.execute(self._desk.call(method, params))).reply
        body = {"result": reply.result} | ({} if reply.next is None else {"next": reply.next})
        found: dict[str, Any] = orjson.loads(orjson.dumps(body))
        return found

    async def each(self, method: str, ids: list[int]) -> dict[int, Any]:
        return {one: (await self.call(method, {"id": one}))["result"] for one in ids}


def play(worker: SmallWorker, messages: list[Message]) -> None:
    for one in messages:
        headers = {} if one.timestamp is None else {"amqp-timestamp": str(int(one.timestamp.timestamp()))}
        parts = [one.body]
        if one.exchange == "mutualsettlements":
            parts = [orjson.dumps({name: body}) for name, body in orjson.loads(one.body).items()]
        for part in parts:
            worker.send(KINDS[one.exchange], part, **headers)


@pytest.mark.parametrize("seed", [4, 5])
def test_any_order_ends_as_the_model_says_and_a_second_play_writes_nothing(seed: int) -> None:
    day = make_day(SIZES, seed)
    worker = SmallWorker()
    play(worker, shuffled(day.messages, seed))
    must = replace(expected(day.messages, MAPPING), documents=None)
    assert differences(must, asyncio.run(read_portal(DeskRest(worker), MAPPING))) == []
    calls = worker.calls_of(lambda: play(worker, list(day.again().messages)))
    assert not [method for method in calls if not method.endswith((".list", ".get"))], calls
