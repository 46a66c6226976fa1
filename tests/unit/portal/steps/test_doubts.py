"""After a plan has failed: what it may have changed on its way is given again, whatever hashes say of it."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.portal import rules
from pipeline.portal.plan import CallStep, Key, Part, Plan
from pipeline.portal.plan_builder import PlanBuilder
from tests.unit.portal.steps.world import World, script, steps_of

KEY = Key(id="7", originator="site")
RULE = "test-doubts"


@pytest.fixture(autouse=True)
def rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """One update for each field."""

    def set_each(current: list[Any], wanted: Any) -> list[CallStep]:
        return [
            CallStep(name=name, method="crm.company.update", params={"id": wanted["id"], "fields": {name: value}})
            for name, value in wanted["fields"].items()
            if current[0].get(name) != value
        ]

    monkeypatch.setitem(rules._RULES, RULE, set_each)


def plan(value: str, *, optional: bool = False, version: int | None = None) -> Plan:
    """A company; two fields by a rule; a third one that the rule has an eye on, too, by a call."""
    builder = PlanBuilder()
    company = builder.upsert("company", "company", KEY, {"TITLE": "x"}, once=True)
    parts = [Part(name=name, entity="company", key=KEY, version=version) for name in ("first", "second")]
    builder.reconcile(
        "first",
        "crm.company.get",
        {"id": company.id},
        rule=RULE,
        wanted={"id": company.id, "fields": {"A": value, "B": value, "C": ""}},
        part=parts[0],
        optional=optional,
    )
    builder.call("second", "crm.company.update", {"id": company.id, "fields": {"C": value}}, part=parts[1])
    return builder.build()


def fields(world: World) -> tuple[Any, ...]:
    (company,) = world.portal.rows("company")
    return tuple(company.get(name) for name in "ABC")


def failing(world: World, given: Plan, *fates: str) -> Any:
    """Runs it with these fates of its writes."""
    world.choose = script(*fates)
    course = world.plan(given, "failing")
    world.finish()
    world.choose = script()
    return course


@pytest.mark.parametrize("optional", [False, True])
def test_a_step_that_has_failed_half_way_is_done_again(optional: bool) -> None:
    world = World(script())
    world.plan(plan("a"))
    failing(world, plan("b", optional=optional), "done", "refused", "refused", "refused")
    assert fields(world) != ("a", "a", "a")
    world.plan(plan("a"), "again")
    assert fields(world) == ("a", "a", "a")


def test_a_call_that_was_executed_unseen_and_then_refused_is_done_again() -> None:
    world = World(script())
    world.plan(plan("a"))
    course = failing(world, plan("b"), "done", "done", "done", "done but lost", "refused")
    assert course.letter is not None and fields(world)[2] == "b"
    world.plan(plan("a"), "again")
    assert fields(world) == ("a", "a", "a")


def test_what_a_failed_plan_did_not_come_to_is_done_again() -> None:
    """Its earlier steps may have undone it: here the rule empties the field that the call gives."""
    world = World(script())
    world.plan(plan("a"))
    failing(world, plan("b"), "done", "done", "done", "refused")
    assert fields(world) == ("b", "b", "")
    world.plan(plan("a"), "again")
    assert fields(world) == ("a", "a", "a")


def test_a_plan_that_failed_before_it_changed_anything_leaves_no_doubt() -> None:
    world = World(script())
    world.plan(plan("a"))
    builder = PlanBuilder()
    builder.call("no", "crm.company.get", {"id": 999})
    part = Part(name="first", entity="company", key=KEY)
    builder.call("first", "crm.company.update", {"id": 1, "fields": {"A": "b"}}, part=part)
    before = dict(world.parts)
    assert world.plan(builder.build(), "failing").letter is not None
    assert world.parts == before


def test_versions_hold_after_a_failure() -> None:
    world = World(script())
    world.plan(plan("a", version=5))
    failing(world, plan("b", version=6), "done", "refused", "refused")
    assert {note.version for note in world.parts.values()} == {5}
    older = steps_of(world.plan(plan("o", version=4), "older").reply)
    assert {older[name]["action"] for name in ("first", "second")} == {"stale"}


def upsert(title: str, version: int | None = None) -> Plan:
    builder = PlanBuilder()
    builder.upsert("company", "company", KEY, {"TITLE": title}, version=version)
    return builder.build()


@pytest.mark.parametrize("fate", ["done but lost", "done late", "crash, done late"])
def test_an_update_that_may_have_been_executed_leaves_no_hash(fate: str) -> None:
    world = World(script())
    world.plan(upsert("a", version=5))
    course = failing(world, upsert("b"), fate, "refused")
    assert course.letter is not None
    (company,) = world.portal.rows("company")
    assert company["TITLE"] == "b"
    (link,) = world.links.values()
    assert link.version == 5
    world.plan(upsert("a", version=5), "again")
    assert company["TITLE"] == "a"


def test_an_update_that_was_refused_at_once_changed_nothing() -> None:
    world = World(script())
    world.plan(upsert("a"))
    before = dict(world.links)
    failing(world, upsert("b"), "refused")
    assert world.links == before
