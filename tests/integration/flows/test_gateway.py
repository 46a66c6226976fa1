"""A day through the flows and the gateway into the simulator over HTTP: packed into batches, answered as by a portal.

The watches' records go round through Kafka; here the test brings them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from pipeline.delivery.records import Record
from pipeline.portal.plan import parse_plan
from pipeline.portal.requests.order import plan_keys
from pipeline.portal.requests.row import Row
from pipeline.topology import REQUESTS_BULK, RESULTS
from sandbox.site.day import make_day, shuffled
from sandbox.site.message import Message
from sandbox.site.sizes import Sizes
from tests.day.compare import differences
from tests.day.mapping import MAPPING
from tests.day.model import expected
from tests.day.portal import read_portal
from tests.day.rest import Rest
from tests.support.gateway import Gateway, gateway
from tests.support.sandbox_portal import NO_LIMITS, Client, serving
from tests.unit.flows.desk import DAY_MAPPING, TOPICS, records_of
from tests.unit.portal.fakes import until

KINDS = {"users": "user", "section": "section", "products": "product", "mutualsettlements": "settlement"}
FLOWS = {kind: module.flow(DAY_MAPPING) for kind, module in TOPICS.items()}
SIZES = Sizes(users=8, products=12, sections=4, settlements=5, wrong=0)
SCALE = 600.0


def plans(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Requests, as the intake takes the flows' records."""
    requests = []
    for one in messages:
        headers = {} if one.timestamp is None else {"amqp-timestamp": str(int(one.timestamp.timestamp()))}
        bodies = [one.body]
        if one.exchange == "mutualsettlements":
            bodies = [orjson.dumps({kind: body}) for kind, body in orjson.loads(one.body).items()]
        for body in bodies:
            requests += [request(record) for record in records_of(FLOWS[KINDS[one.exchange]], body, headers)]
    return requests


def request(record: Record) -> dict[str, Any]:
    assert record.topic == REQUESTS_BULK and record.value is not None
    return {
        "lane": "b", "method": "plan", "plan": True, "body": record.value, "keys": plan_keys(parse_plan(record.value)),
        "source": record.headers["source"], "watch": record.headers.get("watch"),
    }  # fmt: skip


async def woken_after(ours: Gateway, taken: int) -> list[Record]:
    """Records that watches send after the first ones; none when nothing is to be sent."""
    await until(lambda: not ours.watches._waking._due or len(ours.kafka.of(REQUESTS_BULK)) > taken)
    return ours.kafka.of(REQUESTS_BULK)[taken:]


async def played(ours: Gateway, requests: list[dict[str, Any]]) -> None:
    """All of them at once, then those that watches have woken."""
    taken = len(ours.kafka.of(REQUESTS_BULK))
    rows: list[Row] = await ours.run(*requests)
    while woken := await woken_after(ours, taken):
        taken += len(woken)
        rows += await ours.run(*(request(record) for record in woken))
    answers = {record.headers["answer-id"]: record for record in ours.kafka.of(RESULTS)}
    failed = [answers[one.identity].value for one in rows if answers[one.identity].headers.get("status") != "200"]
    assert not failed, failed[:3]


async def writes(portal: Client) -> Any:
    return (await portal.control("counters?portal=default"))["writes"]


async def test_a_day_in_any_order_packed_into_batches() -> None:
    day = make_day(SIZES, 4)
    async with (
        serving(scale=SCALE, default=NO_LIMITS) as portal,
        gateway(portal, scale=SCALE, preset="self-hosted") as ours,
        Rest(portal.root) as rest,
    ):
        ours.watches.begin((0,))
        await played(ours, plans(shuffled(day.messages, 4)))
        must = replace(expected(day.messages, MAPPING), documents=None)
        assert differences(must, await read_portal(rest, MAPPING)) == []
        told = await portal.control("counters?portal=default")
        assert told["requests"] * 4 < sum(told["executions"].values()), "packed"
        before = await writes(portal)
        await played(ours, plans(day.again().messages))
        assert await writes(portal) == before, "a second play writes nothing"
        await ours.watches.end()
