"""pipeline/portal/reconciling/multifields.py: as tables, and against the simulator's old methods."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import Permanent
from pipeline.portal.plan import CallStep
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.portal.reconciling.multifields import multifields
from pipeline.portal.steps.command import Command, Executed, Refused, Result, Unclear
from pipeline.portal.steps.env import Env, Stamp
from pipeline.portal.steps.plan_course import PlanCourse
from tests.support.sandbox_portal import Client, serving
from tests.unit.portal.steps.world import refusal, unknown


def entry(number: int, text: str, kind: str = "WORK") -> dict[str, Any]:
    return {"ID": str(number), "VALUE": text, "VALUE_TYPE": kind, "TYPE_ID": "PHONE"}


def changes(held: Any, wanted: Any, field: str = "PHONE", **more: Any) -> Any:
    found = list(multifields([{"ID": "5", field: held}], {"entity": "company", "id": 5, field: wanted, **more}))
    if not found:
        return []
    (step,) = found
    assert step.method == "crm.company.update" and step.params["id"] == 5
    assert set(step.params["fields"]) == {field}
    return step.params["fields"][field]


def gone(number: int) -> dict[str, Any]:
    return {"ID": str(number), "VALUE": "", "DELETE": "Y"}


@pytest.mark.parametrize(
    ("held", "wanted", "keep", "expected"),
    [
        ([], [], False, []),
        (None, ["+71"], False, [{"VALUE": "+71", "VALUE_TYPE": "WORK"}]),
        ([entry(1, "+71")], ["+71"], False, []),
        ([entry(1, "+71", "HOME")], ["+71"], False, []),
        ([entry(1, "+71", "HOME")], [{"VALUE": "+71", "VALUE_TYPE": "WORK"}], False, [
            {"ID": "1", "VALUE": "+71", "VALUE_TYPE": "WORK"}
        ]),
        # one number in two forms
        ([entry(1, "8 (495) 123-45-67")], ["+7 495 1234567"], False, [
            {"ID": "1", "VALUE": "+7 495 1234567", "VALUE_TYPE": "WORK"}
        ]),
        ([entry(1, "+71")], ["+72"], False, [{"VALUE": "+72", "VALUE_TYPE": "WORK"}, gone(1)]),
        ([entry(1, "+71")], ["+72"], True, [{"VALUE": "+72", "VALUE_TYPE": "WORK"}]),
        # doubles: the oldest stays
        ([entry(10, "+71"), entry(9, "+71"), entry(11, "+7 1")], ["+71"], True, [gone(10), gone(11)]),
        ([entry(1, "+71"), entry(2, "+71", "HOME")], [
            {"VALUE": "+71", "VALUE_TYPE": "HOME"}, {"VALUE": "+71", "VALUE_TYPE": "WORK"}
        ], False, []),
        ([], ["+71", "+71 ", "", {"VALUE": None}], False, [{"VALUE": "+71", "VALUE_TYPE": "WORK"}]),
        ({"1": entry(1, "+71"), "3": entry(3, "+73")}, [], False, [gone(1), gone(3)]),
        ([{"VALUE": "+71"}, "x", entry(1, "+71")], ["+71"], False, []),
    ],
)  # fmt: skip
def test_changes(held: Any, wanted: Any, keep: bool, expected: Any) -> None:
    assert changes(held, wanted, keep=keep) == expected


def test_e_mails_are_compared_without_case() -> None:
    assert changes([entry(1, "A@b.C")], ["a@b.c"], "EMAIL") == [{"ID": "1", "VALUE": "a@b.c", "VALUE_TYPE": "WORK"}]
    assert changes([entry(1, "a7@b.c")], ["a8@b.c"], "EMAIL", keep=True) == [{"VALUE": "a8@b.c", "VALUE_TYPE": "WORK"}]


def test_fields_that_are_not_named_stay() -> None:
    row = {"ID": 5, "PHONE": [entry(1, "+71")], "EMAIL": [entry(2, "a@b.c")]}
    (step,) = multifields([row], {"entity": "contact", "id": "5", "EMAIL": []})
    assert step.method == "crm.contact.update" and step.params["fields"] == {"EMAIL": [gone(2)]}


@pytest.mark.parametrize(
    ("current", "wanted"),
    [
        ([{"ID": "5"}], None),
        ([{"ID": "5"}], {}),
        ([{"ID": "5"}], {"entity": "deal", "id": 5}),
        ([{"ID": "5"}], {"entity": "company", "id": "x"}),
        ([{"ID": "5"}], {"entity": "company", "id": 6}),
        ([{"ID": "5"}], {"entity": "company", "id": 5, "keep": "no"}),
        ([{"ID": "5"}], {"entity": "company", "id": 5, "Phone": []}),
        ([{"ID": "5"}], {"entity": "company", "id": 5, "PHONE": "+71"}),
        ([{"ID": "5"}], {"entity": "company", "id": 5, "PHONE": [5]}),
        ([], {"entity": "company", "id": 5}),
        ([{"ID": "5"}, {"ID": "5"}], {"entity": "company", "id": 5}),
        ([{"item": {"id": 5}}], {"entity": "company", "id": 5}),
    ],
)
def test_mistakes(current: Any, wanted: Any) -> None:
    with pytest.raises(Permanent, match="rule multifields: "):
        multifields(current, wanted)


# -- against the simulator


@pytest.fixture
async def portal() -> AsyncIterator[Client]:
    async with serving() as client:
        yield client


async def reconcile(portal: Client, entity: str, number: int, *, lost: int = 0, **wanted: Any) -> Any:
    """Run the plan; the answers of its first `lost` updates are lost. The object afterwards."""
    builder = PlanBuilder()
    wanted = {"entity": entity, "id": number, **wanted}
    builder.reconcile("fields", f"crm.{entity}.get", {"id": number}, rule="multifields", wanted=wanted)
    course = PlanCourse(builder.build(), Env("main"), Stamp("t"), None, sent_at=None)
    now = 0.0
    while course.reply is None:
        now = max(now, course.due() or now)
        for command in course.commands(now):
            result = await execute(portal, command)
            if command.write and lost:
                lost, result = lost - 1, Unclear(unknown(), now)
            course.take(command, result)
    assert course.reply.error_class is None, course.reply.body
    return await portal.result(f"crm.{entity}.get", {"id": number})


async def execute(portal: Client, command: Command) -> Result:
    status, body = await portal.rest(command.method, command.params)
    return Executed(status, orjson.dumps(body)) if status == 200 else Refused(refusal(body["error_description"]))


def shown(row: Any, field: str) -> list[tuple[str, str]]:
    return sorted((value["VALUE"], value["VALUE_TYPE"]) for value in row.get(field) or [])


@pytest.mark.parametrize("entity", ["company", "contact", "lead"])
async def test_an_object_gets_what_is_wanted(portal: Client, entity: str) -> None:
    fields = {
        "TITLE": "ACME",
        "NAME": "A",
        "PHONE": [{"VALUE": text} for text in ("+7 495 1", "+7 495 1", "+7 495 2", "+7 495 3")],
        "EMAIL": [{"VALUE": "Old@acme.example"}],
        "WEB": [{"VALUE": "acme.example"}],
    }
    number = await portal.result(f"crm.{entity}.add", {"fields": fields})
    phones = ["+74951", {"VALUE": "+7 495 2", "VALUE_TYPE": "MOBILE"}, "+7 495 4"]
    row = await reconcile(portal, entity, number, PHONE=phones, EMAIL=["old@acme.example"])
    assert shown(row, "PHONE") == [("+7 495 2", "MOBILE"), ("+7 495 4", "WORK"), ("+74951", "WORK")]
    assert shown(row, "EMAIL") == [("old@acme.example", "WORK")] and shown(row, "WEB") == [("acme.example", "WORK")]
    ids = {value["ID"] for value in row["PHONE"]}
    row = await reconcile(portal, entity, number, PHONE=phones, EMAIL=["old@acme.example"])
    assert {value["ID"] for value in row["PHONE"]} == ids, "a second time changes nothing"


async def test_unknown_ones_can_be_kept(portal: Client) -> None:
    number = await portal.result("crm.company.add", {"fields": {"TITLE": "x", "PHONE": [{"VALUE": "+71"}]}})
    row = await reconcile(portal, "company", number, PHONE=["+72"], keep=True)
    assert shown(row, "PHONE") == [("+71", "WORK"), ("+72", "WORK")]


async def test_a_lost_answer_adds_nothing_twice(portal: Client) -> None:
    number = await portal.result("crm.company.add", {"fields": {"TITLE": "x", "PHONE": [{"VALUE": "+71"}]}})
    row = await reconcile(portal, "company", number, lost=3, PHONE=["+72", "+73"])
    assert shown(row, "PHONE") == [("+72", "WORK"), ("+73", "WORK")]


def test_its_step_is_one_that_may_be_in_a_batch() -> None:
    from pipeline.portal.wire import encode

    (step,) = multifields([{"ID": "5", "PHONE": [entry(1, "+71")]}], {"entity": "company", "id": 5, "PHONE": ["+72"]})
    assert isinstance(step, CallStep) and encode.command(step.method, step.params)
