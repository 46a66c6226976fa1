"""A plan of a run through the whole executor: its row keeps the run, its end is told to `outcomes`."""

from collections.abc import Callable
from typing import Any

import orjson

from pipeline.portal.plan import Key
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.topology import OUTCOMES, RESULTS
from tests.unit.portal.sending.ground import Ground, Refusal


def plan(item: str, title: str = "x") -> dict[str, Any]:
    """A plan of one deal, asked for by a flow."""
    built = PlanBuilder()
    built.upsert("deal", "deal", Key(id="7"), {"TITLE": title})
    run = {"run": "r", "item": item}
    return {"method": "plan", "plan": True, "source": "companies", "run": run, "body": built.build().encode()}


def outcomes(ground: Ground) -> list[Any]:
    """What was told, without the time."""
    told = [orjson.loads(record.value or b"") for record in ground.kafka.of(OUTCOMES)]
    return [{name: value for name, value in one.items() if name != "at"} for one in told]


async def test_what_a_plan_did_is_told_to_its_run(ground: Ground) -> None:
    for item in ("first", "second"):
        await ground.add(**plan(item))
        await ground.all_done()
    expected = {"run": "r", "flow": "companies", "status": "done"}
    assert outcomes(ground) == [
        {**expected, "item": "first", "action": "added 1"},
        {**expected, "item": "second", "action": "unchanged 1"},
    ]
    assert [record.topic for record in ground.kafka.taken] == [OUTCOMES, RESULTS] * 2


async def test_a_plan_that_failed_is_told_with_the_text_of_its_answer(ground: Ground) -> None:
    ground.portal.refused["crm.deal.add"] = Refusal("ERROR_CORE")
    one = await ground.add(**plan("7"))
    await ground.all_done()
    (told,) = outcomes(ground)
    assert (told["status"], told["error_class"]) == ("failed", "permanent")
    answer = ground.result(one)
    assert told["error"] == f"{answer['error']}: {answer['error_description']}" and "step 'deal'" in told["error"]


async def test_the_next_owner_of_a_plan_tells_its_run(make: Callable[..., Ground]) -> None:
    before = make()
    before.looked.clear()
    await before.add(**plan("7"))
    await before.executor.stop()
    after = await make(table=before.table, portal=before.portal).take_over(before)
    await after.all_done()
    assert [(told["item"], told["action"]) for told in outcomes(after)] == [("7", "added 1")]
    assert outcomes(before) == []
