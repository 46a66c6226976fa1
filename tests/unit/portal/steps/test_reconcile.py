"""pipeline/portal/steps/reconcile.py: pages, rules, and steps that a rule found, of any outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import BadInput, Permanent, Unknown
from pipeline.portal import rules
from pipeline.portal.plan import CallStep, Key, Plan, ReconcileStep, UpsertStep
from pipeline.portal.steps.call import MOST_TRIES
from pipeline.portal.steps.command import Refused, Unclear
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.plan_course import PlanCourse
from pipeline.portal.steps.plan_links import PlanLinks
from pipeline.portal.steps.reconcile import MOST_PAGES, ReconcileRun
from tests.unit.portal.steps.test_plan_course import again, begin, body, give, names
from tests.unit.portal.steps.world import LIMIT, START, World, executed, refusal, script, steps_of, unknown

RULE = "test-reconcile"
Found = list[CallStep | UpsertStep]


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[list[Any], Any], Any]], None]:
    def register(function: Callable[[list[Any], Any], Any]) -> None:
        monkeypatch.setitem(rules._RULES, RULE, function)

    return register


def step(method: str = "crm.deal.list", wanted: Any = None, optional: bool = False, **params: Any) -> ReconcileStep:
    return ReconcileStep(name="r", method=method, params=params, wanted=wanted, rule=RULE, optional=optional)


def plan(*args: Any, **given: Any) -> Plan:
    return Plan(steps=(step(*args, **given),))


def add(title: str) -> CallStep:
    return CallStep(name="add", method="crm.deal.add", params={"fields": {"TITLE": title}})


def put(title: str) -> UpsertStep:
    return UpsertStep(name="put", entity="deal", key=Key(id=title), fields={"TITLE": title})


def missing(current: list[Any], wanted: Any) -> Found:
    """Calls for texts, upserts for those that begin with u."""
    there = {row["TITLE"] for row in current}
    return [put(title) if title.startswith("u") else add(title) for title in wanted if title not in there]


# -- reading


def read(method: str, *pages: Any, **params: Any) -> list[Any]:
    seen: list[Any] = []
    run = ReconcileRun(step(method, **params), params, None, Env("main"))
    rules._RULES[RULE] = lambda current, wanted: seen.extend(current) or []
    try:
        for page in pages:
            assert run.command is not None
            run.take(page)
        assert run.command is None and run.found == [], run.fault
    finally:
        rules._RULES.pop(RULE)
    return seen


@pytest.mark.parametrize(
    ("method", "result", "rows"),
    [
        ("crm.deal.list", [{"ID": "1"}], [{"ID": "1"}]),
        ("crm.deal.list", [], []),
        ("crm.item.list", {"items": [1, 2]}, [1, 2]),
        ("crm.item.list", {"items": []}, []),
        ("crm.company.get", {"ID": "1", "PHONE": []}, [{"ID": "1", "PHONE": []}]),
        ("crm.deal.productrows.get", [{"ID": 1}], [{"ID": 1}]),
        ("crm.deal.get", None, []),
        ("crm.duplicate.findbycomm", {"CONTACT": [1, 2]}, [1, 2]),
    ],
)
def test_rows(method: str, result: Any, rows: Any) -> None:
    assert read(method, executed(result)) == rows


def test_pages_one_after_another() -> None:
    rows = read("crm.deal.list", executed([1], next=50), executed([2], next="100"), executed([3]), filter={"A": 1})
    assert rows == [1, 2, 3]
    run = ReconcileRun(step(), {"filter": {"A": 1}, "start": 0}, None, Env("main"))
    run.take(executed([1], next=50))
    assert run.command is not None and run.command.params == {"filter": {"A": 1}, "start": 50}


def test_a_next_that_is_no_list_s_is_no_page() -> None:
    assert read("crm.deal.productrows.get", executed([1], next=50)) == [1]


def test_a_list_without_end() -> None:
    run = ReconcileRun(step(), {}, None, Env("main"))
    for _ in range(MOST_PAGES):
        assert run.command is not None
        run.take(executed([1], next=50))
    assert isinstance(run.fault, Permanent) and run.command is None


def test_a_list_that_is_refused() -> None:
    course = begin(plan())
    give(course, Refused(refusal("no", "ACCESS_DENIED")))
    assert body(course)["error"] == "ACCESS_DENIED"


# -- rules


def test_a_rule_is_told_what_is_wanted(rule: Any) -> None:
    rule(missing)
    course = begin(plan(wanted=["a", "b"]))
    give(course, executed([{"TITLE": "b"}]))
    (command,) = course.commands(START)
    assert command.params["fields"]["TITLE"] == "a"
    give(course, executed(5))
    assert body(course)["steps"] == {"r": {"made": 1}}


def test_nothing_is_missing(rule: Any) -> None:
    rule(missing)
    course = begin(plan(wanted=["a"]))
    give(course, executed([{"TITLE": "a"}]))
    assert body(course)["steps"] == {"r": {"made": 0}}


def broken(current: list[Any], wanted: Any) -> Iterator[CallStep]:
    yield add("a")
    raise KeyError("TITLE")


def referring(current: list[Any], wanted: Any) -> Found:
    return [CallStep(name="x", method="crm.deal.list", params={"filter": {"ID": {"$ref": "r.id"}}})]


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (broken, "KeyError"),
        (lambda current, wanted: [None], "NoneType is no step"),
        (lambda current, wanted: [step()], "ReconcileStep is no step"),
        (lambda current, wanted: None, "TypeError"),
        (lambda current, wanted: [put("a"), put("b"), put("a")], "two steps upsert"),
        (referring, "refers to another"),
    ],
)
def test_the_fault_of_a_rule_fails_its_step_and_nothing_else(rule: Any, function: Any, text: str) -> None:
    rule(function)
    course = begin(plan())
    give(course, executed([]))
    assert text in body(course)["error_description"] and isinstance(course.letter, Permanent)


def test_a_rule_may_refuse_in_words_of_the_taxonomy(rule: Any) -> None:
    def refuse(current: list[Any], wanted: Any) -> Found:
        raise BadInput("wanted: no")

    rule(refuse)
    course = begin(plan(optional=True))
    give(course, executed([]))
    assert body(course)["steps"]["r"] == {"error": "BUS_BAD_REQUEST", "error_description": "wanted: no"}


def test_a_rule_cannot_change_what_is_wanted(rule: Any) -> None:
    def eats(current: list[Any], wanted: Any) -> Found:
        return [add(title) for title in [wanted.pop(), wanted.pop()] if title not in {r["TITLE"] for r in current}]

    rule(eats)
    course = begin(plan(wanted=["a", "b"]))
    give(course, executed([]))
    give(course, Unclear(unknown(), START), executed(5))
    give(course, executed([{"TITLE": "a"}]), now=START + LIMIT)
    assert [command.params["fields"]["TITLE"] for command in course.commands(START + LIMIT)] == ["b"]


# -- what becomes of the steps


def test_an_unknown_outcome_shows_in_the_list(rule: Any) -> None:
    rule(missing)
    course = begin(plan(wanted=["a", "b"]))
    give(course, executed([]))
    first, second = course.commands(START)
    course.mark_sent([first, second], START)
    course.take(first, Unclear(unknown(), START))
    course.take(second, executed(5))
    assert names(course) == [] and course.due() == START + LIMIT
    assert course.progress() == {"results": {}, "sent": {"r": {"at": START, "add": False}}}
    give(course, executed([{"TITLE": "a"}, {"TITLE": "b"}]), now=START + LIMIT)
    assert body(course)["steps"] == {"r": {"made": 1}}


def test_unknown_without_end(rule: Any) -> None:
    rule(missing)
    course = begin(plan(wanted=["a"], optional=True))
    now = START
    for _ in range(MOST_TRIES + 1):
        give(course, executed([]), now=now)
        give(course, Unclear(unknown(), now), now=now)
        now += LIMIT
    assert course.commands(now) == []
    assert body(course)["error"] == "BUS_UNKNOWN_OUTCOME" and isinstance(course.letter, Unknown)


def test_an_upsert_settles_itself(rule: Any) -> None:
    rule(missing)
    course = begin(plan(wanted=["u"]))
    give(course, executed([]))
    give(course, executed([]))
    give(course, Unclear(unknown(), START))
    assert names(course, START + LIMIT) == ["crm.deal.list"]
    give(course, executed([{"ID": "5", "ORIGIN_ID": "u", "ORIGINATOR_ID": None}]), now=START + LIMIT)
    assert body(course)["steps"] == {"r": {"made": 1}} and [link.id for link in course.links().puts] == ["5"]


def test_one_that_is_refused_fails_the_step(rule: Any) -> None:
    rule(missing)
    course = begin(plan(wanted=["a", "b"]))
    give(course, executed([]))
    give(course, executed(4), Refused(refusal("no", "CRM_FIELD_ERROR_REQUIRED")))
    assert course.commands(START) == []
    assert body(course)["error"] == "CRM_FIELD_ERROR_REQUIRED"


@pytest.mark.parametrize("wanted", [["a", "u"], ["a", "b"]], ids=["upsert", "call"])
@pytest.mark.parametrize("refused_first", [True, False])
def test_a_refusal_waits_for_what_is_unknown_beside_it(rule: Any, wanted: list[str], refused_first: bool) -> None:
    """What the portal has yet to do must not come after the plan's end, beside the next plan for the same object."""
    rule(missing)
    course = begin(plan(wanted=wanted))
    give(course, executed([]))
    if "u" in wanted:
        course.take(course.commands(START)[1], executed([]))
    refused, lost = course.commands(START)
    course.mark_sent([refused, lost], START)
    results = [(refused, Refused(refusal("no"))), (lost, Unclear(unknown(), START))]
    for command, result in results if refused_first else reversed(results):
        course.take(command, result)
    assert names(course) == [] and course.due() == START + LIMIT and course.reply is None
    give(course, executed([{"TITLE": wanted[1]}]), now=START + LIMIT)
    give(course, Refused(refusal("no")), now=START + LIMIT)
    assert course.commands(START + LIMIT) == []
    assert body(course)["step"] == "r"


def test_the_next_owner_reads_the_list_when_what_was_sent_is_over(rule: Any) -> None:
    rule(missing)
    wanted = plan(wanted=["a"])
    course = begin(wanted)
    give(course, executed([]))
    course.mark_sent(course.commands(START), START)
    after = again(course, wanted)
    assert names(after) == [] and after.due() == START + LIMIT
    assert names(after, START + LIMIT) == ["crm.deal.list"]


def stamps(course: PlanCourse) -> list[str]:
    return [command.params["fields"]["ORIGIN_ID"] for command in course.commands(START + LIMIT)]


def test_stamps_of_what_a_rule_finds_are_of_its_content(rule: Any) -> None:
    """Asked anew, the rule may find another step in the same place."""
    rule(missing)
    course = begin(plan(wanted=["a", "b"]))
    give(course, executed([]))
    first, second = stamps(course)
    give(course, executed(4), Unclear(unknown(), START))
    give(course, executed([{"TITLE": "a"}]), now=START + LIMIT)
    (third,) = stamps(course)
    assert len({first, second, third}) == 3 and all(stamp.startswith("t-r.") for stamp in (first, second, third))


@pytest.mark.parametrize("point", range(20))
@pytest.mark.parametrize("fates", [(), ("done but lost",), ("done", "done late"), ("crash, done late",)], ids=str)
def test_a_crash_anywhere(rule: Any, point: int, fates: tuple[str, ...]) -> None:
    rule(missing)
    crashes, writes = script(*["no"] * point, "yes", what="crash"), script(*fates)
    world = World(lambda what, options: (crashes if what == "crash" else writes)(what, options))
    course = world.plan(plan(wanted=["a", "b", "u"]))
    world.finish()
    assert "r" in steps_of(course.reply)
    assert sorted(row["TITLE"] for row in world.portal.rows("deal")) == ["a", "b", "u"]
    assert orjson.dumps(course.progress())


def test_what_a_rule_finds_is_not_looked_at_again_for_each_of_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A basket of thousands of lines."""
    looks: list[object] = []
    collect = PlanLinks.collect

    def counted(links: PlanLinks, run: object) -> None:
        looks.append(run)
        collect(links, run)

    def many(current: list[Any], wanted: Any) -> list[CallStep | UpsertStep]:
        return [CallStep(name=f"n{number}", method="crm.x.set", params={"id": number}) for number in range(300)]

    monkeypatch.setattr(PlanLinks, "collect", counted)
    monkeypatch.setitem(rules._RULES, "test-many", many)
    course = begin(Plan(steps=(ReconcileStep(name="all", method="crm.x.list", rule="test-many"),)))
    while course.reply is None:
        for command in course.commands(START)[:50]:
            course.take(command, executed([]))
    assert steps_of(course.reply) == {"all": {"made": 300}} and len(looks) < 1500
