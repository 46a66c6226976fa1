"""Upserts that address one object several times in a row, with growing versions; the last one must win."""

from __future__ import annotations

from typing import Any

from pipeline.portal.plan import Key
from pipeline.portal.plan_builder import PlanBuilder
from tests.chaos.plans.case import Case, Place
from tests.chaos.plans.maker import Maker
from tests.chaos.plans.objects import SMART, Objects, marker_of, number_of

__all__ = ["make_upserts"]

_ENTITIES = {"company": "TITLE", "contact": "NAME", f"item:{SMART}": "title"}
_MOST = 5
#: part of the series whose last content comes once more
_REPEATED = 0.5
_ACTIONS = ("added", "updated", "unchanged")


def make_upserts(maker: Maker, portal: str) -> list[Case]:
    """One series, all in one lane, so that their order is given."""
    name = maker.dice.choice(list(_ENTITIES))
    entity, field = name.partition(":")[0], _ENTITIES[name]
    key = f"upsert {maker.new_id()}"
    versions = maker.dice.randint(1, _MOST - 1)
    contents = [f"{key} v{number}" for number in range(1, versions + 1)]
    if maker.dice.random() < _REPEATED:
        contents.append(contents[-1])
    way = maker.dice.choice(("bulk", "interactive"))
    cases = []
    for number, content in enumerate(contents):
        plan = PlanBuilder()
        originator = "" if entity == "item" else "chaos"
        plan.upsert("put", name, Key(id=key, originator=originator), {field: content}, version=number + 1)
        repeats = number > 0 and content == contents[number - 1]
        check = _check(entity, key, contents[-1] if number == len(contents) - 1 else None, repeats)
        places = (Place(entity, "external", key),)
        cases.append(maker.plan(maker.new_id(), portal, "upsert", plan.build(), check, way=way, places=places))
    return cases


def _check(entity: str, key: str, last: str | None, repeats: bool) -> Any:
    def check(steps: Any, objects: Objects) -> str | None:
        done = steps["put"]
        row = objects.one(entity, "external", key)
        if row is None:
            return "it is not in the portal"
        if done["id"] != number_of(row):
            return f"it is {entity} {number_of(row)}, the answer says {done['id']}"
        if done["action"] not in (("unchanged",) if repeats else _ACTIONS):
            return f"{done['action']}, and its content was {'the same' if repeats else 'new'}"
        return None if last in (None, marker_of(row)) else f"it holds {marker_of(row)!r}, not {last!r}"

    return check
