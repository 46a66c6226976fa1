"""Plans that want the same object to be there, as the executor of a portal runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.portal.plan import Key, Plan
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.portal.requests.order import plan_keys
from tests.unit.portal.fakes import settle, until
from tests.unit.portal.sending.ground import Ground


def request(plan: Plan) -> dict[str, Any]:
    """What intake makes of its record."""
    return {"plan": True, "method": "plan", "lane": "b", "keys": plan_keys(plan), "body": plan.encode()}


def ensuring(number: int, *, full: bool = False) -> Plan:
    """A deal that belongs to one that all of them have in common."""
    plan = PlanBuilder()
    common = plan.upsert("common", "deal", Key(id="common"), {"TITLE": "common"}, once=True, after=())
    plan.upsert("own", "deal", Key(id=f"own {number}"), {"TITLE": "x", "PARENT": common.id})
    if full:
        plan.upsert("more", "deal", Key(id="common"), {"TITLE": "more"})
    return plan.build()


async def test_plans_that_only_need_the_same_object_to_be_there_run_side_by_side(make: Callable[..., Ground]) -> None:
    ground = make(connections=2)
    ground.portal.gate.clear()
    rows = await ground.add_all(*(request(ensuring(number)) for number in range(20)))
    await until(lambda: ground.portal.calls)
    await settle()
    assert len(ground.portal.calls) == 1, "nobody may add the same object twice"
    ground.portal.gate.set()
    await ground.all_done()
    assert [ground.result(one)["steps"]["common"]["action"] for one in rows] == ["added"] + ["found"] * 19
    assert len(ground.portal.deals) == 21 and len(ground.portal.calls) < 12, ground.portal.methods
    assert not ground.executor.scheduler._keys


async def test_a_plan_that_changes_the_object_too_keeps_its_key(make: Callable[..., Ground]) -> None:
    ground = make(connections=2)
    ground.portal.slow = {"crm.deal.update"}
    ground.portal.gate.clear()
    await ground.add_all(*(request(ensuring(number, full=True)) for number in range(2)))
    await until(lambda: ground.portal.out)
    await settle()
    assert [deal["ORIGIN_ID"] for deal in ground.portal.deals.values()] == ["common", "own 0"]
    ground.portal.gate.set()
    await ground.all_done()
