"""Plans with finds, a portal that loses answers, a worker that ends anywhere: what is there is found, and only that."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.portal.plan import Key, Plan
from pipeline.portal.plan_builder import OMIT, If, PlanBuilder
from tests.unit.portal.steps.test_any_fate import fate
from tests.unit.portal.steps.world import START, World, link_of, steps_of

KEYS = "abcd"


def plan(keys: list[str], wait: float) -> Plan:
    """A deal with the companies that are found among these."""
    builder = PlanBuilder(subject="deal:1")
    found = builder.find("found", "company", [Key(id=key) for key in keys], wait=wait, watch=True)
    fields: dict[str, Any] = {"TITLE": "x"}
    for place, key in enumerate(keys):
        fields[f"UF_{key}"] = If(found.found(place), found.found(place), OMIT)
    builder.upsert("deal", "deal", Key(id="1"), fields)
    return builder.build()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(KEYS), max_size=4, unique=True),
    st.sets(st.sampled_from(KEYS)),
    st.sets(st.sampled_from(KEYS)),
    st.sampled_from([0.0, 1.0, 30.0]),
    st.data(),
)
def test_any_fate(keys: list[str], there: set[str], linked: set[str], wait: float, data: st.DataObject) -> None:
    world = World(fate(data, refusals=False))
    ids = {key: world.portal.add("company", START, TITLE=key, ORIGIN_ID=key) for key in sorted(there)}
    for key in linked & there:
        world.links["company", key] = link_of("company", key, ids[key], hash="h", version=3)
    for name in ("r1", "r2"):
        began = world.now
        course = world.plan(plan(keys, wait), name)
        steps = steps_of(course.reply)
        wanted = [{"id": str(ids[key])} if key in there else None for key in keys]
        assert steps["found"] == {"found": wanted, "missing": wanted.count(None)}
        assert world.now >= began + wait * (None in wanted)
        for key in set(keys) & there:
            link = world.links["company", key]
            assert (link.id, link.hash) == (str(ids[key]), "h" if key in linked else None)
    (deal,) = world.portal.rows("deal")
    assert {name: deal[name] for name in deal if name.startswith("UF_")} == {
        f"UF_{key}": str(ids[key]) for key in keys if key in there
    }
