"""pipeline/portal/steps/upsert.py: what a portal refuses with certain codes is made with other fields; and crashes."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.delivery import metrics
from pipeline.portal.plan import Key, Plan, parse_plan
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.portal.plan_steps import Fallback, UpsertStep
from pipeline.portal.steps.command import Refused, Unclear
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.upsert import UpsertRun
from pipeline.portal.wire.faults import PortalPermanent
from tests.unit.portal.steps.world import (
    LIMIT,
    START,
    MemoryPortal,
    World,
    executed,
    refusal,
    script,
    steps_of,
    unknown,
)

CODE = "200140400007"
REFUSAL = refusal("bad data", CODE)
OWN = {"TITLE": "Bolt", "GOOD": "gone"}
INSTEAD = {"TITLE": "Bolt", "GOOD": "none"}
FALLBACK = Fallback(codes=(CODE,), fields={"GOOD": "none"})
STEP = UpsertStep(name="s", entity="deal", key=Key(id="7", originator="site"), fields=OWN, new=True, fallback=FALLBACK)


def run(step: UpsertStep = STEP, env: Env | None = None) -> UpsertRun:
    assert step.fallback is not None
    return UpsertRun(step, step.fields, env or Env("main", request_limit=LIMIT), instead=step.fallback.fields)


def given(upsert: UpsertRun) -> dict[str, Any]:
    """Fields of the add or update that it asks for."""
    assert upsert.command is not None and upsert.command.name.rpartition(".")[2] in ("add", "update")
    fields: dict[str, Any] = upsert.command.params["fields"]
    return {name: value for name, value in fields.items() if name in OWN}


def test_a_refused_add_is_made_with_the_other_fields_and_counted() -> None:
    counter = metrics.PORTAL_FALLBACKS.labels("main", "deal")
    before = counter._value.get()
    upsert = run()
    assert given(upsert) == OWN
    upsert.take(Refused(REFUSAL))
    assert given(upsert) == INSTEAD and upsert.adds
    upsert.take(executed(5))
    assert upsert.done == {"id": "5", "action": "added", "fallback": True} and upsert.is_new
    assert counter._value.get() == before + 1


def test_a_refused_update_too_and_the_same_content_then_makes_no_call() -> None:
    upsert = run(STEP.model_copy(update={"new": False}))
    upsert.take(executed([{"ID": "5", "ORIGIN_ID": "7", "ORIGINATOR_ID": "site"}]))
    assert given(upsert) == OWN
    upsert.take(Refused(REFUSAL))
    assert given(upsert) == INSTEAD
    upsert.take(executed(True))
    assert upsert.done == {"id": "5", "action": "updated", "fallback": True}
    link = upsert.link
    assert link is not None
    again = run(STEP, Env("main", lambda entity, external: link))
    assert again.done == {"id": "5", "action": "unchanged"} and again.command is None
    other = STEP.model_copy(update={"fallback": Fallback(codes=(CODE,), fields={"GOOD": "another"})})
    assert run(other, Env("main", lambda entity, external: link)).command is not None, "other fields are other content"


@pytest.mark.parametrize("fault", [refusal("no", "200140400008"), refusal("no"), unknown()])
def test_other_refusals_are_final(fault: Any) -> None:
    upsert = run()
    upsert.take(Refused(fault))
    assert upsert.command is None and upsert.fault is fault


def test_it_is_tried_once() -> None:
    upsert = run()
    upsert.take(Refused(REFUSAL))
    upsert.take(Refused(REFUSAL))
    assert upsert.command is None and isinstance(upsert.fault, PortalPermanent)


def test_an_unknown_outcome_of_the_second_add_is_looked_up() -> None:
    upsert = run()
    upsert.take(Refused(REFUSAL))
    upsert.take(Unclear(unknown(), START))
    assert upsert.command is not None and upsert.command.name == "crm.deal.list" and upsert.due == START + LIMIT
    upsert.take(executed([]))
    assert given(upsert) == INSTEAD, "that the first was refused is known"


class Choosy(MemoryPortal):
    """Refuses what names the good that is gone."""

    def execute(self, method: str, params: Any, at: float) -> Any:
        if method.endswith((".add", ".update")) and params["fields"].get("GOOD") == "gone":
            raise REFUSAL
        return super().execute(method, params, at)


def plan() -> Plan:
    """Over the wire, and with a reference in the fallback."""
    builder = PlanBuilder()
    company = builder.upsert("company", "company", Key(id="c"), {"TITLE": "ACME"})
    fallback = {"codes": [CODE], "fields": {"GOOD": "none", "COMPANY_ID": {"$ref": f"{company.name}.id"}}}
    builder.upsert("s", "deal", STEP.key, OWN, new=True, fallback=fallback)
    return parse_plan(builder.build().encode())


@pytest.mark.parametrize("fate", ["done", "done but lost", "done late", "crash, done late", "lost"])
@pytest.mark.parametrize("point", range(16))
def test_a_crash_anywhere(point: int, fate: str) -> None:
    crashes, writes = script(*["no"] * point, "yes", what="crash"), script("done", fate)
    world = World(lambda what, options: (crashes if what == "crash" else writes)(what, options))
    world.portal = Choosy()
    world.plan(plan())
    before = len(world.portal.writes)
    again = steps_of(world.plan(plan(), "r2").reply)["s"]
    world.finish()
    (company,), (made,) = world.portal.rows("company"), world.portal.rows("deal")
    assert (made["TITLE"], made["GOOD"], made["COMPANY_ID"]) == ("Bolt", "none", str(company["ID"]))
    assert again == {"id": str(made["ID"]), "action": "unchanged"} and len(world.portal.writes) == before
