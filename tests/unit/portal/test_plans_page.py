"""docs/plans.md: its examples are plans that run, its table is what steps do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.portal import methods
from pipeline.portal.entities import _ENTITIES, _OF_IBLOCK, entity
from pipeline.portal.links.keys import external_key
from pipeline.portal.plan import CallStep, FindStep, Plan, ReconcileStep, UpsertStep, parse_plan
from pipeline.portal.requests.order import plan_keys
from pipeline.portal.rules import rule_named
from pipeline.portal.steps.call import CallRun
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.settle import Again, Appending, ByExternal, ByNatural
from pipeline.portal.steps.stamp import ORIGINATOR
from tests.unit.portal.steps.driver import Driver
from tests.unit.portal.steps.world import World, steps_of

PAGE = (Path(__file__).parents[3] / "docs" / "plans.md").read_text()
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def plan(number: int) -> Plan:
    return parse_plan(EXAMPLES[number].encode())


def test_there_are_six() -> None:
    assert [len(plan(number).steps) for number in range(len(EXAMPLES))] == [2, 4, 1, 4, 3, 3]


@pytest.mark.parametrize("number", range(3))
def test_an_example_runs(number: int) -> None:
    world = World()
    example = plan(number)
    for step in example.steps:
        if isinstance(step, ReconcileStep):
            assert rule_named(step.rule)
    first = steps_of(world.plan(_only(example, "productrows")).reply)
    assert set(first) == {step.name for step in _only(example, "productrows").steps}
    assert not [name for name, done in first.items() if "error" in done]
    again = steps_of(world.plan(_only(example, "productrows"), "r2").reply)
    assert {done["action"] for done in again.values() if "action" in done} == {"unchanged"}


def _only(example: Plan, without: str) -> Plan:
    """The plan without the method that the small portal of these tests does not have."""
    steps = [step for step in example.steps if not (isinstance(step, CallStep) and without in step.method)]
    return Plan(keys=example.keys, throttle=example.throttle, steps=tuple(steps))


def test_the_phones_are_what_is_wanted() -> None:
    world = World()
    for name in ("r1", "r2"):
        world.plan(plan(0), name)
    (company,) = world.portal.rows("company")
    assert world.portal.phones("company", company["ID"]) == ["+7 495 000-00-00", "+7 999 000-00-00"]


def test_rows_and_comment_go_side_by_side() -> None:
    needs = plan(1).needs()
    assert needs["rows"] == needs["comment"] == {"deal"}


def test_keys_of_the_examples() -> None:
    assert plan_keys(plan(1))[0] == "plan:settlement 2024-17"
    assert plan_keys(plan(2)) == ("=deal:main\x1f5017",) and plan(2).throttle == "mirror"


@pytest.mark.parametrize("number", range(6))
def test_an_example_runs_in_a_new_portal(number: int) -> None:
    driver = Driver()
    driver.run(plan(number))
    driver.calls.clear()
    again = driver.run(Plan(steps=_guarded(plan(number)), subject=plan(number).subject), name="u")
    assert {done["action"] for done in again.values() if "action" in done} <= {"found", "unchanged"}
    assert not [name for name in driver.calls if name.rpartition(".")[2] not in ("get", "list")]


def _guarded(example: Plan) -> tuple[Any, ...]:
    """Steps that do nothing when nothing has changed; calls without a part are made again."""
    return tuple(step for step in example.steps if not isinstance(step, CallStep) or step.part is not None)


@pytest.mark.parametrize("number", range(6))
def test_a_new_portal_takes_the_fields_of_the_examples(number: int) -> None:
    driver = Driver()
    driver.run(plan(number))
    for step in plan(number).steps:
        if isinstance(step, UpsertStep):
            kind = entity(step.entity)
            link = driver.links[step.entity, external_key(step.key.originator, step.key.id)]
            row = kind.row(driver.desk.result(kind.get_method, kind.get_params(link.id)))
            assert row is not None and {name for name in step.fields if "$" not in name} <= set(row)


def test_what_the_newer_examples_make() -> None:
    driver = Driver()
    done = driver.run(plan(4))
    (ball,) = (row for row in driver.rows("product") if row["xmlId"] == "b-3")
    assert [one["value"] for one in ball[f"property{done['shape']['id']}"]] == [done["round"]["id"]]
    assert driver.links["alias:product:23", "ball"].id == done["ball"]["id"]
    assert driver.run(plan(3))["goods"] == {"found": [None, None], "missing": 2}
    driver.calls.clear()
    assert driver.run(plan(5))["basket"] == {"made": 1} and "sale.basketitem.list" not in driver.calls


def test_the_builder_s_example_is_a_plan() -> None:
    code, finding = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    exec(finding, names)
    assert [step.do for step in names["plan"].build().steps] == ["find", "call"]
    record = names["record"]
    assert record.headers["plan"] == "1" and len(parse_plan(record.value).steps) == 2


def test_all_entities_are_named() -> None:
    section = PAGE.partition("- **Entities**")[2].partition("- **Actions**")[0]
    numbered = {f"{kind}:<iblockId>" for kind in _OF_IBLOCK}
    assert set(_ENTITIES) | {"item:<entityTypeId>"} | numbered <= set(re.findall(r"`([^`]+)`", section))


def test_all_fields_of_steps_are_named() -> None:
    rows = dict(re.findall(r"^\| `(call|upsert|find|reconcile)` \| ([^|]+)", PAGE, re.MULTILINE))
    for kind in (CallStep, UpsertStep, FindStep, ReconcileStep):
        fields = set(kind.model_fields) - {"do", "name", "after", "optional"}
        assert set(re.findall(r"`(\w+)`", rows[kind.model_fields["do"].default])) == fields


# -- the table of lost answers

ROWS = [
    (method, how, cells)
    for cells, how in re.findall(r"^\| (`[^|]+) \| (again|reading|external id|own fields|not) \|", PAGE, re.MULTILINE)
    for method in re.findall(r"`([a-z]+\.[A-Za-z.]+)`", cells)
]
KINDS = {"again": Again, "reading": Appending, "external id": ByExternal, "own fields": ByNatural, "not": type(None)}
FIELDS = {
    "iblockId": 23,
    "ENTITY_ID": 5,
    "ENTITY_TYPE": "deal",
    "COMMENT": "x",
    "orderId": 5,
    "ownerId": 6,
    "ownerTypeId": 2,
    "productId": 5,
    "catalogGroupId": 1,
    "price": 10,
    "FIELD_NAME": "X",
    "code": "X",
    "propertyId": 5,
    "xmlId": "X",
    "orderDeliveryId": 5,
    "basketId": 6,
    "TYPE_ID": 1,
    "ENTITY_TYPE_ID": 4,
}


def test_the_table_has_all_kinds() -> None:
    assert {how for _, how, _ in ROWS} == set(KINDS) and len(ROWS) > 25


@pytest.mark.parametrize(("method", "how", "cells"), ROWS, ids=lambda value: value if "`" not in value else "")
def test_what_the_table_says(method: str, how: str, cells: str) -> None:
    fields = {**FIELDS, **({"PHONE": [{"VALUE": "+71"}], "fm": [{"value": "+71"}]} if how == "reading" else {})}
    run = CallRun(method, {"entityTypeId": 2, "id": 5, "fields": fields}, Env("main"), "stamp")
    if methods.is_read(method):
        assert how == "again" and run._settlement is None and run.command is not None and not run.command.write
        return
    assert isinstance(run._settlement, KINDS[how])
    stamped = PAGE.partition(cells)[2].partition("\n")[0]
    if isinstance(run._settlement, ByExternal):
        assert f"`{run._settlement.kind.external_field}`" in stamped


def test_the_originator_of_stamps() -> None:
    assert f"originator `{ORIGINATOR}`" in PAGE
