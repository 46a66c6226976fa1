"""Settlements -> plans: tables of examples, sums and quantities of any settlement."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows.mapping import Mapping
from pipeline.flows.messages.model import Good
from pipeline.flows.settlements import settlement as settlements
from pipeline.flows.settlements.goods import lines_of, total
from pipeline.portal.plan import CallStep, FindStep, Key, Plan, ReconcileStep, UpsertStep, parse_plan
from tests.unit.flows.desk import PLAIN_MAPPING, records_of, refused
from tests.unit.flows.samples import good, order, payment, settlement, shipment

FLOW = settlements.flow(PLAIN_MAPPING)
AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=4)
GOODS = st.lists(
    st.builds(lambda xml_id, quantity, price: Good(xml_id=xml_id, quantity=quantity, price=price),
              st.sampled_from("AB1"), AMOUNTS, st.sampled_from([Decimal("0.01"), Decimal("9.99"), Decimal(10)])),
    max_size=8,
)  # fmt: skip


def plan_of(body: Any, mapping: Mapping = PLAIN_MAPPING, **headers: str) -> Plan:
    (record,) = records_of(settlements.flow(mapping), body, headers)
    assert record.headers["source"] == "settlements"
    assert record.value is not None
    return parse_plan(record.value)


def step(plan: Plan, name: str) -> Any:
    (found,) = (step for step in plan.steps if step.name == name)
    return found


def changed(table: str, **values: Any) -> Mapping:
    return PLAIN_MAPPING.model_copy(update={table: getattr(PLAIN_MAPPING, table).model_copy(update=values)})


def test_company_deal_and_rows() -> None:
    goods = [shipment("H", good("A", "1,5", 10), good("B", 1, "0.01"))]
    plan = plan_of(settlement(order(shipments=goods), ASSIGNED_BY_ID="7"))
    company, deal, rows, found = (step(plan, name) for name in ("company", "deal", "rows", "goods0"))
    assert isinstance(company, UpsertStep) and company.once and company.fields == {"TITLE": "Компания U-1"}
    assert isinstance(deal, UpsertStep) and deal.key == Key(id="S-1", originator="site")
    assert deal.fields == {
        "TITLE": "Заказ №17", "CATEGORY_ID": 0, "CURRENCY_ID": "RUB", "IS_MANUAL_OPPORTUNITY": "Y",
        "OPPORTUNITY": "15.01", "SOURCE_ID": "OTHER", "ASSIGNED_BY_ID": 2, "STAGE_ID": "NEW",
        "BEGINDATE": "2026-01-01", "COMPANY_ID": {"$ref": "company.id"},
    }  # fmt: skip
    assert isinstance(found, FindStep) and found.keys == (Key(id="A"), Key(id="B")) and found.watch
    assert isinstance(rows, CallStep) and rows.part is not None and rows.part.name == "rows"
    assert rows.params["rows"][0] == {
        "PRODUCT_ID": {"$if": "goods0.found.0", "then": {"$ref": "goods0.found.0.id"}, "else": 0},
        "PRODUCT_NAME": {"$if": "goods0.found.0", "then": {"$omit": True}, "else": "Товар A"},
        "PRICE": "10",
        "QUANTITY": "1.5",
    }
    assert plan.subject == "settlement:S-1"


def test_an_order() -> None:
    body = settlement(order("O-1", [shipment("H", good("A", 1, 10))], [payment("P", 5)], USER_ID=12, CACHBACK=1))
    plan = plan_of(body, **{"amqp-timestamp": "1767225600"})
    made = step(plan, "o0-order")
    assert (made.key, made.version) == (Key(id="O-1"), "2026-01-01T00:00:00+00:00")
    assert made.fields == {
        "lid": "s1", "personTypeId": 2, "currency": "RUB", "responsibleId": 3, "userId": 3, "statusId": "N",
        "orderTopic": "77", "dateInsert": "2026-01-02T10:00:00+03:00",
    }  # fmt: skip
    parts = {one.part.name for one in plan.steps if isinstance(one, ReconcileStep) and one.part is not None}
    assert parts == {
        "deal", "reopen", "shrink", "basket", "payments", "repaid", "payments-gone", "properties", "shipments", "items",
        "delivered", "sum",
    }  # fmt: skip
    for one in plan.steps:
        if isinstance(one, ReconcileStep):
            assert one.unless_new == ("deal" if one.name == "sum" else "o0-order")
            assert one.part is not None and one.part.version == made.version
    assert step(plan, "o0-properties").wanted["values"] == {"40": "1"}
    (line,) = step(plan, "o0-basket").wanted["items"]
    assert (line["xmlId"], line["price"], line["quantity"]) == ("A", "10", "1")


def test_steps_wait_only_for_what_they_need() -> None:
    plan = plan_of(
        settlement(order("O-1", [shipment("H", good("A", 1, 10), delivered=1)], [payment("P", 5)]), order("O-2"))
    )
    needs = plan.needs()
    assert [name for name, waits in needs.items() if not waits] == ["goods0", "company", "o0-order", "o1-order"]
    assert needs["deal"] == {"company"}
    assert needs["o1-deal"] == {"o1-order", "deal"}
    assert needs["o0-items"] == {"o0-order", "o0-shipments0", "o0-basketitems0"}
    assert needs["o0-delivered"] == {"goods0", "o0-order", "o0-items", "o0-shipments0"}
    assert needs["o0-basket"] == {"goods0", "o0-order", "o0-shrink"}


def test_orders_are_written_only_where_the_mapping_wants_them() -> None:
    plan = plan_of(settlement(order(shipments=[shipment("H", good("A", 1, 10))])), changed("order", enabled=False))
    assert [one.name for one in plan.steps] == ["goods0", "company", "deal", "sum", "rows"]


def test_users_and_sources() -> None:
    def fields(body: dict[str, Any], mapping: Mapping = PLAIN_MAPPING) -> tuple[Any, ...]:
        deal = step(plan_of(body, mapping), "deal").fields
        return deal["ASSIGNED_BY_ID"], deal["SOURCE_ID"]

    assert fields(settlement(ASSIGNED_BY_ID=12, SOURCE="WEB")) == (3, "WEB")
    assert fields(settlement(ASSIGNED_BY_ID=99, SOURCE="")) == (1, "")
    assert fields(settlement(ASSIGNED_BY_ID=99), changed("deal", users={})) == (99, "OTHER")
    assert fields(settlement(ASSIGNED_BY_ID="Иванов"), changed("deal", users={})) == (1, "OTHER")


def test_every_unknown_status_is_listed() -> None:
    body = settlement(order("O-1", [shipment("H", STATUS="??")], [payment("P", 1, "maybe")], STATUS="X"), STATUS="NONE")
    assert refused(FLOW, body).split("; ") == [
        "STATUS: 'NONE' is in no dictionary: [deal.stages] of mapping.toml knows NEW, В работе, SHIPPED, DONE, 0",
        "ORDERS[0].STATUS: 'X' is in no dictionary: [order.statuses] of mapping.toml knows N, ACCEPTED, Выполнен",
        "ORDERS[0].PAYNEMTS[0].STATUS: 'maybe' is in no dictionary: [payment.paid] of mapping.toml knows Y, N, 1, 0",
        "ORDERS[0].SHIPMENTS[0].STATUS: '??' is in no dictionary: [shipment.statuses] of mapping.toml knows WAIT, SENT",
    ]


def test_a_mapping_may_take_unknown_statuses() -> None:
    mapping = changed("deal", unknown_status="PREPARATION")
    assert step(plan_of(settlement(STATUS="NONE"), mapping), "deal").fields["STAGE_ID"] == "PREPARATION"
    body = settlement(order(payments=[payment("P", 1, "maybe")]))
    paid = step(plan_of(body, changed("payment", unknown_status="paid")), "o0-payments").wanted["items"]
    assert paid[0]["fields"]["paid"] == "Y"
    assert "STAGE_ID" not in step(plan_of(settlement(STATUS="")), "deal").fields


def test_removed_payments_and_shipments_by_the_mapping() -> None:
    body = settlement(order(payments=[payment("P", 1)]))
    names = [one.name for one in plan_of(body, changed("payment", removed="keep")).steps]
    assert "o0-payments" in names and "o0-payments-gone" not in names
    names = [one.name for one in plan_of(body, changed("shipment", removed="delete")).steps]
    assert "o0-shipments-gone" in names


def without(body: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in keys}


GOODS_OF_H = [shipment("H", good("A", 1, 10))]
WHOLE = order("O-1", GOODS_OF_H, [payment("P", 1)])
BASKET = {"reopen", "shrink", "basket", "basketitems0", "items"}
SHIPMENTS = {"shipments", "shipments0", "delivered"}
PAYMENTS = {"payments", "repaid", "payments-gone"}


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (WHOLE, set()),
        (without(WHOLE, "PAYNEMTS"), PAYMENTS),
        (without(WHOLE, "SHIPMENTS"), BASKET | SHIPMENTS),
        (without(WHOLE, "SHIPMENTS", "PAYNEMTS"), BASKET | SHIPMENTS | PAYMENTS),
        ({**WHOLE, "SHIPMENTS": [without(GOODS_OF_H[0], "GOODS")]}, BASKET),
        ({**without(WHOLE, "SHIPMENTS"), "GOODS": [good("A", 1, 10)]}, (BASKET | SHIPMENTS) - {"basket"}),
    ],
)
def test_what_an_order_does_not_carry_has_no_steps(given: dict[str, Any], missing: set[str]) -> None:
    plan = plan_of(settlement(given, order("O-2")))
    own = {one.name.removeprefix("o0-") for one in plan.steps if one.name.startswith("o0-")}
    assert own == ({"order", "deal"} | BASKET | SHIPMENTS | PAYMENTS) - missing
    knows_all = "basket" not in missing
    deal = step(plan, "deal").fields
    assert ("OPPORTUNITY" in deal) == ("IS_MANUAL_OPPORTUNITY" in deal) == knows_all
    assert {"sum", "rows"} & {one.name for one in plan.steps} == ({"sum", "rows"} if knows_all else set())


@pytest.mark.parametrize("enabled", [True, False])
def test_a_settlement_without_orders_says_nothing_of_sum_and_rows(enabled: bool) -> None:
    body = {"request": without(settlement()["request"], "ORDERS")}
    plan = plan_of(body, changed("order", enabled=enabled))
    assert [one.name for one in plan.steps] == ["company", "deal"]
    assert not {"OPPORTUNITY", "IS_MANUAL_OPPORTUNITY"} & step(plan, "deal").fields.keys()
    none = plan_of(settlement(), changed("order", enabled=enabled))
    assert step(none, "rows").params["rows"] == [] and step(none, "deal").fields["OPPORTUNITY"] == "0"


def test_a_plan_that_knows_less_takes_the_place_of_none_that_waits_for_more() -> None:
    at = {"amqp-timestamp": "1767225600"}
    bare = without(WHOLE, "SHIPMENTS")
    parts = [settlement(bare), settlement(bare, order("O-2")), settlement(bare, order("O-3"))]
    subjects = {plan_of(part, **at).subject for part in parts}
    assert len(subjects) == 3 and all(one is not None and one.startswith("settlement:S-1:goods-") for one in subjects)
    assert plan_of(settlement(bare, order("O-2"), STATUS="DONE"), **at).subject in subjects
    assert plan_of(parts[0]).subject == plan_of(settlement(WHOLE), **at).subject == "settlement:S-1"
    assert plan_of(settlement(without(WHOLE, "PAYNEMTS")), **at).subject == "settlement:S-1"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (settlement(order(shipments=[shipment("H", good("A", "1,5 шт", 1))])), "QUANTITY: '1,5 шт' is no number"),
        (settlement(xml_id="x" * 501), "XML_ID"),
        ({}, "has no application"),
    ],
)
def test_what_is_refused(body: Any, text: str) -> None:
    assert text in refused(FLOW, body)


# -- sums


@given(GOODS)
def test_a_sum_is_exact(goods: list[Good]) -> None:
    exact = sum((Fraction(one.price) * Fraction(one.quantity) for one in goods), Fraction(0))
    assert abs(Fraction(total(goods)) - exact) <= Fraction(1, 200), "half a kopeck: it is rounded once, at the end"
    assert total(goods) == total(goods[::-1])


@given(GOODS)
def test_lines_hold_all_goods_and_have_their_own_ids(goods: list[Good]) -> None:
    lines = lines_of(goods)
    for (product, price), line in lines.items():
        own = [one.quantity for one in goods if (one.xml_id, one.price) == (product, price)]
        assert line.quantity == sum(own)
    assert len({line.xml_id for line in lines.values()}) == len(lines)
    assert {line.xml_id for line in lines.values()} >= {one.xml_id for one in goods}


@given(st.lists(GOODS, max_size=4))
def test_what_lies_in_shipments_adds_up_to_the_basket(shipments: list[list[Good]]) -> None:
    bodies = [
        shipment(f"H-{n}", *(good(one.xml_id, f"{one.quantity:f}", f"{one.price:f}") for one in goods))
        for n, goods in enumerate(shipments)
    ]
    plan = plan_of(settlement(order("O-1", bodies)))
    lines = {item["xmlId"]: Decimal(item["quantity"]) for item in step(plan, "o0-basket").wanted["items"]}
    finds = [one for one in plan.steps if one.name.startswith("o0-basketitems")]
    keys = [key.id for one in finds if isinstance(one, FindStep) for key in one.keys]
    shipped = dict.fromkeys(lines, Decimal(0))
    for item in step(plan, "o0-items").wanted["items"]:
        place = int(item["line"]["$if"].rpartition(".")[2])
        shipped[keys[place]] += Decimal(item["quantity"])
    assert shipped == lines
