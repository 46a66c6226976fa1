"""A settlement with 200 orders: several plans, one after another, each with its part of the run."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.flows.messages.model import Good
from pipeline.flows.settlements import orders
from pipeline.flows.settlements.goods import Line, lines_of
from tests.unit.flows.desk import PLAIN_MAPPING, SmallWorker
from tests.unit.flows.samples import good, order, settlement, shipment


def test_two_hundred_orders() -> None:
    worker = SmallWorker(PLAIN_MAPPING)
    many = [order(f"O-{n}", [shipment(f"H-{n}", good("G", 1, 10))]) for n in range(200)]
    records = worker.send("settlement", settlement(*many), run="r1", item="S-1")
    assert len(records) > 1
    assert {(record.headers["run"], record.headers["item"]) for record in records} == {("r1", "S-1")}
    count = len(records)
    assert [record.headers["part"] for record in records] == [f"{place}/{count}" for place in range(1, count + 1)]
    names = {row["xmlId"] for start in range(0, 200, 50) for row in worker.list("sale.order.list", start=start)}
    assert names == {f"O-{n}" for n in range(200)}
    (deal,) = worker.list("crm.deal.list")
    assert deal["OPPORTUNITY"] == "2000.00"
    assert len(worker.list("crm.orderentity.list", filter={"ownerId": 1}, start=150)) == 50


def test_lines_of_an_order_are_put_together_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each line: 2,000 lines took a worker 18 s, during which it did nothing else."""
    counted = 0

    def counting(goods: list[Good]) -> dict[tuple[str, Decimal], Line]:
        nonlocal counted
        counted += 1
        return lines_of(goods)

    monkeypatch.setattr(orders, "lines_of", counting)
    worker = SmallWorker(PLAIN_MAPPING)
    worker.send("settlement", settlement(order("O-1", [shipment("H-1", *(good(f"G-{n}", 1, 10) for n in range(40)))])))
    assert counted == 1


def test_the_same_orders_again_make_no_call() -> None:
    worker = SmallWorker(PLAIN_MAPPING)
    body = settlement(*(order(f"O-{n}") for n in range(30)))
    worker.send("settlement", body)
    assert not worker.calls_of(lambda: worker.send("settlement", body))


def test_one_plan_is_no_part_and_without_a_run_nothing_is_counted() -> None:
    worker = SmallWorker(PLAIN_MAPPING)
    (record,) = worker.send("settlement", settlement(order()), run="r1", item="S-1")
    assert record.headers["run"] == "r1" and "part" not in record.headers
    orders = [order(f"O-{n}") for n in range(40)]
    assert not any({"run", "part"} & set(one.headers) for one in worker.send("settlement", settlement(*orders)))
