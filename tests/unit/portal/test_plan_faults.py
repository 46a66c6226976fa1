"""pipeline/portal/plan_faults.py: every fault of a plan by its place, in our words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.delivery.errors import BadInput
from pipeline.portal.plan import CallStep, FindStep, Plan, ReconcileStep, UpsertStep, parse_plan
from tests.unit.portal.test_plan import values

CALL = {"do": "call", "name": "a", "method": "crm.deal.list"}
UPSERT = {"do": "upsert", "name": "a", "entity": "deal", "key": {"id": "7"}, "fields": {}}
RECONCILE = {"do": "reconcile", "name": "a", "method": "crm.deal.list", "rule": "x"}
FIND = {"do": "find", "name": "a", "entity": "company", "keys": [{"id": "7"}]}
PART = {"name": "rows", "entity": "deal", "key": {"id": "7"}}


ENTITIES = (
    "deal, company, contact, lead, requisite, order, basketitem, payment, shipment, "
    "item:<type>, product:<iblock>, section:<iblock>, property:<iblock>, enum:<iblock>"
)
METHOD = "is no REST method name (letters, digits, _ and single dots, as crm.deal.list)"
NAME = "expected a letter, then at most 63 letters, digits, _ or -"
KEY = 'expected an object with id and, if need be, originator, such as {"id": "7", "originator": "site"}'
KEY_ID = "key.id: expected a text of 1 to 500 characters, none of them a control character"
KEYS = "expected a list of at most 500 keys"
WITHIN = 'expected an object such as {"orderId": {"$ref": "order.id"}}'
VERSION = "version: expected an integer, digits, or an ISO date-time such as 2024-08-30T15:29:05+03:00"


def wire(*steps: Any, **more: Any) -> bytes:
    return orjson.dumps({"v": 1, "steps": list(steps), **more})


def without(step: dict[str, Any], name: str) -> dict[str, Any]:
    return {field: value for field, value in step.items() if field != name}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        # the whole plan
        (b"[]", "plan: expected an object with v and steps, got a list of 0"),
        (b"null", "plan: expected an object with v and steps, got null"),
        (b'{"steps":[]}', "plan: v is missing: expected 1"),
        (b'{"v":2,"steps":[]}', "plan version 2 is not known; this worker knows 1"),
        (b'{"v":"1","steps":[]}', "plan version '1' is not known; this worker knows 1"),
        (b'{"v":null,"steps":[]}', "plan version null is not known; this worker knows 1"),
        (b'{"v":1}', "plan: steps is missing: expected a list of 1 to 500 steps"),
        (b'{"v":1,"steps":{}}', "plan: steps: expected a list of 1 to 500 steps, got an object"),
        (wire(), "plan: steps: expected a list of 1 to 500 steps, got none"),
        (
            wire(*[{**CALL, "name": f"s{n}"} for n in range(501)]),
            "plan: steps: expected a list of 1 to 500 steps, got a list of 501",
        ),
        (wire(CALL, other=1), "plan: unknown field 'other'; known: v, keys, throttle, subject, force, steps"),
        (
            wire(CALL, throttle="x" * 101),
            f"plan: throttle: expected the name of a throttle, at most 100 characters, got '{'x' * 99}…'",
        ),
        (wire(CALL, throttle=5), "plan: throttle: expected the name of a throttle, at most 100 characters, got 5"),
        (wire(CALL, keys="x"), "plan: keys: expected a list of texts, got a text of 1 character"),
        (wire(CALL, keys=["a", 5]), "plan: keys.1: expected a text, got 5"),
        # a step
        (wire(5), "plan.steps.0: expected an object with name and do, got 5"),
        (wire(CALL, []), "plan.steps.1: expected an object with name and do, got a list of 0"),
        (
            wire({**CALL, "other": 1}),
            "plan.steps.0 'a': unknown field 'other'; known: name, after, optional, do, method, params, part",
        ),
        (wire({"name": "a"}), "plan.steps.0 'a': do is missing: expected call, upsert, find or reconcile"),
        (wire({**CALL, "do": "jump"}), "plan.steps.0 'a': do: expected call, upsert, find or reconcile, got 'jump'"),
        (wire({**CALL, "do": None}), "plan.steps.0 'a': do: expected call, upsert, find or reconcile, got null"),
        (
            wire({**CALL, "do": ["call"]}),
            "plan.steps.0 'a': do: expected call, upsert, find or reconcile, got a list of 1",
        ),
        (wire(without(CALL, "name")), f"plan.steps.0: name is missing: {NAME}"),
        (wire({**CALL, "name": ""}), f"plan.steps.0: name: {NAME}, got an empty text"),
        (wire({**CALL, "name": "1a"}), f"plan.steps.0 '1a': name: {NAME}, got '1a'"),
        (wire({**CALL, "name": "a.b"}), f"plan.steps.0 'a.b': name: {NAME}, got 'a.b'"),
        (wire({**CALL, "name": "a\n"}), rf"plan.steps.0 'a\n': name: {NAME}, got 'a\n'"),
        (wire({**CALL, "name": "a" * 65}), f"plan.steps.0: name: {NAME}, got '{'a' * 65}'"),
        (wire({**CALL, "name": 5}), f"plan.steps.0: name: {NAME}, got 5"),
        (wire({**CALL, "after": "b"}), "plan.steps.0 'a': after: expected a list of names of earlier steps, got 'b'"),
        (wire({**CALL, "after": [5]}), "plan.steps.0 'a': after.0: expected the name of an earlier step, got 5"),
        (wire({**CALL, "optional": 5}), "plan.steps.0 'a': optional: expected true or false, got 5"),
        # steps together
        (wire(CALL, CALL), "plan.steps.1 'a': steps.0 has this name already"),
        (wire({**CALL, "after": ["b"]}), "plan.steps.0 'a': after: 'b' is no earlier step"),
        (wire({**CALL, "after": ["a"]}), "plan.steps.0 'a': after: 'a' is no earlier step"),
        (
            wire({**CALL, "params": {"x": [{"$ref": "b.id"}]}}),
            "plan.steps.0 'a': the reference 'b.id' leads to no earlier step",
        ),
        (
            wire({**UPSERT, "fields": {"x": {"$ref": "b"}}}),
            "plan.steps.0 'a': the reference 'b' leads to no earlier step",
        ),
        (
            wire(CALL, {**RECONCILE, "name": "r", "wanted": {"x": {"$ref": "r.made"}}}),
            "plan.steps.1 'r': the reference 'r.made' leads to no earlier step",
        ),
        # call
        (
            wire(without(CALL, "method")),
            "plan.steps.0 'a': method is missing: expected a REST method such as crm.deal.list",
        ),
        (
            wire({**CALL, "method": 5}),
            "plan.steps.0 'a': method: expected a REST method such as crm.deal.list, got 5",
        ),
        (wire({**CALL, "method": "crm deal"}), f"plan.steps.0 'a': method: 'crm deal' {METHOD}"),
        (
            wire({**CALL, "method": "Batch"}),
            "plan.steps.0 'a': method: a step is no batch, the gateway packs calls by itself",
        ),
        (wire({**CALL, "params": []}), "plan.steps.0 'a': params: expected an object, got a list of 0"),
        # upsert
        (wire({**UPSERT, "entity": "deals"}), f"plan.steps.0 'a': entity: no entity 'deals'; known: {ENTITIES}"),
        (wire({**UPSERT, "entity": "item:²"}), f"plan.steps.0 'a': entity: no entity 'item:²'; known: {ENTITIES}"),
        (wire(without(UPSERT, "key")), f"plan.steps.0 'a': key is missing: {KEY}"),
        (wire({**UPSERT, "key": "7"}), f"plan.steps.0 'a': key: {KEY}, got a text of 1 character"),
        (wire({**UPSERT, "key": {}}), f"plan.steps.0 'a': {KEY_ID.replace(':', ' is missing:')}"),
        (
            wire({**UPSERT, "key": {"id": "7", "origin": "x"}}),
            "plan.steps.0 'a': key: unknown field 'origin'; known: id, originator",
        ),
        (wire({**UPSERT, "key": {"id": ""}}), f"plan.steps.0 'a': {KEY_ID}, got an empty text"),
        (wire({**UPSERT, "key": {"id": "  "}}), f"plan.steps.0 'a': {KEY_ID}, got blanks only"),
        (wire({**UPSERT, "key": {"id": "a\x1fb"}}), f"plan.steps.0 'a': {KEY_ID}, got a text of 3 characters"),
        (wire({**UPSERT, "key": {"id": "a" * 501}}), f"plan.steps.0 'a': {KEY_ID}, got a text of 501 characters"),
        (wire({**UPSERT, "key": {"id": 7}}), f"plan.steps.0 'a': {KEY_ID}, got 7"),
        (
            wire({**UPSERT, "key": {"id": "a", "originator": "x\x1f"}}),
            "plan.steps.0 'a': key.originator: expected a text of at most 200 characters, none of them a control "
            "character, got a text of 2 characters",
        ),
        (
            wire({**UPSERT, "entity": "order", "key": {"id": "7", "originator": "1c"}}),
            "plan.steps.0 'a': key.originator: objects of order have no originator, put it into the id",
        ),
        (wire(without(UPSERT, "fields")), "plan.steps.0 'a': fields is missing: expected an object"),
        (wire({**UPSERT, "version": 1.5}), f"plan.steps.0 'a': {VERSION}, got 1.5"),
        (wire({**UPSERT, "version": True}), f"plan.steps.0 'a': {VERSION}, got true"),
        (wire({**UPSERT, "version": "v9"}), f"plan.steps.0 'a': {VERSION}, got 'v9'"),
        (
            wire({**UPSERT, "hash": "x" * 201}),
            "plan.steps.0 'a': hash: expected a text of at most 200 characters, got a text of 201 characters",
        ),
        (
            wire({**UPSERT, "entity": "enum:23"}),
            "plan.steps.0 'a': within.propertyId is missing: an object of enum:23 is known by its id within that only",
        ),
        *(
            (
                wire({**UPSERT, "entity": "payment", "within": {"orderId": value}}),
                f"plan.steps.0 'a': within.orderId: expected a text, a number or a reference, got {got}",
            )
            for value, got in [
                (None, "null"),
                (True, "true"),
                ("", "an empty text"),
                ([5], "a list of 1"),
                ({"$if": "a.b", "then": 1, "else": 2}, "an object"),
            ]
        ),
        (wire({**UPSERT, "within": []}), f"plan.steps.0 'a': within: {WITHIN}, got a list of 0"),
        (wire({**UPSERT, "once": 5}), "plan.steps.0 'a': once: expected true or false, got 5"),
        (wire({**UPSERT, "alias": "x"}), f"plan.steps.0 'a': alias: {KEY}, got a text of 1 character"),
        (
            wire({**UPSERT, "alias": {"id": ""}}),
            f"plan.steps.0 'a': {KEY_ID.replace('key', 'alias')}, got an empty text",
        ),
        (
            wire({**UPSERT, "alias": {"id": "7", "x": 1}}),
            "plan.steps.0 'a': alias: unknown field 'x'; known: id, originator",
        ),
        (
            wire({**UPSERT, "title": "x" * 501}),
            "plan.steps.0 'a': title: expected a text of at most 500 characters, got a text of 501 characters",
        ),
        # find
        (wire(without(FIND, "keys")), f"plan.steps.0 'a': keys is missing: {KEYS}"),
        (wire({**FIND, "keys": {}}), f"plan.steps.0 'a': keys: {KEYS}, got an object"),
        (wire({**FIND, "keys": [{"id": "7"}] * 501}), f"plan.steps.0 'a': keys: {KEYS}, got a list of 501"),
        (wire({**FIND, "keys": ["7"]}), f"plan.steps.0 'a': keys.0: {KEY}, got a text of 1 character"),
        (
            wire({**FIND, "keys": [{"id": "7"}, {"id": ""}]}),
            f"plan.steps.0 'a': {KEY_ID.replace('key', 'keys.1')}, got an empty text",
        ),
        (
            wire({**FIND, "keys": [{"id": "7", "x": 1}]}),
            "plan.steps.0 'a': keys.0: unknown field 'x'; known: id, originator",
        ),
        (wire({**FIND, "wait": -1}), "plan.steps.0 'a': wait: expected seconds, 0 to 86400, got -1"),
        (
            wire({**FIND, "by_alias": "x"}),
            "plan.steps.0 'a': by_alias: expected true or false, got a text of 1 character",
        ),
        (
            wire({**FIND, "watch": True}),
            "plan: subject: is missing: a plan that watches says what it is about",
        ),
        (
            wire({**FIND, "entity": "foo", "by_alias": True}),
            f"plan.steps.0 'a': entity: no entity 'foo'; known: {ENTITIES}",
        ),
        (
            wire({**FIND, "y": 1}),
            "plan.steps.0 'a': unknown field 'y'; known: name, after, optional, do, entity, keys, within, by_alias, "
            "wait, watch",
        ),
        (wire(CALL, subject=""), "plan: subject: expected a text of 1 to 800 characters, got an empty text"),
        # parts
        (
            wire({**CALL, "part": "rows"}),
            "plan.steps.0 'a': part: expected an object with name, entity, key and, if need be, version, "
            "got a text of 4 characters",
        ),
        (wire({**CALL, "part": without(PART, "name")}), f"plan.steps.0 'a': part.name is missing: {NAME}"),
        (
            wire({**CALL, "part": {**PART, "entity": "foo"}}),
            f"plan.steps.0 'a': part.entity: no entity 'foo'; known: {ENTITIES}",
        ),
        (
            wire({**CALL, "part": {**PART, "key": {"id": ""}}}),
            f"plan.steps.0 'a': part.{KEY_ID}, got an empty text",
        ),
        (wire({**CALL, "part": {**PART, "version": "v9"}}), f"plan.steps.0 'a': part.{VERSION}, got 'v9'"),
        (
            wire({**CALL, "part": {**PART, "hash": "x"}}),
            "plan.steps.0 'a': part: unknown field 'hash'; known: name, entity, key, version, apart",
        ),
        (
            wire({**CALL, "part": {**PART, "apart": "x"}}),
            "plan.steps.0 'a': part.apart: expected a list of names of fields of wanted, got a text of 1 character",
        ),
        (
            wire({**CALL, "part": {**PART, "apart": [5]}}),
            "plan.steps.0 'a': part.apart.0: expected the name of a field of wanted, got 5",
        ),
        (
            wire({**CALL, "part": PART}, {**CALL, "name": "b", "part": {**PART, "entity": "item:2"}}),
            "plan.steps.1 'b': part: steps.0 has this part already",
        ),
        # words within values
        (
            wire({**CALL, "params": {"x": [{"$if": "a.b", "then": 1}]}}),
            "plan.steps.0 'a': $if is an object with $if (the path of a result), then and else, and nothing else",
        ),
        (
            wire({**UPSERT, "fields": {"x": {"$ref": 5}}}),
            "plan.steps.0 'a': $ref is an object with the path of a result, and nothing else",
        ),
        (
            wire({**UPSERT, "fields": {"property${b.id}": 5}}),
            "plan.steps.0 'a': the reference 'b.id' leads to no earlier step",
        ),
        (
            wire({**UPSERT, "fields": {"x": {"$if": "b.id", "then": 1, "else": 2}}}),
            "plan.steps.0 'a': the reference 'b.id' leads to no earlier step",
        ),
        (
            wire(UPSERT, {**RECONCILE, "name": "r", "unless_new": "b"}),
            "plan.steps.1 'r': the reference 'b.action' leads to no earlier step",
        ),
        (wire(CALL, {**RECONCILE, "name": "r", "unless_new": "a"}), "plan.steps.1 'r': unless_new: 'a' is no upsert"),
        # fallback
        (
            wire({**UPSERT, "fallback": "x"}),
            "plan.steps.0 'a': fallback: expected an object with codes and fields, got a text of 1 character",
        ),
        (
            wire({**UPSERT, "fallback": {"codes": [], "fields": {"x": 1}}}),
            "plan.steps.0 'a': fallback.codes: expected a list of 1 to 20 codes of answers, got none",
        ),
        (
            wire({**UPSERT, "fallback": {"codes": [7], "fields": {"x": 1}}}),
            "plan.steps.0 'a': fallback.codes.0: expected a text of 1 to 100 characters, got 7",
        ),
        (
            wire({**UPSERT, "fallback": {"codes": ["7"], "fields": {}}}),
            "plan.steps.0 'a': fallback.fields: expected an object with one field at least, got an object",
        ),
        (
            wire({**UPSERT, "fallback": {"codes": ["7"]}}),
            "plan.steps.0 'a': fallback.fields is missing: expected an object with one field at least",
        ),
        (
            wire({**UPSERT, "fallback": {"codes": ["7"], "fields": {"x": 1}, "once": True}}),
            "plan.steps.0 'a': fallback: unknown field 'once'; known: codes, fields",
        ),
        (
            wire({**UPSERT, "fallback": {"codes": ["7"], "fields": {"x": {"$ref": "b.id"}}}}),
            "plan.steps.0 'a': the reference 'b.id' leads to no earlier step",
        ),
        # reconcile
        (
            wire({**RECONCILE, "method": "crm.deal.add"}),
            "plan.steps.0 'a': method: crm.deal.add is no read, expected one such as crm.deal.list",
        ),
        (
            wire({**RECONCILE, "method": "batch"}),
            "plan.steps.0 'a': method: a step is no batch, the gateway packs calls by itself",
        ),
        (wire(without(RECONCILE, "rule")), "plan.steps.0 'a': rule is missing: expected the name of a rule"),
        # several faults: each once
        (
            wire({**CALL, "name": "."}, {**UPSERT, "key": {"id": ""}, "x": 1}),
            f"plan.steps.0 '.': name: {NAME}, got '.'; plan.steps.1 'a': {KEY_ID}, got an empty text; "
            "plan.steps.1 'a': unknown field 'x'; known: name, after, optional, do, entity, key, fields, hash, "
            "version, within, once, new, alias, title, fallback",
        ),
    ],
)
def test_faults(raw: bytes, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_plan(raw)
    assert str(caught.value) == said


@pytest.mark.parametrize("raw", [b"", b"{", b'{"v":NaN}', b"\xff"])
def test_no_json(raw: bytes) -> None:
    with pytest.raises(BadInput, match=r"^plan: no JSON: "):
        parse_plan(raw)


FINDS = (*FindStep.model_fields, *ReconcileStep.model_fields)


@settings(deadline=None, max_examples=300)
@given(
    step=st.sampled_from([CALL, UPSERT, RECONCILE, FIND]),
    field=st.sampled_from(sorted({*Plan.model_fields, *CallStep.model_fields, *UpsertStep.model_fields, *FINDS})),
    value=values,
    around=st.sampled_from(["step", "plan", "key", "keys", "part", "alias"]),
)
def test_every_fault_is_told_in_our_words(step: dict[str, Any], field: str, value: Any, around: str) -> None:
    inner: Any = {**(PART if around == "part" else {"id": "7"}), field: value}
    wrong = {**step, field: value} if around == "step" else {**step, around: [inner] if around == "keys" else inner}
    raw = wire(wrong) if around != "plan" else wire(step, **{field: value})
    try:
        parse_plan(raw)
    except BadInput as error:
        said = str(error)
        assert said.startswith("plan") and "\n" not in said
        for jargon in ("Input should", "valid", "Field required", "permitted", "union", "tag", "after validation"):
            assert jargon not in said.replace(repr(value), ""), said
