"""pipeline/portal/plan.py and plan_builder.py: the model and its wire form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.portal.plan import CallStep, FindStep, Key, Part, Plan, ReconcileStep, UpsertStep, parse_plan
from pipeline.portal.plan_builder import OMIT, If, PlanBuilder, Ref

# -- there and back

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
plain_texts = texts.filter(lambda text: "$" not in text)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain_texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(plain_texts, values, max_size=4)
plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9).filter(str.strip)
keys = st.builds(Key, id=plain)
places = st.dictionaries(plain_texts, st.integers(0, 99) | plain, max_size=2)


@st.composite
def plans(draw: Any) -> Plan:
    steps: list[Any] = []
    names: list[str] = []
    for number in range(draw(st.integers(1, 5))):
        common = {"name": f"s{number}", "optional": draw(st.booleans())}
        if draw(st.booleans()):
            common["after"] = tuple(draw(st.lists(st.sampled_from(names), max_size=2))) if names else ()
        given = draw(objects)
        if names and draw(st.booleans()):
            given["ref"] = [{"$ref": f"{draw(st.sampled_from(names))}.result"}]
        make = draw(st.sampled_from([CallStep, UpsertStep, ReconcileStep, FindStep]))
        version = draw(st.none() | st.integers(0, 2**53) | st.datetimes().map(datetime.isoformat))
        flag = draw(st.booleans())
        # one of a name to a plan
        part = Part(name=f"p{number}", entity="deal", key=draw(keys), version=version) if flag else None
        if make is CallStep:
            steps.append(CallStep(**common, method="Crm.Deal.Add", params=given, part=part))
        elif make is UpsertStep:
            more = {"version": version, "hash": draw(st.none() | texts), "within": draw(places), "once": flag}
            more |= {"new": draw(st.booleans()), "alias": draw(st.none() | keys), "title": draw(st.none() | texts)}
            steps.append(UpsertStep(**common, entity="deal", key=draw(keys), fields=given, **more))
        elif make is FindStep:
            more = {"within": draw(places), "by_alias": flag, "wait": draw(st.floats(0, 86_400)), "watch": flag}
            steps.append(FindStep(**common, entity="deal", keys=tuple(draw(st.lists(keys, max_size=3))), **more))
        else:
            upserts = [step.name for step in steps if isinstance(step, UpsertStep)]
            more = {"part": part, "unless_new": draw(st.none() | st.sampled_from(upserts)) if upserts else None}
            wanted = draw(values)
            steps.append(ReconcileStep(**common, method="crm.deal.list", params=given, wanted=wanted, rule="x", **more))
        names.append(common["name"])
    throttle = draw(st.none() | plain)
    more = {"subject": draw(plain), "force": draw(st.booleans())}
    own = draw(st.none() | st.lists(texts, max_size=2).map(tuple))
    return Plan(keys=own, throttle=throttle, steps=tuple(steps), **more)


@settings(deadline=None, max_examples=200)
@given(plan=plans())
def test_the_wire_form_says_the_same(plan: Plan) -> None:
    assert parse_plan(plan.encode()) == plan
    assert orjson.loads(plan.encode())["v"] == 1


def test_the_wire_form() -> None:
    builder = PlanBuilder(keys=["a"], throttle="mirror")
    company = builder.upsert("company", "company", Key(id="7", originator="site"), {"TITLE": "x"}, version=3)
    builder.call("deal", "crm.deal.add", {"fields": {"COMPANY_ID": company.id}}, optional=True, after=["company"])
    builder.reconcile("rows", "crm.deal.productrows.get", {"id": 5}, rule="x", wanted=[1])
    assert orjson.loads(builder.build().encode()) == {
        "v": 1,
        "keys": ["a"],
        "throttle": "mirror",
        "steps": [
            {
                "do": "upsert",
                "name": "company",
                "entity": "company",
                "key": {"id": "7", "originator": "site"},
                "fields": {"TITLE": "x"},
                "version": 3,
            },
            {
                "do": "call",
                "name": "deal",
                "method": "crm.deal.add",
                "params": {"fields": {"COMPANY_ID": {"$ref": "company.id"}}},
                "after": ["company"],
                "optional": True,
            },
            {
                "do": "reconcile",
                "name": "rows",
                "method": "crm.deal.productrows.get",
                "params": {"id": 5},
                "wanted": [1],
                "rule": "x",
            },
        ],
    }


def test_blanks_around_external_ids_are_left_out() -> None:
    assert Key(id=" 000123  ", originator=" 1c ") == Key(id="000123", originator="1c")


# -- what waits for what


def test_needs() -> None:
    builder = PlanBuilder()
    builder.call("a", "crm.deal.list")
    builder.call("b", "crm.deal.list")
    builder.call("c", "crm.deal.list", {"x": Ref("a.total")}, after=())
    builder.upsert("d", "deal", Key(id="7"), {}, after=())
    builder.upsert("e", "item:2", Key(id="7"), {}, after=("a",))
    needs = {name: set(waits) for name, waits in builder.build().needs().items()}
    assert needs == {"a": set(), "b": {"a"}, "c": {"a"}, "d": set(), "e": {"a", "d"}}


# -- the builder


def test_a_record_of_a_plan() -> None:
    builder = PlanBuilder()
    builder.call("a", "crm.deal.list")
    record = builder.build().record("main", "crm", source="users", headers={"run": "1"})
    assert (record.topic, record.key) == ("portal.requests.bulk", b"main")
    assert record.headers == {"source": "users", "portal": "main", "credential": "crm", "plan": "1", "run": "1"}
    assert record.value is not None and parse_plan(record.value) == builder.build()


def test_results_of_earlier_steps() -> None:
    builder = PlanBuilder()
    company = builder.upsert("company", "company", Key(id="7"), {"a": ("x",)})
    deal = builder.call("deal", "crm.item.add", {"fields": {"companyId": company.id}})
    last = builder.call("last", "x.y", {"ids": (deal.result, deal.at("item.id"), Ref("deal"))})
    steps = builder.build().steps
    assert last.name == "last" and isinstance(steps[2], CallStep) and isinstance(steps[0], UpsertStep)
    assert steps[0].fields == {"a": ["x"]}
    assert steps[2].params == {"ids": [{"$ref": "deal.result"}, {"$ref": "deal.result.item.id"}, {"$ref": "deal"}]}


def test_choices_names_and_what_is_left_out() -> None:
    builder = PlanBuilder(subject="product:main:7", force=True)
    brand = builder.upsert("brand", "property:23", Key(id="BRAND"), {"name": "Brand"}, once=True)
    goods = builder.find("goods", "product:23", [Key(id="7"), Key(id="8")], watch=True)
    value = builder.upsert(
        "value", "enum:23", Key(id="bosch", originator="BRAND"), {"value": "Bosch"}, within={"propertyId": brand.id}
    )
    fields: dict[Any, Any] = {
        ("property", brand.id): value.id,
        "name": If(goods.found(0, ""), goods.found(0, "title"), "Bolt"),
        "iblockSectionId": If(goods.found(1), [goods.found(1)], OMIT),
    }
    part = Part(name="prices", entity="product:23", key=Key(id="9"), version=3)
    product = builder.upsert("product", "product:23", Key(id="9"), fields, alias=Key(id="bolt"), title="Bolt", new=True)
    builder.call("prices", "catalog.price.modify", {"id": product.id}, part=part)
    builder.reconcile("rows", "x.list", {}, rule="x", wanted=[], unless_new="product")
    plan = builder.build()
    upsert = plan.steps[3]
    assert isinstance(upsert, UpsertStep)
    assert upsert.fields == {
        "property${brand.id}": {"$ref": "value.id"},
        "name": {"$if": "goods.found.0", "then": {"$ref": "goods.found.0.title"}, "else": "Bolt"},
        "iblockSectionId": {"$if": "goods.found.1.id", "then": [{"$ref": "goods.found.1.id"}], "else": {"$omit": True}},
    }
    assert plan.needs()["product"] == {"brand", "goods", "value"} and "product" in plan.needs()["rows"]
    assert parse_plan(plan.encode()) == plan and plan.force


def test_a_builder_refuses_what_does_not_fit() -> None:
    builder = PlanBuilder()
    builder.call("a", "crm.deal.list", {"x": Ref("b.id")})
    with pytest.raises(ValidationError, match=r"steps\.0 'a': the reference 'b.id' leads to no earlier step"):
        builder.build()
    with pytest.raises(ValidationError, match="expected a list of 1 to 500 steps, got none"):
        PlanBuilder().build()
