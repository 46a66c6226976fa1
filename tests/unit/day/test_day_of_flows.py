"""A whole day through the flows against the simulator, in this process: the end is what the model says, in any order.

No Kafka, no RabbitMQ, no faults: those are in tests/chaos/day.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import Unknown
from pipeline.portal.steps.command import Command, Executed, Result, Unclear
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
#: share of the rounds
LOST = 0.1
#: one of its goods comes and goes
UNSOLD = Sizes(
    users=0, products=8, sections=1, settlements=2, wrong=0, changed=1.0, most_changes=4, sold_when_inactive=True
)
#: many messages of settlements lack lists
PARTIAL = Sizes(users=1, products=8, sections=1, settlements=4, wrong=0, changed=1.0, most_changes=4, partial=0.5)
SIZES = Sizes(users=5, products=8, sections=4, settlements=4, wrong=0)


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


@dataclass
class LossyWorker(SmallWorker):
    """Of some rounds of writes the portal's answer is lost: they were executed, and nobody knows."""

    dice: random.Random = field(default_factory=lambda: random.Random(1))
    lost: int = 0
    _of: tuple[int, bool] = (0, False)

    def _execute(self, command: Command) -> Result:
        result = super()._execute(command)
        if self._of[0] != self.rounds:
            # what leaves together is lost together
            self._of = self.rounds, self.dice.random() < LOST
        if not self._of[1] or not command.write or not isinstance(result, Executed):
            return result
        self.lost += 1
        return Unclear(Unknown("the connection broke"), self.now)


def play(worker: SmallWorker, messages: list[Message]) -> None:
    for one in messages:
        headers = {} if one.timestamp is None else {"amqp-timestamp": str(int(one.timestamp.timestamp()))}
        parts = [one.body]
        if one.exchange == "mutualsettlements":
            parts = [orjson.dumps({name: body}) for name, body in orjson.loads(one.body).items()]
        for part in parts:
            worker.send(KINDS[one.exchange], part, **headers)


def differences_of(worker: SmallWorker, messages: Iterable[Message]) -> list[str]:
    must = replace(expected(messages, MAPPING), documents=None)
    return differences(must, asyncio.run(read_portal(DeskRest(worker), MAPPING)))


def lines_by_name(worker: SmallWorker) -> list[dict[str, Any]]:
    lines = asyncio.run(DeskRest(worker).rows("sale.basketitem.list", within="basketItems"))
    return [line for line in lines if (line["catalogXmlId"] or "").startswith("not sold: ")]


def test_any_order_ends_as_the_model_says_and_a_second_play_writes_nothing() -> None:
    day = make_day(SIZES, 1)
    worker = SmallWorker()
    play(worker, shuffled(day.messages, 1))
    assert differences_of(worker, day.messages) == []
    calls = worker.calls_of(lambda: play(worker, list(day.again().messages)))
    assert not [method for method in calls if not method.endswith((".list", ".get"))], calls


@pytest.mark.parametrize("goods", [False, True])
def test_lists_that_messages_do_not_carry_are_those_of_the_newest_that_do(goods: bool) -> None:
    day = make_day(replace(PARTIAL, partial_goods=goods), 2)
    assert any(b'"STATUS"' in one.body and b'"PAY' not in one.body for one in day.messages)
    messages = shuffled(day.messages, 2)
    if goods:
        messages.sort(key=lambda one: one.exchange != "products")
    worker = SmallWorker()
    play(worker, messages)
    assert differences_of(worker, day.messages) == []
    calls = worker.calls_of(lambda: play(worker, list(day.again().messages)))
    assert not [method for method in calls if not method.endswith((".list", ".get"))], calls


def test_goods_that_are_not_sold_any_more_are_lines_by_name() -> None:
    """The order is made all the same, the deal's rows name the product, and no line flips between the two."""
    day = make_day(UNSOLD, 15)
    worker = SmallWorker()
    play(worker, shuffled(day.messages, 15))
    assert differences_of(worker, day.messages) == []
    by_name = lines_by_name(worker)
    assert by_name and all(line["productId"] == 0 and line["name"] and line["productXmlId"] for line in by_name)
    calls = worker.calls_of(lambda: play(worker, list(day.again().messages)))
    assert not [method for method in calls if not method.endswith((".list", ".get"))], calls


def test_lost_answers_change_nothing_of_the_end() -> None:
    """Among them: a line is replaced when its product comes, and the answers to deletion and add are lost at once."""
    day = make_day(Sizes(users=2, products=10, sections=3, settlements=4, wrong=0), 8)
    worker = LossyWorker(dice=random.Random(8))
    play(worker, shuffled(day.messages, 8))
    assert worker.lost > 10
    assert differences_of(worker, day.messages) == []


def test_lost_answers_to_lines_by_name_double_nothing() -> None:
    day = make_day(UNSOLD, 15)
    worker = LossyWorker(dice=random.Random(15))
    play(worker, shuffled(day.messages, 15))
    assert worker.lost > 5 and lines_by_name(worker)
    assert differences_of(worker, day.messages) == []
