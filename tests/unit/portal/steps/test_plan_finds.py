"""Finds within a plan: steps/plan_course.py, steps/plan_end.py."""

from __future__ import annotations

from typing import Any

import orjson

from pipeline.portal.links.keys import alias_entity
from pipeline.portal.links.store import Link
from pipeline.portal.plan import Key, Plan
from pipeline.portal.plan_builder import OMIT, If, PlanBuilder
from pipeline.portal.steps.command import Result
from pipeline.portal.steps.env import Env, Stamp
from pipeline.portal.steps.plan_course import PlanCourse
from pipeline.portal.steps.plan_end import PlanEnd
from tests.unit.portal.steps.world import START, Refused, executed, refusal

GOODS = "product:23"


class Bus:
    """Links, and courses of a plan that was accepted at START."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.links: dict[tuple[str, str], Link] = {}

    def begin(self, progress: Any = None, sent_at: float | None = None) -> PlanCourse:
        env = Env("main", lambda entity, external: self.links.get((entity, external)))
        return PlanCourse(self.plan, env, Stamp("t"), progress, sent_at=sent_at, accepted=START)

    def again(self, course: PlanCourse, sent_at: float | None = None) -> PlanCourse:
        """What the next owner makes of it."""
        return self.begin(orjson.loads(orjson.dumps(course.progress())), sent_at)

    def link(self, external: str, number: int, title: str | None = None) -> None:
        self.links[GOODS, external] = Link("main", GOODS, external, str(number), title=title)


def settlement(*, wait: float = 0.0, watch: bool = True, **options: Any) -> Plan:
    """Rows of a deal by the goods that are known."""
    plan = PlanBuilder(subject="settlement:17")
    goods = plan.find("goods", GOODS, [Key(id="a"), Key(id="b")], wait=wait, watch=watch, **options)
    rows = [{"PRODUCT_ID": If(goods.found(n), goods.found(n), OMIT), "PRODUCT_NAME": key} for n, key in enumerate("ab")]
    plan.call("rows", "crm.deal.productrows.set", {"id": 5, "rows": rows})
    return plan.build()


def give(course: PlanCourse, result: Result, now: float = START) -> None:
    (command,) = course.commands(now)
    course.mark_sent([command], now)
    course.take(command, result)


def params(course: PlanCourse, now: float = START) -> Any:
    (command,) = course.commands(now)
    return command.params


def products(*found: tuple[int, str]) -> Result:
    return executed({"products": [{"id": number, "xmlId": key, "name": f"name {key}"} for number, key in found]})


def body(course: PlanCourse) -> Any:
    assert course.reply is not None and course.due() is None
    return orjson.loads(course.reply.body)


def test_later_steps_use_what_is_found() -> None:
    bus = Bus(settlement())
    course = bus.begin()
    give(course, products((9, "b")))
    assert params(course)["rows"] == [{"PRODUCT_NAME": "a"}, {"PRODUCT_ID": "9", "PRODUCT_NAME": "b"}]
    changes = course.links()
    assert changes.puts == [] and [(link.external, link.id, link.title) for link in changes.found] == [
        ("b", "9", "name b")
    ]
    give(course, executed(True))
    assert body(course)["steps"]["goods"] == {"found": [None, {"id": "9", "title": "name b"}], "missing": 1}
    assert course.end() == PlanEnd("settlement:17", ((GOODS, "a"),), ((GOODS, "a"),))


def test_it_waits_without_a_command_and_goes_on_when_the_link_is_there() -> None:
    bus = Bus(settlement(wait=60))
    course = bus.begin()
    give(course, products((9, "b")))
    assert course.commands(START) == [] and course.due() == 0.0 and course.reply is None
    course.look(START)
    assert course.commands(START + 0.1) == [] and course.due() == START + 0.2
    bus.link("a", 8, "A")
    course.look(START + 0.2)
    assert [row["PRODUCT_ID"] for row in params(course)["rows"]] == ["8", "9"]
    give(course, executed(True))
    assert course.end() == PlanEnd("settlement:17")


def test_the_next_owner_waits_for_the_rest_of_the_time() -> None:
    bus = Bus(settlement(wait=60))
    course = bus.begin()
    give(course, products())
    course.look(START)
    later = bus.again(course)
    give(later, products(), START + 40)
    later.look(START + 40)
    assert later.due() == START + 40.2
    late = bus.again(later)
    give(late, products(), START + 61)
    late.look(START + 61)
    assert params(late, START + 61)["rows"] == [{"PRODUCT_NAME": "a"}, {"PRODUCT_NAME": "b"}]


def test_what_was_found_stays_found_for_the_next_owner() -> None:
    bus = Bus(settlement())
    course = bus.begin()
    give(course, products((9, "b")))
    course.mark_sent(course.commands(START), START)
    bus.link("a", 8, "A")
    later = bus.again(course, sent_at=START)
    assert later.commands(START + 1) == [] and later.due() is not None, "its call is settled first, and alike"
    assert params(later, START * 2)["rows"][0] == {"PRODUCT_NAME": "a"}


def test_a_find_beside_other_steps() -> None:
    plan = PlanBuilder()
    plan.find("goods", GOODS, [Key(id="a")], wait=60)
    plan.call("other", "crm.deal.get", {"id": 5}, after=())
    course = Bus(plan.build()).begin()
    first, second = course.commands(START)
    course.take(first, products())
    course.look(START)
    assert course.commands(START) == [second]
    course.take(second, refusal_of("no"))
    assert course.reply is not None and course.end().failed, "nothing is waited for when the plan has failed"


def test_a_find_beside_other_steps_asks_the_portal_at_its_end() -> None:
    """Whatever those steps ask for meanwhile."""
    plan = PlanBuilder()
    plan.find("goods", GOODS, [Key(id="a")], wait=60)
    plan.call("other", "crm.deal.get", {"id": 5}, after=())
    course = Bus(plan.build()).begin()
    first, second = course.commands(START)
    course.take(first, products())
    course.look(START)
    assert course.commands(START + 60) == [second]
    course.take(second, executed({}))
    course.look(START + 60)
    give(course, products((9, "a")), START + 60)
    assert body(course)["steps"]["goods"]["missing"] == 0


def test_a_find_that_is_refused_fails_the_plan_unless_it_is_optional() -> None:
    course = Bus(settlement()).begin()
    give(course, refusal_of("no"))
    assert body(course)["error"] == "ACCESS_DENIED" and course.end() == PlanEnd("settlement:17", failed=True)
    course = Bus(settlement(optional=True)).begin()
    give(course, refusal_of("no"))
    give(course, executed(True))
    assert course.end() == PlanEnd("settlement:17")


def refusal_of(text: str) -> Refused:
    return Refused(refusal(text, "ACCESS_DENIED"))


def test_what_is_missing_and_what_is_watched() -> None:
    plan = PlanBuilder(subject="s")
    plan.find("first", GOODS, [Key(id="a")])
    plan.find("again", GOODS, [Key(id="a"), Key(id="a")], watch=True)
    plan.find("alias", "company", [Key(id="7", originator="site")], by_alias=True, watch=True)
    plan.find("quiet", "deal", [Key(id="d")])
    course = Bus(plan.build()).begin()
    give(course, products())
    give(course, products())
    give(course, executed([]))
    alias = (alias_entity("company"), "site\x1f7")
    assert course.end() == PlanEnd("s", ((GOODS, "a"), alias, ("deal", "d")), ((GOODS, "a"), alias))


def test_a_plan_is_stale_when_something_newer_was_applied() -> None:
    bus_plan = PlanBuilder(subject="s")
    bus_plan.upsert("deal", "deal", Key(id="7"), {"TITLE": "x"}, version=3)
    bus = Bus(bus_plan.build())
    bus.links["deal", "7"] = Link("main", "deal", "7", "5", "h", 4)
    course = bus.begin()
    assert course.reply is not None and course.end().stale
    bus.links.clear()
    course = bus.begin()
    give(course, executed([]))
    give(course, executed(5))
    assert course.reply is not None and not course.end().stale
