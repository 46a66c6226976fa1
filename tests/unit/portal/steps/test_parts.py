"""pipeline/portal/steps/part_guard.py and `unless_new`: what is not given twice, what is not read, and crashes."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pipeline.portal import rules
from pipeline.portal.links.parts import PartNote
from pipeline.portal.links.store import Link
from pipeline.portal.plan import CallStep, Key, Part, Plan, ReconcileStep
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.portal.steps.command import Refused, Unclear
from pipeline.portal.steps.content import content_hash
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.part_guard import PartGuard, content_of
from pipeline.portal.steps.plan_course import PlanCourse
from tests.unit.portal.steps.test_plan_course import again, begin, body, give, names
from tests.unit.portal.steps.world import (
    LIMIT,
    START,
    World,
    executed,
    link_of,
    refusal,
    script,
    steps_of,
    unknown,
)

KEY = Key(id="7", originator="site")
CONTENT = {"method": "crm.x.set", "params": {"a": 1}}
HASH = content_hash(CONTENT)
RULE = "test-parts"


@pytest.fixture(autouse=True)
def rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds a comment for each text that is wanted and not there."""

    def missing(current: list[Any], wanted: Any) -> list[CallStep]:
        there = {row["COMMENT"] for row in current}
        texts = [text for text in wanted["texts"] if text not in there]
        return [
            CallStep(
                name="add",
                method="crm.timeline.comment.add",
                params={"fields": {"ENTITY_ID": wanted["id"], "ENTITY_TYPE": "company", "COMMENT": text}},
            )
            for text in texts
        ]

    monkeypatch.setitem(rules._RULES, RULE, missing)


def note(**given: Any) -> PartNote:
    return PartNote(**{"portal": "main", "entity": "company", "external": "site\x1f7", **NOTE, **given})


NOTE: dict[str, Any] = {"part": "rows", "id": "5", "hash": HASH}


def guard(
    before: PartNote | None, owner: Link | None, *, version: Any = None, force: bool = False, **content: Any
) -> PartGuard:
    env = Env("main", lambda entity, external: owner, LIMIT, part=lambda entity, external, part: before)
    part = Part(name="rows", entity="company", key=KEY, version=version)
    return PartGuard(part, {**CONTENT, **content}, env, force=force)


OWNER = link_of("company", "7", 5, "site")


@pytest.mark.parametrize(
    ("before", "given", "done", "noted"),
    [
        (None, {}, None, note()),
        (note(), {}, "unchanged", None),
        (note(), {"force": True}, None, note()),
        (note(id="4"), {}, None, note()),
        (note(id="4", version=9), {"version": 3}, None, note(version=3)),
        (note(hash="x"), {}, None, note()),
        (note(hash="x", version=2), {}, None, note(version=2)),
        (note(hash="x", version=2), {"version": 3}, None, note(version=3)),
        (note(version=2), {"version": 3}, "unchanged", note(version=3)),
        (note(version=3), {"version": 3}, "unchanged", None),
        (note(hash="x", version=9), {"version": 3}, "stale", None),
        (note(version=9), {"version": 3, "force": True}, "stale", None),
    ],
)
def test_the_guard(before: Any, given: dict[str, Any], done: Any, noted: Any) -> None:
    found = guard(before, OWNER, **given)
    assert found.done == (None if done is None else {"action": done}) and found.note == noted


def test_without_its_object_the_step_runs_and_nothing_is_noted() -> None:
    found = guard(note(), None)
    assert (found.done, found.note) == (None, None)


def test_what_stands_apart_is_no_content() -> None:
    part = Part(name="rows", entity="company", key=KEY, apart=("names", "gone"))
    step = ReconcileStep(
        name="r", method="x.list", rule=RULE, wanted={"names": [1], "rest": {"$ref": "a.id"}}, part=part
    )
    content = content_of(step, {"a": {"id": "5"}})
    assert content == {"method": "x.list", "params": {}, "wanted": {"rest": "5"}, "rule": RULE}
    assert content_of(CallStep(name="c", method="x.set", part=part), {}) == {"method": "x.set", "params": {}}


@pytest.mark.parametrize("other", [{"method": "x.y"}, {"params": {"a": "1"}}, {"wanted": 1}, {"rule": "x"}])
def test_all_that_a_step_gives_is_its_content(other: dict[str, Any]) -> None:
    assert guard(note(), OWNER, **other).done is None


def test_versions_that_cannot_be_compared_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert guard(note(hash="x", version=9), OWNER, version="2024-08-30T15:29:05").done is None
    assert "part rows" in caplog.text and "cannot be compared" in caplog.text


# -- in plans


def plan(
    *, force: bool = False, rows: Any = 1, text: str = "hello", unless_new: str | None = None, version: Any = None
) -> Plan:
    """A company, a call and a reconcile that belong to it."""
    builder = PlanBuilder(force=force)
    company = builder.upsert("company", "company", KEY, {"TITLE": "x"}, version=version)
    part = Part(name="rows", entity="company", key=KEY, version=version)
    fields = {"ROWS": rows}
    builder.call("rows", "crm.company.update", {"id": company.id, "fields": fields}, part=part)
    params = {"filter": {"ENTITY_ID": company.id, "ENTITY_TYPE": "company"}}
    wanted = {"id": company.id, "texts": [text]}
    notes = Part(name="notes", entity="company", key=KEY, version=version)
    builder.reconcile(
        "notes", "crm.timeline.comment.list", params, rule=RULE, wanted=wanted, part=notes, unless_new=unless_new
    )
    return builder.build()


def calls(world: World) -> list[str]:
    found = [command.name for _, command in world.log]
    world.log.clear()
    return found


FIRST = ["crm.company.list", "crm.company.add", "crm.company.update", "crm.timeline.comment.list"]


def test_what_was_given_is_not_given_again() -> None:
    world = World()
    world.plan(plan())
    assert calls(world) == [*FIRST, "crm.timeline.comment.add"]
    assert steps_of(world.plan(plan(), "r2").reply) == {
        "company": {"id": "1", "action": "unchanged"},
        "rows": {"action": "unchanged"},
        "notes": {"action": "unchanged"},
    }
    assert calls(world) == []
    assert steps_of(world.plan(plan(rows=2), "r3").reply)["notes"] == {"action": "unchanged"}
    assert calls(world) == ["crm.company.update"]


def test_a_reconcile_that_makes_no_difference_is_noted_too() -> None:
    world = World()
    world.plan(plan())
    del world.parts["company", "site\x1f7", "notes"]
    assert steps_of(world.plan(plan(), "r2").reply)["notes"] == {"made": 0}
    calls(world)
    assert steps_of(world.plan(plan(), "r3").reply)["notes"] == {"action": "unchanged"} and calls(world) == []


def test_force_gives_all_again() -> None:
    world = World()
    world.plan(plan())
    calls(world)
    assert steps_of(world.plan(plan(force=True), "r2").reply)["company"]["action"] == "updated"
    assert calls(world) == ["crm.company.update", "crm.company.update", "crm.timeline.comment.list"]
    world.plan(plan(), "r3")
    assert calls(world) == []


def test_an_old_plan_gives_nothing() -> None:
    world = World()
    world.plan(plan(version=5))
    calls(world)
    done = steps_of(world.plan(plan(version=4, rows=2, text="old"), "r2").reply)
    assert {step["action"] for step in done.values()} == {"stale"} and calls(world) == []


def test_an_object_that_was_made_anew_gets_its_parts() -> None:
    world = World()
    world.plan(plan())
    world.portal.tables["company"].clear()
    calls(world)
    done = steps_of(world.plan(plan(force=True), "r2").reply)
    assert done["company"]["action"] == "added" and done["notes"] == {"made": 1} and "result" in done["rows"]


def test_what_has_failed_is_not_noted() -> None:
    course = begin(plan())
    for result in (executed([]), executed(5), Refused(refusal("no"))):
        give(course, result)
    assert body(course)["step"] == "rows"
    assert [note.part for note in course.links().parts] == []


def test_a_note_is_written_with_the_result() -> None:
    course = begin(plan())
    for result in (executed([]), executed(5), executed(True)):
        give(course, result)
    changes = course.links()
    assert [(note.part, note.id) for note in changes.parts] == [("rows", "5")] and changes
    assert not course.links()


@pytest.mark.parametrize("fate", ["done but lost", "done late", "crash, done late", "lost"])
@pytest.mark.parametrize(("force", "unless_new"), [(False, None), (True, "company")])
@pytest.mark.parametrize("point", range(0, 30, 3))
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_crash_anywhere(point: int, force: bool, unless_new: str | None, fate: str, before: int) -> None:
    """`before`: writes that go well before that fate."""
    crashes, writes = script(*["no"] * point, "yes", what="crash"), script(*["done"] * before, fate)
    world = World(lambda what, options: (crashes if what == "crash" else writes)(what, options))
    course = world.plan(plan(force=force, unless_new=unless_new))
    assert "notes" in steps_of(course.reply)
    world.finish()
    (company,) = world.portal.rows("company")
    (comment,) = world.portal.rows("timeline.comment")
    assert company["ROWS"] == 1 and str(comment["ENTITY_ID"]) == str(company["ID"])
    world.log.clear()
    again = steps_of(world.plan(plan(), "r2").reply)
    assert {step["action"] for step in again.values()} == {"unchanged"} and calls(world) == []


def test_a_part_that_was_noted_before_a_crash_was_given() -> None:
    """Its result is not in the row yet."""
    course = begin(plan())
    for result in (executed([]), executed(5)):
        give(course, result)
    (link,) = course.links().puts
    course.mark_sent(course.commands(START), START)
    stored = course.progress()
    (command,) = course.commands(START)
    course.take(command, executed(True))
    (given,) = course.links().parts
    after = PlanCourse(
        plan(),
        Env(
            "main",
            lambda entity, external: link,
            LIMIT,
            part=lambda entity, external, part: given if part == given.part else None,
        ),
        course._stamp,
        stored,
        sent_at=START,
    )
    assert names(after) == ["crm.timeline.comment.list"]
    assert after.progress() == {
        "results": {"company": {"id": "5", "action": "added"}, "rows": {"action": "unchanged"}},
        "sent": {},
    }


# -- unless_new


def new() -> Plan:
    builder = PlanBuilder()
    company = builder.upsert("company", "company", KEY, {"TITLE": "x"})
    builder.reconcile(
        "notes",
        "crm.timeline.comment.list",
        {"filter": {"ENTITY_ID": company.id}},
        rule=RULE,
        wanted={"id": company.id, "texts": ["a"]},
        unless_new="company",
    )
    return builder.build()


def test_what_is_new_is_not_read() -> None:
    course = begin(new())
    give(course, executed([]))
    give(course, executed(5))
    assert names(course) == ["crm.timeline.comment.add"]
    give(course, executed(9))
    assert body(course)["steps"]["notes"] == {"made": 1}


def test_nothing_to_make_for_what_is_new_makes_no_call() -> None:
    given = new().model_dump()
    given["steps"][1]["wanted"]["texts"] = []
    course = begin(Plan.model_validate(given))
    give(course, executed([]))
    give(course, executed(5))
    assert body(course)["steps"]["notes"] == {"made": 0}


def test_what_was_there_is_read() -> None:
    course = begin(new())
    give(course, executed([{"ID": "5", "ORIGIN_ID": "7", "ORIGINATOR_ID": "site"}]))
    give(course, executed(True))
    assert names(course) == ["crm.timeline.comment.list"]


def test_what_was_found_to_be_added_is_read() -> None:
    """A minute has passed since: something may have come to it."""
    course = begin(new())
    give(course, executed([]))
    give(course, Unclear(unknown(), START))
    give(course, executed([{"ID": "5", "ORIGIN_ID": "7", "ORIGINATOR_ID": "site"}]), now=START + LIMIT)
    assert names(course, START + LIMIT) == ["crm.timeline.comment.list"]


def test_what_another_worker_has_added_is_read() -> None:
    course = begin(new())
    give(course, executed([]))
    give(course, executed(5))
    assert names(again(course, new(), sent_at=None)) == ["crm.timeline.comment.list"]
    course.mark_sent(course.commands(START), START)
    after = again(course, new())
    assert names(after) == [] and names(after, START + LIMIT) == ["crm.timeline.comment.list"]


def test_an_unknown_outcome_is_read() -> None:
    course = begin(new())
    give(course, executed([]))
    give(course, executed(5))
    give(course, Unclear(unknown(), START))
    assert names(course) == [] and names(course, START + LIMIT) == ["crm.timeline.comment.list"]


def test_a_step_of_a_rule_has_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part(name="rows", entity="company", key=KEY)
    found = [CallStep(name="a", method="crm.x.add", part=part)]
    monkeypatch.setitem(rules._RULES, RULE, lambda current, wanted: found)
    course = begin(Plan(steps=(ReconcileStep(name="r", method="crm.x.list", rule=RULE),)))
    give(course, executed([]))
    assert "has a part" in body(course)["error_description"]
