"""A plan that misses a product is completed when the product comes, whatever happens to the worker in between.

RabbitMQ is away: plans need it nowhere.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from pipeline.delivery.records import wire_headers
from pipeline.portal.plan import Key, Part, Plan
from pipeline.portal.plan_builder import OMIT, If, PlanBuilder
from stack.worker import Worker
from tests.e2e import kafka_log
from tests.e2e.installation import QUICK, Simulator, toml
from tests.e2e.waiting import eventually
from tests.support.services import PortalFactory, WorkerFactory

pytestmark = pytest.mark.services

GOODS = "product:23"
DEAL = Key(id="17", originator="site")


def settlement() -> Plan:
    """A deal with one row, whose product it looks for."""
    plan = PlanBuilder(subject="settlement:17")
    goods = plan.find("goods", GOODS, [Key(id="bolt")], watch=True)
    deal = plan.upsert("deal", "deal", DEAL, {"TITLE": "Application 17"}, version=1)
    row = {"PRODUCT_ID": If(goods.found(0), goods.found(0), OMIT), "PRODUCT_NAME": "Болт", "PRICE": "5", "QUANTITY": 1}
    part = Part(name="rows", entity="deal", key=DEAL, version=1)
    plan.call("rows", "crm.deal.productrows.set", {"id": deal.id, "rows": [row]}, part=part)
    return plan.build()


def product() -> Plan:
    plan = PlanBuilder(subject="product:main:bolt")
    plan.upsert("product", GOODS, Key(id="bolt"), {"name": "Болт М6"}, title="Болт М6")
    return plan.build()


class Bus:
    """A worker and its portal."""

    def __init__(self, worker: Worker, portal: Simulator) -> None:
        self.worker = worker
        self.portal = portal
        self.bootstrap = worker.env["KAFKA_URL"].removeprefix("kafka://").rstrip("/")
        self.prefix = worker.env["PIPELINE_TOPIC_PREFIX"]

    def send(self, plan: Plan, source: str) -> None:
        """As a flow does."""
        asyncio.run(self._send(plan, source))

    async def _send(self, plan: Plan, source: str) -> None:
        record = plan.record("default", "crm", source=source)
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap) as producer:
            headers = wire_headers(record.headers)
            await producer.send_and_wait(self.prefix + record.topic, record.value, record.key, headers=headers)

    def answers(self, count: int, source: str = "settlements") -> list[Any]:
        """By answer, each once, in order, when there are so many."""

        def found() -> list[Any]:
            raws = kafka_log.read(self.bootstrap, f"{self.prefix}portal.results".__eq__)
            ours = {raw.text("answer-id"): orjson.loads(raw.value) for raw in raws if raw.text("source") == source}
            return list(ours.values()) if len(ours) >= count else []

        return eventually(found, f"{count} answers of {source}")

    def watches(self) -> str:
        """The metric."""
        lines = httpx.get(f"{self.worker.url}/metrics").text.splitlines()
        return next((line for line in lines if line.startswith("pipeline_portal_watches{")), "none").partition(" ")[2]

    def rows(self) -> list[Any]:
        """(product, name) of the deal's rows in the portal."""
        found = self.portal.call("crm.deal.productrows.get", {"id": 1})
        return [(str(row["PRODUCT_ID"]), row["PRODUCT_NAME"]) for row in found]


def test_a_settlement_is_completed_when_its_product_comes(
    portal_factory: PortalFactory, worker_factory: WorkerFactory
) -> None:
    portal = Simulator(portal_factory("--no-limits"))
    env = QUICK | {"AMPQURL": "amqp://guest:guest@127.0.0.1:1/", "PIPELINE_PORTAL_RATE": "none"}
    worker = worker_factory(portal.rest, env=env, start=False)
    credential = {"crm": {"user": "1", "token": "sandbox"}}
    settings = toml({"default": {"address": portal.rest, "rate": "none", "credentials": credential}})
    (worker.folder / "pipeline.toml").write_text(settings)
    worker.start()
    bus = Bus(worker, portal)

    bus.send(settlement(), "settlements")
    (first,) = bus.answers(1)
    assert first["steps"]["goods"] == {"found": [None], "missing": 1}
    assert bus.rows() == [("0", "Болт")]
    eventually(lambda: bus.watches() == "1.0", "the watch is counted")
    worker.kill()
    worker.start()

    bus.send(product(), "products")
    (made,) = bus.answers(1, "products")
    number = made["steps"]["product"]["id"]
    worker.kill()  # before or after it has sent the settlement again
    worker.start()
    eventually(lambda: bus.rows() == [(number, "Болт")], "the row has its product")
    last = bus.answers(2)[1]
    assert last["steps"]["goods"] == {"found": [{"id": number, "title": "Болт М6"}], "missing": 0}
    assert last["steps"]["deal"]["action"] == "unchanged"
    eventually(lambda: bus.watches() == "0.0", "it waits no more")

    before = portal.counters()["executions"]
    bus.send(product(), "products")
    bus.send(settlement(), "settlements")
    bus.answers(2, "products")
    eventually(lambda: len(bus.answers(3)) >= 3, "the settlement that came again is answered")
    changed = {
        method: count - before.get(method, 0)
        for method, count in portal.counters()["executions"].items()
        if count != before.get(method, 0) and not method.endswith((".get", ".list"))
    }
    assert changed == {}, "nothing of it is new"
    assert (portal.executed("catalog.product.add"), portal.executed("crm.deal.add")) == (1, 1)
