"""Properties, list values, and what lies in an order, in a portal that is not ours: the simulator."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.portal.links.keys import external_key
from pipeline.portal.plan import Key, Plan
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.portal.steps.command import Unclear
from pipeline.portal.steps.env import Env, Stamp
from pipeline.portal.steps.plan_course import PlanCourse
from tests.unit.portal.steps.driver import Driver
from tests.unit.portal.steps.world import unknown


def goods(driver: Driver, **options: Any) -> Plan:
    """A product with a value of a list property that is made on demand."""
    iblock = next(iter(driver.desk.portal.store.tables["catalog"].rows))
    builder = PlanBuilder()
    size = builder.upsert(
        "size",
        f"property:{iblock}",
        Key(id="SHAPE"),
        {"name": "Shape", "propertyType": "L"},
        once=True,
        **options,
    )
    round_ = builder.upsert(
        "round",
        f"enum:{iblock}",
        Key(id="round", originator="SHAPE"),
        {"value": "Round"},
        within={"propertyId": size.id},
        once=True,
    )
    fields: dict[Any, Any] = {"name": "Ball", ("property", size.id): round_.id}
    builder.upsert("ball", f"product:{iblock}", Key(id="b1"), fields, alias=Key(id="ball"), title="Ball")
    return builder.build()


LOST = [frozenset[int](), *(frozenset({number}) for number in range(4)), frozenset(range(0, 9, 2))]


@pytest.mark.parametrize("lost", LOST, ids=sorted)
def test_properties_and_their_values(lost: frozenset[int]) -> None:
    driver = Driver()
    done = driver.run(goods(driver), lost)
    assert {step["action"] for step in done.values()} == {"added"}
    (ball,) = (row for row in driver.rows("product") if row["xmlId"] == "b1")
    (shape,) = (row for row in driver.rows("property") if row["code"] == "SHAPE")
    (value,) = driver.desk.portal.store.tables["property_enum"].where("propertyId", shape["id"])
    assert value["xmlId"] == "round" and value["value"] == "Round"
    assert [one["value"] for one in ball[f"property{shape['id']}"]] == [str(value["id"])]
    driver.calls.clear()
    again = driver.run(goods(driver), name="u")
    assert [step["action"] for step in again.values()] == ["found", "found", "unchanged"] and not driver.calls
    alias = driver.links[f"alias:product:{ball['iblockId']}", "ball"]
    assert alias.id == str(ball["id"])
    driver.links.clear()
    found = driver.run(goods(driver), name="v")
    assert [step["action"] for step in found.values()] == ["found", "found", "updated"]
    assert {name: step["id"] for name, step in found.items()} == {name: step["id"] for name, step in done.items()}


def order(code: str, *ids: str) -> Plan:
    builder = PlanBuilder()
    made = builder.upsert("order", "order", Key(id=code), {"lid": "s1", "personTypeId": 1, "currency": "RUB"})
    for number in ids:
        within = {"orderId": made.id}
        key = Key(id=number, originator=code)
        builder.upsert(f"payment{number}", "payment", key, {"paySystemId": 1, "sum": 5}, within=within)
        line = {"productId": 0, "currency": "RUB", "quantity": 2, "name": "Ball", "price": 5}
        item = builder.upsert(f"item{number}", "basketitem", key, line, within=within)
        fields = {"allowDelivery": "N", "deducted": "N", "deliveryId": 1}
        shipment = builder.upsert(f"shipment{number}", "shipment", key, fields, within=within)
        shipped = {"orderDeliveryId": shipment.id, "basketId": item.id, "quantity": 2}
        builder.call(f"shipped{number}", "sale.shipmentitem.add", {"fields": shipped})
    return builder.build()


@pytest.mark.parametrize("lost", [*LOST, frozenset({4}), frozenset({4, 5})], ids=sorted)
def test_what_lies_in_an_order_is_known_within_it(lost: frozenset[int]) -> None:
    driver = Driver()
    driver.run(order("o1", "1"), lost)
    driver.run(order("o2", "1"), name="u")
    before = {name: len(driver.rows(name)) for name in ("order", "payment", "basket_item", "shipment")}
    assert len({row["orderId"] for row in driver.rows("payment")}) == 2 == before["payment"]
    assert len([row for row in driver.rows("shipment_item") if row["quantity"] == 2]) == 2
    driver.links.clear()
    for code in ("o1", "o2"):
        only = Plan(steps=tuple(step for step in order(code, "1").steps if not step.name.startswith("shipped")))
        actions = {step["action"] for step in driver.run(only, name=f"again {code}").values()}
        assert actions == {"updated"}
    assert {name: len(driver.rows(name)) for name in before} == before
    links = [link for link in driver.links.values() if link.external == external_key("o1", "1")]
    assert {link.entity for link in links} == {"payment", "basketitem", "shipment"}


@pytest.mark.parametrize("lost", [frozenset[int](), frozenset({1}), frozenset({1, 2})], ids=sorted)
def test_an_address_is_found_by_its_owner_and_type(lost: frozenset[int]) -> None:
    driver = Driver()
    builder = PlanBuilder()
    company = builder.upsert("company", "company", Key(id="7"), {"TITLE": "ACME"})
    fields = {"TYPE_ID": 1, "ENTITY_TYPE_ID": 4, "ENTITY_ID": company.id, "ADDRESS_1": "Mira 4", "CITY": "Kaliningrad"}
    builder.call("address", "crm.address.add", {"fields": fields})
    done = driver.run(builder.build(), lost)
    assert done["address"]["result"] is True and len(driver.rows("address")) == 1
    assert driver.calls.count("crm.address.add") == 1 and ("crm.address.list" in driver.calls) is bool(lost)


def test_values_of_properties_are_modified_again() -> None:
    """`sale.propertyvalue.modify` sets what it names."""
    builder = PlanBuilder()
    params = {"fields": {"order": {"id": 5, "propertyValues": [{"orderPropsId": 1, "value": "x"}]}}}
    builder.call("values", "sale.propertyvalue.modify", params)
    course = PlanCourse(builder.build(), Env("main"), Stamp("t"), None, sent_at=None)
    (command,) = course.commands(0.0)
    course.mark_sent([command], 1.0)
    course.take(command, Unclear(unknown(), 1.0))
    due = course.due()
    assert due is not None and due > 60
    (again,) = course.commands(due)
    assert (again.method, again.params) == ("sale.propertyvalue.modify", params)
