"""A write of unknown outcome, as the executor lives through it, and as the next owner does (design, section 5)."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from pipeline.portal.limits.governor import Governor as UsualGovernor
from pipeline.portal.plan import parse_plan
from pipeline.portal.requests.order import plan_keys
from pipeline.portal.requests.row import DONE, SENT, WAITING, Row
from pipeline.portal.sending import executor as module
from pipeline.portal.wire.faults import PortalThrottled, PortalUnknown
from pipeline.topology import DEAD_LETTERS
from tests.unit.portal.fakes import settle, until
from tests.unit.portal.sending.ground import LIMITS, Ground, deal

Make = Callable[..., Ground]
RESET = PortalUnknown("reset")


def plan(*steps: dict[str, Any], **given: Any) -> dict[str, Any]:
    """A request that is a plan."""
    body = orjson.dumps({"v": 1, "steps": steps})
    return {"method": "plan", "plan": True, "body": body, "keys": plan_keys(parse_plan(body)), **given}


def upsert(name: str, external: str, **fields: Any) -> dict[str, Any]:
    return {"do": "upsert", "name": name, "entity": "deal", "key": {"id": external}, "fields": {"TITLE": "x", **fields}}


def call(name: str, method: str, **params: Any) -> dict[str, Any]:
    return {"do": "call", "name": name, "method": method, "params": params}


@pytest.mark.parametrize("external", [None, "7"], ids=["stamped", "its own"])
@pytest.mark.parametrize("executed", [True, False])
async def test_an_add_is_looked_up_when_it_is_surely_over(external: str | None, executed: bool, ground: Ground) -> None:
    ground.portal.outcomes = [RESET]
    ground.portal.executes = executed
    one = await ground.add(**deal(external))
    await ground.all_done()
    add, look, *again = ground.portal.calls
    assert (add.method, look.method) == ("crm.deal.add", "crm.deal.list")
    assert look.at - add.at >= LIMITS.request_limit
    assert [(other.method, other.body) for other in again] == ([] if executed else [("crm.deal.add", add.body)])
    assert ground.result(one)["result"] == 100 and list(ground.portal.deals) == [100]


async def test_others_go_on_meanwhile_but_not_those_of_its_order_keys(ground: Ground) -> None:
    ground.portal.outcomes = [RESET]
    first = await ground.add(method="crm.x.update", body=b'{"id":5}', keys=("x:5",))
    await until(lambda: ground.executor.settling)
    second = await ground.add(method="crm.x.update", body=b'{"id":5,"fields":{"A":1}}', keys=("x:5",))
    free = await ground.add()
    await until(lambda: ground.state(free) == DONE)
    assert ground.states() == SENT + WAITING + DONE
    await ground.all_done()
    assert [call.body for call in ground.portal.calls if call.method == "crm.x.update"] == [
        first.body,
        first.body,
        second.body,
    ]


async def test_what_is_not_found_time_and_again_is_given_up(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.portal.steps.call.MOST_TRIES", 1)
    ground.portal.by["crm.deal.add"] = RESET
    one = await ground.add(**deal())
    await ground.all_done()
    assert ground.portal.methods == ["crm.deal.add", "crm.deal.list", "crm.deal.add"]
    assert ground.answer(one).headers["error-class"] == "unknown" and not ground.executor.settling


@pytest.mark.parametrize("request_", [{}, plan(call("add", "crm.lead.convert"))], ids=["call", "plan"])
async def test_what_was_refused_before_it_was_looked_at_is_not_out(request_: dict[str, Any], make: Make) -> None:
    """Else a crash would make an unknown outcome of it."""
    ground = make(stamp=False)
    ground.portal.outcomes = [PortalThrottled("busy", code="QUERY_LIMIT_EXCEEDED")]
    one = await ground.add(**(request_ or deal()))
    await until(lambda: len(ground.portal.calls) == 1 and ground.state(one) == WAITING)
    assert (ground.book.load(one).progress or {"sent": {}})["sent"] == {}
    await ground.all_done()
    assert len(ground.portal.calls) == 2 and "error-class" not in ground.answer(one).headers


async def test_without_stamps_an_add_cannot_be_settled(make: Make) -> None:
    ground = make(stamp=False)
    ground.portal.outcomes = [RESET]
    one = await ground.add(**deal())
    await ground.all_done()
    assert ground.portal.methods == ["crm.deal.add"]
    assert ground.answer(one).headers["error-class"] == "unknown"


# -- take-over


async def left(make: Make, monkeypatch: pytest.MonkeyPatch, *, executed: bool, **given: Any) -> tuple[Ground, Row]:
    """An owner that ends while a call is out, and the request that it leaves."""
    monkeypatch.setattr(module, "_STOP_TIMEOUT", 0.01)
    owner = make()
    owner.portal.gate.clear()
    owner.portal.eager = executed
    one = await owner.add(**given)
    await until(lambda: owner.portal.calls)
    await settle()
    await owner.executor.stop()
    owner.portal.gate.set()
    return owner, one


@pytest.mark.parametrize("external", [None, "7"], ids=["stamped", "its own"])
async def test_what_the_owner_before_has_added_is_answered_without_a_second_call(
    external: str | None, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, one = await left(make, monkeypatch, executed=True, **deal(external))
    assert owner.states() == SENT and len(owner.portal.deals) == 1
    heir = await make(table=owner.table, portal=owner.portal).take_over(owner)
    assert len(heir.executor.settling) == 1
    await heir.all_done()
    assert owner.portal.methods == ["crm.deal.add", "crm.deal.list"]
    assert owner.portal.calls[1].at - owner.portal.calls[0].at >= LIMITS.request_limit
    assert heir.result(one)["result"] == 100 and len(owner.portal.deals) == 1 and not heir.executor.settling


async def test_what_has_begun_goes_before_the_other_lane(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """One external id in both lanes: the portal is still at the add of the bulk lane when its owner ends."""
    owner, bulk = await left(make, monkeypatch, executed=False, **plan({**upsert("a", "7"), "new": True}, lane="b"))
    await owner.accept(**plan(upsert("a", "7", TITLE="newer")))
    assert owner.states() == SENT + WAITING
    heir = await make(table=owner.table, portal=owner.portal).take_over(owner)
    await until(lambda: len(heir.executor.scheduler) == 2)
    for _ in range(20):
        await settle()
    owner.portal.deals[7] = {"ID": "7", "ORIGIN_ID": "7", "TITLE": "x"}
    await heir.all_done()
    assert heir.result(bulk)["steps"]["a"]["action"] == "added"
    assert [deal["TITLE"] for deal in owner.portal.deals.values()] == ["newer"]


async def test_what_it_has_not_added_is_called_again_with_the_same_stamp(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, one = await left(make, monkeypatch, executed=False, **deal())
    heir = await make(table=owner.table, portal=owner.portal).take_over(owner)
    await heir.all_done()
    assert owner.portal.methods == ["crm.deal.add", "crm.deal.list", "crm.deal.add"]
    assert owner.portal.calls[0].body == owner.portal.calls[2].body
    assert heir.result(one)["result"] == 100
    (made,) = owner.portal.deals.values()
    assert made["ORIGINATOR_ID"] == "bus" and made["ORIGIN_ID"].startswith(f"bus-test-{one.identity}-")


async def test_stamps_of_two_requests_differ(make: Make) -> None:
    """Also those of the same place in a topic that was made anew."""
    ground = make()
    now = 1_700_000_000.0
    rows = [await ground.accept(**deal(), accepted=now) for _ in range(2)]
    courses = [ground.parts.courses.course(ground.book.load(one)) for one in rows]
    again = ground.parts.courses.course(ground.book.load(rows[0]))
    later = ground.book.load(rows[0])
    later.accepted += 1.0
    stamps = [
        course.commands(now)[0].params["fields"]["ORIGIN_ID"]
        for course in (*courses, again, ground.parts.courses.course(later))
    ]
    assert stamps[0] == stamps[2] and len(set(stamps)) == 3


async def test_a_read_that_was_out_is_just_called_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, one = await left(make, monkeypatch, executed=True)
    assert owner.states() == WAITING
    heir = await make(table=owner.table, portal=owner.portal).take_over(owner)
    await heir.all_done()
    assert owner.portal.methods == ["crm.deal.list"] * 2 and heir.answer(one)


async def test_a_plan_goes_on_where_it_stands(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first step is over and in the row; its second one is out when its owner ends."""
    monkeypatch.setattr(module, "_STOP_TIMEOUT", 0.01)
    owner = make()
    owner.portal.gate.clear()
    owner.portal.slow = {"crm.x.update"}
    one = await owner.add(**plan(upsert("first", "7"), call("second", "crm.x.update", id=5)))
    await until(lambda: "crm.x.update" in owner.portal.methods)
    await owner.executor.stop()
    owner.portal.gate.set()
    stored = owner.book.load(one)
    assert stored.state == SENT and stored.progress is not None
    assert stored.progress["results"]["first"]["id"] == "100" and list(stored.progress["sent"]) == ["second"]
    heir = await make(table=owner.table, portal=owner.portal).take_over(owner)
    await heir.all_done()
    assert owner.portal.methods == ["crm.deal.list", "crm.deal.add", "crm.x.update", "crm.x.update"]
    assert heir.result(one)["steps"]["first"]["id"] == "100"


async def test_links_are_written_before_a_plan_goes_on(ground: Ground) -> None:
    await ground.add(**plan(upsert("first", "7"), call("second", "crm.x.list")))
    await ground.all_done()
    link = ground.links.get(0, "default", "deal", "7")
    assert link is not None and link.id == "100"
    written = [key for key, _ in ground.table.log]
    assert written.index(b"l/default/deal/7") < [value[:1] for _, value in ground.table.log if value].index(b"d")


async def test_what_a_part_was_given_is_noted_before_the_answer(ground: Ground) -> None:
    part = {"name": "rows", "entity": "deal", "key": {"id": "7"}}
    steps = (upsert("first", "7"), {**call("rows", "crm.x.update", id=5), "part": part})
    for _ in range(2):
        one = await ground.add(**plan(*steps))
        await ground.all_done()
    assert ground.portal.methods == ["crm.deal.list", "crm.deal.add", "crm.x.update"]
    assert ground.result(one)["steps"]["rows"] == {"action": "unchanged"}
    written = [key for key, _ in ground.table.log]
    assert written.index(b"p/default/deal/7/rows") < [value[:1] for _, value in ground.table.log if value].index(b"d")
    assert await ground.links.drop(0, "default", "deal", "7")
    one = await ground.add(**plan(*steps))
    await ground.all_done()
    assert ground.portal.methods[-1] == "crm.x.update", "forgotten with the link"


async def test_unchanged_content_makes_no_call(ground: Ground) -> None:
    for _ in range(2):
        one = await ground.add(**plan(upsert("first", "7")))
        await ground.all_done()
    assert ground.portal.methods == ["crm.deal.list", "crm.deal.add"]
    assert ground.result(one)["steps"]["first"] == {"id": "100", "action": "unchanged"}
    assert ground.answer(one).headers["attempts"] == "0"


async def test_an_upsert_whose_add_was_out_is_found_by_the_next_owner(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STOP_TIMEOUT", 0.01)
    owner = make()
    owner.portal.eager = True
    owner.portal.gate.clear()
    owner.portal.slow = {"crm.deal.add"}
    one = await owner.add(**plan(upsert("first", "7")))
    await until(lambda: len(owner.portal.deals) == 1)
    await owner.executor.stop()
    owner.portal.gate.set()
    heir = await make(table=owner.table, portal=owner.portal).take_over(owner)
    await heir.all_done()
    assert len(owner.portal.deals) == 1 and heir.result(one)["steps"]["first"]["id"] == "100"
    assert owner.portal.methods == ["crm.deal.list", "crm.deal.add", "crm.deal.list"]
    assert heir.links.get(0, "default", "deal", "7") is not None


async def test_fifty_upserts_look_with_one_command(make: Make) -> None:
    ground = make(connections=1)
    ground.looked.clear()
    rows = await ground.add_all(*(plan(upsert("only", f"k{number}")) for number in range(50)))
    ground.looked.set()
    await ground.all_done()
    assert [len(call.names) for call in ground.portal.calls] == [1, 50]
    assert sorted(deal["ORIGIN_ID"] for deal in ground.portal.deals.values()) == sorted(f"k{n}" for n in range(50))
    for one in rows:
        found = ground.portal.deals[int(ground.result(one)["steps"]["only"]["id"])]
        assert one.keys == (f"=deal:{found['ORIGIN_ID']}",)


async def test_what_looked_with_a_method_that_is_held_since_goes_on_with_another(make: Make) -> None:
    class Governor(UsualGovernor):
        used = False

        def sent(self, credential: str, method: str, now: float, count: int = 1, **given: Any) -> None:
            self.used = self.used or method == "crm.deal.list"
            super().sent(credential, method, now, count, **given)

        def ready_at(self, credential: str, method: str, now: float, *, urgent: bool = False) -> float | None:
            return now + 3600 if self.used and method == "crm.deal.list" else None

    ground = make(governor=lambda costs: Governor(None, 6.0, costs))
    one = await ground.add(**plan(upsert("only", "7")))
    await ground.all_done()
    assert (
        ground.portal.methods == ["crm.deal.list", "crm.deal.add"] and "error-class" not in ground.answer(one).headers
    )


async def test_a_plan_of_another_release_ends_with_a_dead_letter_and_not_with_the_worker(ground: Ground) -> None:
    one = await ground.add(method="plan", plan=True, body=b'{"v":99,"steps":[]}')
    await ground.all_done()
    assert ground.answer(one).headers["error-class"] == "permanent" and not ground.portal.calls
    assert "version 99" in ground.kafka.of(DEAD_LETTERS)[0].headers["dl-last-error"]
