"""pipeline/portal/plan.py and plan_builder.py: the model, its wire form, every fault by name."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.delivery.errors import BadInput
from pipeline.portal.plan import CallStep, Key, Plan, ReconcileStep, UpsertStep, parse_plan
from pipeline.portal.plan_builder import PlanBuilder, Ref

# -- there and back

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts.filter(lambda text: text != "$ref"), values, max_size=4)
plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9).filter(str.strip)
keys = st.builds(Key, id=plain)


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
        make = draw(st.sampled_from([CallStep, UpsertStep, ReconcileStep]))
        if make is CallStep:
            steps.append(CallStep(**common, method="Crm.Deal.Add", params=given))
        elif make is UpsertStep:
            version = draw(st.none() | st.integers(0, 2**53) | texts)
            more = {"version": version, "hash": draw(st.none() | texts)}
            steps.append(UpsertStep(**common, entity="deal", key=draw(keys), fields=given, **more))
        else:
            steps.append(ReconcileStep(**common, method="crm.deal.list", params=given, wanted=draw(values), rule="x"))
        names.append(common["name"])
    throttle = draw(st.none() | plain)
    return Plan(keys=draw(st.none() | st.lists(texts, max_size=2).map(tuple)), throttle=throttle, steps=tuple(steps))


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


# -- faults

CALL = {"do": "call", "name": "a", "method": "crm.deal.list"}
UPSERT = {"do": "upsert", "name": "a", "entity": "deal", "key": {"id": "7"}, "fields": {}}
RECONCILE = {"do": "reconcile", "name": "a", "method": "crm.deal.list", "rule": "x"}


def wire(*steps: Any, **more: Any) -> bytes:
    return orjson.dumps({"v": 1, "steps": list(steps), **more})


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", "plan: no JSON"),
        (b"{", "plan: no JSON"),
        (b"[]", "plan: Input should be"),
        (b'{"steps":[]}', "plan: version None, this worker knows 1"),
        (b'{"v":2,"steps":[]}', "plan: version 2, this worker knows 1"),
        (wire(), "plan.steps: Tuple should have at least 1 item"),
        (wire(*[{**CALL, "name": f"s{n}"} for n in range(501)]), "plan.steps: Tuple should have at most 500 items"),
        (wire(CALL, other=1), "plan.other: Extra inputs are not permitted"),
        (wire({**CALL, "other": 1}), "plan.steps.0.call.other: Extra inputs are not permitted"),
        (wire({**CALL, "do": "jump"}), "plan.steps.0: Input tag 'jump'"),
        (wire({"name": "a"}), "plan.steps.0: Unable to extract tag"),
        (wire({**CALL, "name": ""}), "plan.steps.0.call.name: String should match"),
        (wire({**CALL, "name": "1a"}), "plan.steps.0.call.name"),
        (wire({**CALL, "name": "a.b"}), "plan.steps.0.call.name"),
        (wire({**CALL, "name": "a\n"}), "plan.steps.0.call.name"),
        (wire({**CALL, "name": "a" * 65}), "plan.steps.0.call.name"),
        (wire(CALL, CALL), "plan: two steps are named 'a'"),
        (wire({**CALL, "after": ["b"]}), "plan: step 'a' needs 'b', which is no earlier step"),
        (wire({**CALL, "after": ["a"]}), "plan: step 'a' needs 'a', which is no earlier step"),
        (wire({**CALL, "params": {"x": [{"$ref": "b.id"}]}}), "plan: step 'a' needs 'b', which is no earlier step"),
        (wire({**UPSERT, "fields": {"x": {"$ref": "b"}}}), "step 'a' needs 'b'"),
        (wire({**RECONCILE, "wanted": {"x": {"$ref": "b"}}}), "step 'a' needs 'b'"),
        (wire({**CALL, "method": "crm deal"}), "plan.steps.0.call: 'crm deal' is no REST method name"),
        (wire({**CALL, "method": "Batch"}), "plan.steps.0.call: a step is no batch: the gateway packs by itself"),
        (wire({**CALL, "params": []}), "plan.steps.0.call.params: Input should be a valid dictionary"),
        (wire({**UPSERT, "entity": "deals"}), "plan.steps.0.upsert: no entity 'deals'; known: deal, "),
        (wire({**UPSERT, "entity": "item:²"}), "plan.steps.0.upsert: no entity 'item:²'"),
        (wire({**UPSERT, "key": {"id": ""}}), "plan.steps.0.upsert.key.id: String should have at least 1 character"),
        (wire({**UPSERT, "key": {"id": "  "}}), "plan.steps.0.upsert.key.id: String should have at least 1 character"),
        (wire({**UPSERT, "key": {"id": "a\x1fb"}}), "plan.steps.0.upsert.key.id: String should match"),
        (wire({**UPSERT, "key": {"id": "a", "originator": "\x1f"}}), "plan.steps.0.upsert.key.originator"),
        (wire({**UPSERT, "key": {"id": "a" * 501}}), "plan.steps.0.upsert.key.id: String should have at most 500"),
        (wire({**UPSERT, "key": {"id": 7}}), "plan.steps.0.upsert.key.id: Input should be a valid string"),
        (
            wire({**UPSERT, "entity": "order", "key": {"id": "7", "originator": "1c"}}),
            "plan.steps.0.upsert: objects of order have no originator",
        ),
        (wire({**UPSERT, "version": 1.5}), "plan.steps.0.upsert.version"),
        (wire({**UPSERT, "hash": "x" * 201}), "plan.steps.0.upsert.hash"),
        (wire({**RECONCILE, "method": "crm.deal.add"}), "plan.steps.0.reconcile: method crm.deal.add is no read"),
        (wire({**RECONCILE, "method": "batch"}), "plan.steps.0.reconcile: a step is no batch"),
        (
            wire({"do": "reconcile", "name": "a", "method": "crm.deal.list"}),
            "plan.steps.0.reconcile.rule: Field required",
        ),
        (wire(CALL, throttle="x" * 101), "plan.throttle"),
        (wire(CALL, keys="x"), "plan.keys"),
    ],
)
def test_faults(raw: bytes, fault: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_plan(raw)
    assert fault in str(caught.value), caught.value


def test_all_faults_are_listed() -> None:
    with pytest.raises(BadInput, match=r"steps\.0\.call\.name.*; plan\.steps\.1\.upsert\.key\.id"):
        parse_plan(wire({**CALL, "name": "."}, {**UPSERT, "key": {"id": ""}}))


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


def test_a_builder_refuses_what_does_not_fit() -> None:
    builder = PlanBuilder()
    builder.call("a", "crm.deal.list", {"x": Ref("b.id")})
    with pytest.raises(ValidationError, match="no earlier step"):
        builder.build()
    with pytest.raises(ValidationError, match="least 1 item"):
        PlanBuilder().build()
