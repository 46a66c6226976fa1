"""Plans that wait for what they miss, and plans that are run again, as the executor of a portal runs them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from pipeline.delivery import metrics
from pipeline.portal.links.store import Link
from pipeline.portal.plan import Key, Plan
from pipeline.portal.plan_builder import OMIT, If, PlanBuilder
from pipeline.portal.requests.order import plan_keys
from pipeline.portal.requests.row import DONE, SENT, WAITING, Row
from pipeline.portal.steps.course import LinkChanges
from pipeline.portal.steps.plan_course import PlanCourse
from pipeline.portal.view import portal_state
from pipeline.topology import REQUESTS_BULK, RESULTS
from tests.unit.portal.fakes import settle, until
from tests.unit.portal.sending.ground import Ground, Refusal

SUPERSEDED = {"plan": 1, "superseded": True}


def owned(*, wait: float = 0.0, title: str = "child", watch: bool = True) -> Plan:
    """A deal `child` that belongs to the deal `parent`, if that is there."""
    plan = PlanBuilder(subject="deal:child")
    parent = plan.find("parent", "deal", [Key(id="parent")], wait=wait, watch=watch)
    fields = {"TITLE": title, "PARENT": If(parent.found(0), parent.found(0), OMIT)}
    plan.upsert("child", "deal", Key(id="child"), fields)
    return plan.build()


def request(plan: Plan, **given: Any) -> dict[str, Any]:
    """What intake makes of its record."""
    keys = plan_keys(plan)
    return {"plan": True, "method": "plan", "lane": "b", "keys": keys, "body": plan.encode(), **given}


def parent() -> dict[str, Any]:
    plan = PlanBuilder()
    plan.upsert("parent", "deal", Key(id="parent"), {"TITLE": "parent"})
    return request(plan.build())


def deals(ground: Ground) -> dict[str, Any]:
    """By external id."""
    return {deal["ORIGIN_ID"]: deal for deal in ground.portal.deals.values()}


def token(ground: Ground) -> str | None:
    return ground.watches.token("default", "deal:child")


async def again(ground: Ground) -> Row:
    """The record that a watch has sent last comes back from Kafka."""
    record = ground.kafka.of(REQUESTS_BULK)[-1]
    plan = {"plan": True, "method": "plan", "lane": "b", "body": record.value, "watch": record.headers["watch"]}
    return await ground.add(**plan, keys=("=subject:deal:child",))


async def woken(ground: Ground, count: int = 1) -> None:
    await until(lambda: len(ground.kafka.of(REQUESTS_BULK)) == count)


@pytest.fixture
async def watching(make: Callable[..., Ground]) -> Any:
    ground = make(connections=1, batch_room=1)
    ground.watches.begin((0,))
    yield ground
    await ground.watches.end()


async def test_what_waits_holds_nothing_but_its_keys(watching: Ground) -> None:
    ground = watching
    first = await ground.add(**request(owned(wait=60)))
    second = await ground.add(**request(owned(title="newer")))
    await until(lambda: ground.portal.commands == ["crm.deal.list"] and not ground.executor.in_flight)
    for _ in range(3):
        other = await ground.add()
        await until(lambda other=other: ground.state(other) == DONE)
    assert ground.portal.commands == ["crm.deal.list"] * 4, "it asks the links, not the portal"
    assert (ground.state(first), ground.state(second)) == (WAITING, WAITING)
    seen = portal_state(ground.executor, time.time())
    assert (seen.state, seen.reason) == ("ok", "1 plans wait for what they have not found")
    await ground.add(**parent())
    await ground.all_done()
    number = deals(ground)["parent"]["ID"]
    assert ground.result(first)["steps"]["parent"] == {"found": [{"id": number}], "missing": 0}
    assert (deals(ground)["child"]["TITLE"], deals(ground)["child"]["PARENT"]) == ("newer", number)
    assert token(ground) is None and not ground.executor.searching


async def test_what_waits_is_looked_at_rarely(watching: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    look = PlanCourse.look

    def counted(course: PlanCourse, now: float) -> None:
        looks.append(now)
        look(course, now)

    monkeypatch.setattr(PlanCourse, "look", counted)
    await watching.add(**request(owned(wait=0.7)))
    await watching.all_done()
    # before each of four calls, and while it waits: at once, after 0.2, 0.6 and 0.7 s
    assert 4 < len(looks) <= 12


async def test_it_is_run_again_when_another_plan_makes_what_it_missed(
    watching: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    ground = watching
    counter = metrics.PORTAL_MISSING.labels("default", "deal")
    before = counter._value.get()
    one = await ground.add(**request(owned()))
    await ground.all_done()
    assert ground.result(one)["steps"]["parent"] == {"found": [None], "missing": 1}
    assert counter._value.get() == before + 1
    assert portal_state(ground.executor, time.time()).watches == 1
    (warning,) = [record.getMessage() for record in caplog.records if "ends without" in record.getMessage()]
    assert warning == "portal default: deal:child ends without deal 'parent'"
    await ground.add(**parent())
    await woken(ground)
    more = await again(ground)
    await ground.all_done()
    assert ground.result(more)["steps"]["child"]["action"] == "updated"
    assert deals(ground)["child"]["PARENT"] == deals(ground)["parent"]["ID"]
    assert token(ground) is None and ground.watched.rows == {}
    calls = len(ground.portal.calls)
    twice = await again(ground)
    await ground.all_done()
    assert ground.result(twice) == SUPERSEDED and len(ground.portal.calls) == calls


async def test_what_is_found_in_the_portal_wakes_others(watching: Ground) -> None:
    """Made by hand, it has no link before somebody looks for it."""
    ground = watching
    await ground.add(**request(owned()))
    await ground.all_done()
    ground.portal.deals[7] = {"ID": "7", "ORIGIN_ID": "parent"}
    plan = PlanBuilder()
    plan.find("parent", "deal", [Key(id="parent")])
    await ground.add(**request(plan.build()))
    await woken(ground)


async def test_a_newer_plan_takes_the_place_of_one_run_again(watching: Ground) -> None:
    ground = watching
    await ground.add(**request(owned(title="old")))
    await ground.all_done()
    await ground.add(**parent())
    await woken(ground)
    await ground.add(**request(owned(title="new")))
    late = await again(ground)
    await ground.all_done()
    assert ground.result(late) == SUPERSEDED and deals(ground)["child"]["TITLE"] == "new"


async def test_a_newer_plan_that_misses_it_too_is_the_one_to_be_run_again(watching: Ground) -> None:
    ground = watching
    await ground.add(**request(owned(title="old")))
    await ground.all_done()
    first = token(ground)
    await ground.add(**request(owned(title="new")))
    await ground.all_done()
    assert token(ground) not in (None, first)
    await ground.add(**parent())
    await woken(ground)
    await again(ground)
    await ground.all_done()
    assert len(ground.kafka.of(REQUESTS_BULK)) == 1
    assert (deals(ground)["child"]["TITLE"], "PARENT" in deals(ground)["child"]) == ("new", True)


async def test_a_newer_plan_comes_while_one_run_again_waits(watching: Ground) -> None:
    ground = watching
    plan = PlanBuilder(subject="deal:child")
    plan.find("parents", "deal", [Key(id="parent"), Key(id="other")], wait=0.3, watch=True)
    await ground.add(**request(plan.build()))
    await ground.all_done()
    await ground.add(**parent())
    await woken(ground)
    later = await again(ground)
    newer = await ground.add(**request(owned()))
    await ground.all_done()
    assert ground.result(later)["steps"]["parents"]["missing"] == 1
    assert ground.result(newer)["steps"]["parent"]["missing"] == 0
    assert token(ground) is None, "the newer one misses nothing"


async def test_the_watch_is_written_before_the_answer(watching: Ground) -> None:
    ground = watching
    ground.watched.gate.clear()
    one = await ground.add(**request(owned()))
    await until(lambda: "crm.deal.add" in ground.portal.commands and not ground.portal.out)
    await settle()
    assert ground.kafka.of(RESULTS) == [] and ground.state(one) == SENT
    ground.watched.gate.set()
    await ground.all_done()
    assert token(ground) is not None


async def test_a_worker_dies_between_the_watch_and_the_answer(watching: Ground, make: Callable[..., Ground]) -> None:
    ground = watching
    ground.kafka.gate.clear()
    one = await ground.add(**request(owned()))
    await until(lambda: token(ground) is not None)
    left = token(ground)
    await ground.executor.stop()
    await ground.completion.drain(0)
    heir = make(table=ground.table, watched=ground.watched)
    heir.portal.deals = ground.portal.deals
    heir.watches.begin((0,))
    await heir.take_over(ground)
    await heir.all_done()
    assert token(heir) == left, "the same plan, the same token"
    await heir.add(**parent())
    await woken(heir)
    await again(heir)
    await heir.all_done()
    assert deals(heir)["child"]["PARENT"] and token(heir) is None
    assert heir.result(one)["steps"]["parent"]["missing"] == 1
    await heir.watches.end()


async def test_a_plan_run_again_that_had_begun_goes_on_without_its_watch(
    watching: Ground, make: Callable[..., Ground]
) -> None:
    """Its watch goes before its answer does: a worker that ends in between must not leave it half done."""
    ground = watching
    await ground.add(**request(owned()))
    await ground.all_done()
    await ground.add(**parent())
    await woken(ground)
    ground.kafka.gate.clear()
    later = await again(ground)
    await until(lambda: token(ground) is None)
    await ground.executor.stop()
    await ground.completion.drain(0)
    heir = make(table=ground.table, watched=ground.watched)
    heir.portal.deals = ground.portal.deals
    await heir.take_over(ground)
    await heir.all_done()
    assert heir.result(later)["steps"]["child"]["id"] == deals(heir)["child"]["ID"]


async def test_a_plan_run_again_that_fails_is_not_sent_for_ever(watching: Ground, make: Callable[..., Ground]) -> None:
    ground = watching
    await ground.add(**request(owned()))
    await ground.all_done()
    await ground.add(**parent())
    await woken(ground)
    ground.portal.refused["crm.deal.update"] = Refusal("ACCESS_DENIED")
    later = await again(ground)
    await ground.all_done()
    assert ground.result(later)["error"] == "ACCESS_DENIED" and token(ground) is None
    heir = make(table=ground.table, watched=ground.watched)
    heir.watches.begin((0,))
    await settle()
    assert heir.kafka.of(REQUESTS_BULK) == []
    await heir.watches.end()


async def test_without_a_watch_nobody_is_asked_again(watching: Ground) -> None:
    ground = watching
    await ground.add(**request(owned(watch=False)))
    await ground.all_done()
    await ground.add(**parent())
    await ground.all_done()
    assert ground.watched.log == [] and ground.kafka.of(REQUESTS_BULK) == []


async def test_a_header_of_no_watch_is_superseded(watching: Ground) -> None:
    ground = watching
    plan = PlanBuilder()
    plan.find("parent", "deal", [Key(id="parent")])
    one = await ground.add(**request(plan.build(), watch="t"))
    other = await ground.add(**request(owned(), watch="t"))
    await ground.all_done()
    assert ground.result(one) == ground.result(other) == SUPERSEDED and ground.portal.calls == []


async def test_what_is_found_covers_no_link_of_a_moment_ago(ground: Ground) -> None:
    """Between the look-up and its link another plan has changed the object."""
    records = ground.executor._records
    await ground.links.put(0, Link("default", "product:23", "a", "5", "h", 3))
    await ground.links.put(0, Link("default", "product:23", "b", "6", "h", 3))
    found = [Link("default", "product:23", key, "5" if key == "a" else "9", title="Bolt") for key in "ab"]
    found.append(Link("default", "product:23", "c", "8"))
    await records.write_links([LinkChanges(found=found)], 0)
    now = {key: ground.links.get(0, "default", "product:23", key) for key in "abc"}
    assert now["a"] == Link("default", "product:23", "a", "5", "h", 3, title="Bolt")
    assert now["b"] == Link("default", "product:23", "b", "6", "h", 3), "it is another object"
    assert now["c"] == Link("default", "product:23", "c", "8")


async def test_plans_of_one_subject_leave_one_watch(watching: Ground) -> None:
    ground = watching
    await ground.add_all(request(owned(title="1")), request(owned(title="2")), request(owned(title="3")))
    await ground.all_done()
    assert deals(ground)["child"]["TITLE"] == "3" and len(ground.watched.rows) == 1
    stored = orjson.loads(next(iter(ground.watched.rows.values())).partition(b"\n")[0])
    assert stored["missing"] == [["deal", "parent"]] and stored["token"] == token(ground)


async def test_a_find_takes_no_other_link_its_object(watching: Ground) -> None:
    """A key without an originator means any object with that id; the link of its own key knows hash and version."""
    ground = watching
    own = PlanBuilder()
    own.upsert("deal", "deal", Key(id="7", originator="site"), {"TITLE": "x"}, version=5)
    await ground.add(**request(own.build()))
    await ground.all_done()
    held = ground.links.get(0, "default", "deal", "site\x1f7")
    assert held is not None and held.version == 5
    anybody = PlanBuilder()
    anybody.find("deal", "deal", [Key(id="7")])
    for _ in range(2):
        one = await ground.add(**request(anybody.build()))
        await ground.all_done()
        assert ground.result(one)["steps"]["deal"] == {"found": [{"id": held.id}], "missing": 0}
    assert ground.links.get(0, "default", "deal", "site\x1f7") == held
    assert ground.links.by_id(0, "default", "deal", held.id) == held


async def test_nobody_is_woken_before_the_link_is_durable(watching: Ground) -> None:
    ground = watching
    await ground.add(**request(owned()))
    await ground.all_done()
    ground.portal.gate.clear()
    ground.portal.slow = {"crm.deal.add"}
    await ground.add(**parent())
    await until(lambda: ground.portal.out and ground.portal.commands[-1] == "crm.deal.add")
    ground.table.gate.clear()
    ground.portal.gate.set()
    await until(lambda: ground.links.get(0, "default", "deal", "parent") is not None)
    await settle(200)
    early = ground.kafka.of(REQUESTS_BULK)
    ground.table.gate.set()
    await woken(ground)
    assert early == []
