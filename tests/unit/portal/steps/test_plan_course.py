"""pipeline/portal/steps/plan_course.py: steps, what they wait for, failures, and going on after a crash."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import Oversize, Permanent, Unknown
from pipeline.portal.links.store import Link
from pipeline.portal.plan import CallStep, Key, Plan
from pipeline.portal.plan_builder import PlanBuilder, Ref
from pipeline.portal.steps.command import Command, Executed, Refused, Result, Unclear
from pipeline.portal.steps.env import Env, Stamp
from pipeline.portal.steps.plan_course import PlanCourse
from pipeline.portal.steps.plan_results import LONGEST_RESULTS
from tests.unit.portal.steps.world import LIMIT, START, World, executed, link_of, refusal, script, steps_of, unknown


def begin(plan: Plan, progress: Any = None, sent_at: float | None = None, **env: Any) -> PlanCourse:
    return PlanCourse(plan, Env("main", request_limit=LIMIT, **env), Stamp("t"), progress, sent_at=sent_at)


def again(course: PlanCourse, plan: Plan, *, sent_at: float | None = START, **env: Any) -> PlanCourse:
    """What the next owner makes of it."""
    return begin(plan, orjson.loads(orjson.dumps(course.progress())), sent_at, **env)


def names(course: PlanCourse, now: float = START) -> list[str]:
    return [command.name for command in course.commands(now)]


def give(course: PlanCourse, *results: Result, now: float = START) -> None:
    """Results of the commands that leave now, in their order."""
    commands = course.commands(now)[: len(results)]
    assert len(commands) == len(results)
    course.mark_sent(commands, now)
    for command, result in zip(commands, results, strict=True):
        course.take(command, result)


def body(course: PlanCourse) -> Any:
    assert course.reply is not None and course.commands(START * 2) == [] and course.due() is None
    return orjson.loads(course.reply.body)


def reads(*steps: tuple[str, Any, bool]) -> Plan:
    """Steps (name, after, optional), all of them reads."""
    builder = PlanBuilder()
    for name, after, optional in steps:
        builder.call(name, f"crm.{name}.get", {"id": 5}, after=after, optional=optional)
    return builder.build()


# -- order


def test_one_after_another() -> None:
    course = begin(reads(("a", None, False), ("b", None, False)))
    assert names(course) == ["crm.a.get"]
    give(course, executed({"ID": "5"}))
    assert names(course) == ["crm.b.get"]
    give(course, executed([1], total=7, next=50, time={"start": 1}))
    assert body(course) == {
        "plan": 1,
        "steps": {"a": {"result": {"ID": "5"}}, "b": {"result": [1], "total": 7, "next": 50}},
    }
    assert course.reply is not None and course.reply.status == 200 and course.reply.error_class is None


def test_side_by_side() -> None:
    course = begin(reads(("a", (), False), ("b", (), False), ("c", ("a",), False), ("d", None, False)))
    assert names(course) == ["crm.a.get", "crm.b.get"]
    first, second = course.commands(START)
    course.take(second, executed(2))
    assert names(course) == ["crm.a.get"]
    course.take(first, executed(1))
    assert names(course) == ["crm.c.get"], "d waits for the one before it"


def test_a_step_waits_for_what_it_refers_to() -> None:
    builder = PlanBuilder()
    builder.call("a", "crm.deal.get", {"id": 5})
    builder.call("b", "crm.deal.list", {"filter": {"ID": Ref("a.result.ID")}}, after=())
    course = begin(builder.build())
    assert names(course) == ["crm.deal.get"]
    give(course, executed({"ID": "5"}))
    (command,) = course.commands(START)
    assert command.params == {"filter": {"ID": "5"}}


def test_upserts_of_one_object_wait_for_each_other() -> None:
    builder = PlanBuilder()
    builder.upsert("a", "item:4", Key(id="7"), {"title": "A"}, after=())
    builder.upsert("b", "company", Key(id="7"), {"TITLE": "B"}, after=())
    builder.upsert("c", "company", Key(id="8"), {"TITLE": "C"}, after=())
    assert names(begin(builder.build())) == ["crm.item.list", "crm.company.list"]


def test_a_later_step_knows_the_links_of_earlier_ones() -> None:
    """Even before they are in the table."""
    builder = PlanBuilder()
    builder.upsert("a", "company", Key(id="7"), {"TITLE": "A"})
    builder.upsert("b", "company", Key(id="7"), {"TITLE": "B"})
    course = begin(builder.build())
    give(course, executed([]))
    give(course, executed(5))
    assert names(course) == ["crm.company.update"]


# -- references


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.result.0.ID", "9"),
        ("a.result.1", {"x": [1, 2]}),
        ("a.result.1.x.1", 2),
        ("a.total", 3),
        ("a", {"result": [{"ID": "9"}, {"x": [1, 2]}], "total": 3}),
    ],
)
def test_references(path: str, value: Any) -> None:
    builder = PlanBuilder()
    builder.call("a", "crm.deal.list")
    builder.call("b", "crm.deal.list", {"filter": {"X": [Ref(path)]}, "text": "a.result"})
    course = begin(builder.build())
    give(course, executed([{"ID": "9"}, {"x": [1, 2]}], total=3))
    (command,) = course.commands(START)
    assert command.params == {"filter": {"X": [value]}, "text": "a.result"}


@pytest.mark.parametrize(
    "path", ["a.result.2", "a.result.²", "a.result.-1", "a.result.x", "a.id", "a.result.0.ID.0", "a.result." + "9" * 99]
)
@pytest.mark.parametrize("optional", [False, True])
def test_a_reference_to_nothing_fails_its_step(path: str, optional: bool) -> None:
    builder = PlanBuilder()
    builder.call("a", "crm.deal.list")
    builder.call("b", "crm.deal.list", {"filter": Ref(path)}, optional=optional)
    course = begin(builder.build())
    give(course, executed([{"ID": "9"}, {}]))
    found = body(course)
    text = f"nothing is at {path!r}"
    assert (found["steps"]["b"] if optional else found)["error_description"] == (
        text if optional else f"step 'b': {text}"
    )
    assert (course.letter is None) is optional


# -- failures


def test_a_step_that_fails_ends_the_plan() -> None:
    course = begin(reads(("a", None, False), ("b", None, False), ("c", None, False)))
    give(course, executed(1))
    give(course, Refused(fault := refusal("Access denied", "ACCESS_DENIED")))
    assert body(course) == {
        "error": "ACCESS_DENIED",
        "error_description": "step 'b': HTTP 400 ACCESS_DENIED: Access denied",
        "plan": 1,
        "step": "b",
        "steps": {"a": {"result": 1}},
    }
    assert course.reply is not None
    assert (course.reply.status, course.reply.error_class, course.letter) == (400, "permanent", fault)


def test_an_optional_step_may_fail() -> None:
    course = begin(reads(("a", None, True), ("b", None, False)))
    give(course, Refused(refusal("gone", "NOT_FOUND")))
    give(course, executed(1))
    error = {"error": "NOT_FOUND", "error_description": "HTTP 400 NOT_FOUND: gone"}
    assert body(course)["steps"] == {"a": error, "b": {"result": 1}} and course.letter is None


def test_an_error_without_a_code_has_ours() -> None:
    course = begin(reads(("a", None, False)))
    give(course, Refused(Permanent("no")))
    assert body(course)["error"] == "BUS_REFUSED"


def test_an_optional_step_of_unknown_outcome_is_no_small_matter() -> None:
    builder = PlanBuilder()
    builder.call("a", "bizproc.workflow.start", {"TEMPLATE_ID": 1}, optional=True)
    course = begin(builder.build())
    give(course, Unclear(unknown(), START))
    assert body(course)["error"] == "BUS_UNKNOWN_OUTCOME" and isinstance(course.letter, Unknown)


def test_a_failure_waits_for_what_has_left_beside_it() -> None:
    builder = PlanBuilder()
    builder.call("a", "crm.deal.get", {"id": 5}, after=())
    builder.call("b", "crm.deal.add", {"fields": {}}, after=())
    builder.call("c", "crm.deal.get", {"id": 6}, after=())
    course = begin(builder.build())
    first, second, _ = course.commands(START)
    course.mark_sent([first, second], START)
    course.take(first, Refused(refusal("no")))
    assert course.reply is None
    course.take(second, Unclear(unknown(), START))
    assert course.due() == START + LIMIT
    give(course, executed([{"ID": "7", "ORIGIN_ID": "t-b", "ORIGINATOR_ID": "bus"}]), now=START + LIMIT)
    assert body(course)["steps"] == {"b": {"result": 7}} and body(course)["step"] == "a"


def test_what_was_not_executed_is_not_begun_again_after_a_failure() -> None:
    builder = PlanBuilder()
    builder.call("a", "crm.deal.get", {"id": 5}, after=())
    builder.call("b", "crm.deal.add", {"fields": {}}, after=())
    course = begin(builder.build())
    first, second = course.commands(START)
    course.mark_sent([first, second], START)
    course.take(second, Unclear(unknown(), START))
    course.take(first, Refused(refusal("no")))
    give(course, executed([]), now=START + LIMIT)
    assert body(course)["steps"] == {}


# -- what is left to the next owner


def two() -> Plan:
    """An add whose answer shows more than its id, and another one, side by side."""
    builder = PlanBuilder()
    builder.call("a", "crm.item.add", {"entityTypeId": 128, "fields": {}}, after=())
    builder.call("b", "crm.deal.add", {"fields": {}}, after=())
    return builder.build()


def test_progress_of_nothing_is_the_request_itself() -> None:
    course = begin(two())
    assert course.progress() == {"results": {}, "sent": {}}
    assert names(again(course, two(), sent_at=None)) == ["crm.item.add", "crm.deal.add"]


def test_what_was_sent_is_looked_up_by_the_next_owner() -> None:
    course = begin(two())
    course.mark_sent(course.commands(START), START)
    after = again(course, two())
    assert names(after) == [] and after.due() == START + LIMIT
    assert names(after, START + LIMIT) == ["crm.item.list", "crm.deal.list"]


def test_each_step_has_its_own_time() -> None:
    course = begin(two())
    first, _ = course.commands(START)
    course.mark_sent([first], START)
    course.take(first, Unclear(unknown(), START))
    give(course, executed(7), now=START + 40)
    after = again(course, two(), sent_at=START + 40)
    assert after.due() == START + LIMIT and names(after, START + LIMIT) == ["crm.item.list"]
    assert course.progress() == {"results": {"b": {"result": 7}}, "sent": {"a": {"at": START, "add": False}}}


def test_a_step_that_was_found_counts_as_sent_until_its_answer_is_read() -> None:
    """Else a crash between the look-up and the read would make it again."""
    course = begin(two())
    first, second = course.commands(START)
    course.mark_sent([first, second], START)
    course.take(first, Unclear(unknown(), START))
    look = course.commands(START + LIMIT)[0]
    course.take(look, executed({"items": [{"id": 9, "xmlId": "t-a"}]}))
    course.take(second, executed(7))
    assert names(again(course, two()), START + LIMIT) == ["crm.item.list"]


def test_an_update_that_appends_counts_as_sent_until_it_is_over() -> None:
    plan = PlanBuilder()
    plan.call("a", "crm.company.update", {"id": 5, "fields": {"PHONE": [{"VALUE": "+71"}], "TITLE": "x"}})
    course = begin(plan.build())
    give(course, Unclear(unknown(), START))
    give(course, executed({"ID": "5", "PHONE": [{"ID": "1", "VALUE": "+71"}]}), now=START + LIMIT)
    assert names(again(course, plan.build()), START + LIMIT) == ["crm.company.get"]


def test_a_step_that_was_not_executed_is_not_out_any_more() -> None:
    course = begin(two())
    first, _ = course.commands(START)
    course.mark_sent([first], START)
    course.take(first, Unclear(unknown(), START))
    (look, *_) = course.commands(START + LIMIT)
    course.take(look, executed({"items": []}))
    assert course.progress() == {"results": {}, "sent": {}}


def test_reads_are_made_again() -> None:
    plan = reads(("a", None, False))
    course = begin(plan)
    course.mark_sent(course.commands(START), START)
    assert course.progress() == {"results": {}, "sent": {}}


def test_an_upsert_whose_link_is_known_was_done() -> None:
    builder = PlanBuilder()
    company = builder.upsert("company", "company", Key(id="7"), {"TITLE": "x"})
    builder.call("deal", "crm.deal.add", {"fields": {"COMPANY_ID": company.id}})
    plan = builder.build()
    course = begin(plan)
    give(course, executed([]))
    add = course.commands(START)
    course.mark_sent(add, START)
    stored = orjson.loads(orjson.dumps(course.progress()))
    assert stored["sent"] == {"company": {"at": START, "add": True}}
    course.take(add[0], executed(5))
    (link,) = course.links().puts
    assert not course.links(), "once"

    def links(entity: str, external: str) -> Link | None:
        return link if (entity, external) == ("company", "7") else None

    after = begin(plan, stored, START, link=links)
    (command,) = after.commands(START)
    assert command.params["fields"]["COMPANY_ID"] == "5"


def test_results_are_in_the_progress() -> None:
    plan = reads(("a", None, False), ("b", None, True), ("c", None, False))
    course = begin(plan)
    give(course, executed({"ID": "5"}))
    give(course, Refused(refusal("no")))
    after = again(course, plan, sent_at=None)
    assert names(after) == ["crm.c.get"]
    give(after, executed(1))
    assert set(body(after)["steps"]) == {"a", "b", "c"}


def test_a_plan_that_was_over_is_over_at_once() -> None:
    plan = reads(("a", None, False))
    course = begin(plan)
    give(course, executed(1))
    assert body(again(course, plan, sent_at=None)) == body(course)


@pytest.mark.parametrize("fate", ["done but lost", "done late", "lost", "crash, done late"])
@pytest.mark.parametrize("which", [0, 1])
def test_parallel_steps_of_which_one_is_unclear(fate: str, which: int) -> None:
    world = World(script(*["done"] * which, fate))
    course = world.plan(two())
    world.finish()
    assert set(steps_of(course.reply)) == {"a", "b"}
    assert [len(world.portal.rows(table)) for table in ("item:128", "deal")] == [1, 1]


@pytest.mark.parametrize("point", range(24))
def test_a_crash_anywhere(point: int) -> None:
    builder = PlanBuilder()
    company = builder.upsert("company", "company", Key(id="7"), {"TITLE": "ACME"})
    builder.call("deal", "crm.deal.add", {"fields": {"COMPANY_ID": company.id}})
    builder.call("item", "crm.item.add", {"entityTypeId": 128, "fields": {"company": company.id}}, after=("company",))
    fields = {"ENTITY_ID": Ref("deal.result"), "ENTITY_TYPE": "deal", "COMMENT": "made"}
    builder.call("comment", "crm.timeline.comment.add", {"fields": fields})
    world = World(script(*["no"] * point, "yes", what="crash"))
    world.links["company", "7"] = link_of("company", "7", 99, hash="old")
    steps = steps_of(world.plan(builder.build()).reply)
    for table in ("company", "deal", "item:128", "timeline.comment"):
        assert len(world.portal.rows(table)) == 1, table
    (deal,) = world.portal.rows("deal")
    assert steps["deal"]["result"] == deal["ID"] and deal["COMPANY_ID"] == steps["company"]["id"]


def test_a_result_of_a_command_that_is_not_ours_is_nothing() -> None:
    course = begin(reads(("a", None, False)))
    course.take(Command("crm.a.get", {}, write=False), Executed(200, b'{"result":1}'))
    assert names(course) == ["crm.a.get"]


def test_a_long_answer_that_nobody_refers_to_is_left_out() -> None:
    long = orjson.dumps({"result": ["x" * 300_000]})
    for referred, expected in ((False, {"omitted": len(long)}), (True, {"result": ["x" * 300_000]})):
        more = [CallStep(name="b", method="crm.b.list", params={"id": {"$ref": "a.result"}})] if referred else []
        plan = Plan(steps=(CallStep(name="a", method="crm.a.list"), *more))
        course = PlanCourse(plan, Env("north"), Stamp("bus"), None, sent_at=None)
        (command,) = course.commands(0.0)
        course.take(command, Executed(200, long))
        progress = course.progress()
        assert progress is not None and progress["results"]["a"] == expected


@pytest.mark.parametrize("longest", [1_000_000, 3_000_000])
def test_results_together_stay_shorter_than_a_row(longest: int) -> None:
    """What nothing refers to is left out then; what is needed and has no room is an error, not the worker's end."""
    builder = PlanBuilder()
    for number in range(30):
        builder.call(f"s{number}", "crm.x.set", {"id": number}, after=())
    needed = builder.call("needed", "crm.x.set", {"id": 99})
    builder.call("last", "crm.x.set", {"id": needed.result})
    course = begin(builder.build())
    give(course, *[executed("x" * 250_000)] * 30)
    course = again(course, builder.build(), sent_at=None)
    give(course, executed("x" * longest))
    assert len(orjson.dumps(course.progress())) < LONGEST_RESULTS + 10_000
    if longest < LONGEST_RESULTS // 2:
        assert names(course) == ["crm.x.set"]
        return
    assert body(course)["step"] == "needed" and body(course)["error"] == "BUS_ANSWER_TOO_LONG"
    assert isinstance(course.letter, Oversize)
    assert body(course)["steps"]["s29"] == {"omitted": len(executed("x" * 250_000).body)}
