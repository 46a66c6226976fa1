"""Random plans, a portal that loses answers, a worker that ends anywhere: nothing is doubled, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.portal import rules
from pipeline.portal.plan import CallStep, Key, Part, Plan, UpsertStep
from pipeline.portal.plan_builder import PlanBuilder, Ref
from tests.unit.portal.steps.world import OTHERS, START, MemoryPortal, World, link_of, steps_of

FEW_FAULTS = 7
RULE = "test-missing-titles"
SLOW = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.fixture(autouse=True, scope="module")
def rule() -> Iterator[None]:
    @rules.rule(RULE)
    def missing(current: list[Any], wanted: Any) -> Iterator[CallStep | UpsertStep]:
        there = {row["TITLE"] for row in current}
        for title in wanted["calls"]:
            if title not in there:
                params = {"fields": {"TITLE": title, "GROUP": wanted["group"]}}
                yield CallStep(name="add", method="crm.deal.add", params=params)
        for title in wanted["upserts"]:
            if title not in there:
                fields = {"TITLE": title, "GROUP": wanted["group"]}
                yield UpsertStep(name="put", entity="deal", key=Key(id=title, originator="o"), fields=fields)

    yield
    rules._RULES.pop(RULE)


def fate(data: st.DataObject, *, refusals: bool = True) -> Any:
    """A few faults anywhere, then all goes well."""
    left = [data.draw(st.integers(0, FEW_FAULTS), "faults")]

    def choose(what: str, options: tuple[str, ...]) -> str:
        if not left[0]:
            return options[0]
        if not refusals:
            options = tuple(option for option in options if option != "refused")
        found = data.draw(st.sampled_from(options), what)
        left[0] -= found != options[0]
        return found

    return choose


KINDS = ("deal", "own", "item", "smart", "product", "order", "comment", "upsert", "phones", "list")


@st.composite
def plans(draw: Any, possible: tuple[str, ...] = KINDS) -> tuple[Plan, dict[str, str]]:
    """A plan, and the kind of each step. Each step's object has the step's name as its title."""
    builder, kinds = PlanBuilder(), {}
    for number in range(draw(st.integers(1, 5))):
        name = f"s{number}"
        kind = draw(st.sampled_from(possible))
        before = sorted(kinds)
        options: dict[str, Any] = {"optional": draw(st.booleans())}
        if draw(st.booleans()):
            options["after"] = tuple(draw(st.sets(st.sampled_from(before)))) if before else ()
        fields: dict[str, Any] = {"TITLE": name}
        upserts = [other for other in before if kinds[other] in ("upsert", "phones")]
        if upserts and draw(st.booleans()):
            fields["COMPANY_ID"] = Ref(f"{draw(st.sampled_from(upserts))}.id")
        if kind == "deal":
            builder.call(name, "crm.deal.add", {"fields": fields}, **options)
        elif kind == "own":
            builder.call(name, "crm.deal.add", {"FIELDS": {**fields, "ORIGIN_ID": f"own-{name}"}}, **options)
        elif kind == "item":
            builder.call(name, "crm.item.add", {"entityTypeId": 2, "fields": fields}, **options)
        elif kind == "smart":
            builder.call(name, "Crm.Item.Import", {"entityTypeId": "128", "fields": fields}, **options)
        elif kind == "product":
            builder.call(name, "catalog.product.add", {"fields": {**fields, "iblockId": 23}}, **options)
        elif kind == "order":
            builder.call(name, "sale.order.add", {"fields": fields}, **options)
        elif kind == "comment":
            given = {"ENTITY_ID": 5, "ENTITY_TYPE": "deal", "COMMENT": f"{name} said"}
            builder.call(name, "crm.timeline.comment.add", {"fields": given}, **options)
        elif kind == "list":
            group = f"g-{name}"
            wanted = {"group": group, "calls": [f"{name}-1", f"{name}-2"], "upserts": [f"{name}-3"]}
            builder.reconcile(name, "crm.deal.list", {"filter": {"GROUP": group}}, rule=RULE, wanted=wanted, **options)
        else:
            if kind == "phones":
                fields["PHONE"] = [{"VALUE": "+71"}, {"VALUE": "+72"}]
            key = Key(id=draw(st.sampled_from(["K1", "K2", "K3", "k3"])), originator="site")
            builder.upsert(name, "company", key, fields, **options)
        kinds[name] = kind
    return builder.build(), kinds


def grown(data: st.DataObject, portal: MemoryPortal, world: World) -> None:
    """Objects and links that are there before: linked, not linked, twice, deleted."""
    for key in ("K1", "K2", "K3", "k3"):
        what = data.draw(st.sampled_from(["none", "there", "linked", "twice", "deleted", "other originator"]), key)
        if what in ("there", "linked", "twice"):
            number = portal.add("company", START - 5000, ORIGIN_ID=key, ORIGINATOR_ID="site", PHONE=[{"VALUE": "+71"}])
            if what == "twice":
                portal.add("company", START - 4000, ORIGIN_ID=key, ORIGINATOR_ID="site")
            if what == "linked":
                world.links["company", f"site\x1f{key}"] = link_of(
                    "company", key, number, "site", hash="old", version=3
                )
        elif what == "deleted":
            world.links["company", f"site\x1f{key}"] = link_of("company", key, 999, "site", hash="old")
        elif what == "other originator":
            portal.add("company", START - 5000, ORIGIN_ID=key, ORIGINATOR_ID="elsewhere")


TABLES = {"deal": "deal", "own": "deal", "item": "deal", "smart": "item:128", "product": "product", "order": "order"}


def made(kind: str, done: Any) -> int:
    result = done["result"]
    while isinstance(result, dict):
        result = result.get("id") or next(iter(result.values()))
    return int(result)


@SLOW
@given(data=st.data(), planned=plans(), offset=st.sampled_from([0.0, -900.0, 900.0]))
def test_any_plan(data: st.DataObject, planned: tuple[Plan, dict[str, str]], offset: float) -> None:
    plan, kinds = planned
    portal = MemoryPortal(offset)
    world = World(fate(data), portal)
    portal.last = 1000
    grown(data, portal, world)
    portal.last = 0
    # what others have made with the same ids and texts, long ago
    portal.add("deal", START - 3000, TITLE="old", ORIGIN_ID="own-s0")
    portal.add("timeline.comment", START - 3000, ENTITY_ID=5, ENTITY_TYPE="deal", COMMENT="s0 said")
    # look-ups that are packed with those of others are full of them
    for number in range(55):
        portal.add("company", START - 9000, ORIGIN_ID=OTHERS[number % 49], ORIGINATOR_ID="site")
        portal.add("deal", START - 9000, ORIGIN_ID=OTHERS[number % 49], ORIGINATOR_ID="bus")
    before = {table: set(rows) for table, rows in portal.tables.items()}
    named = {key: len(portal.rows("company", ORIGIN_ID=key, ORIGINATOR_ID="site")) for key in ("K1", "K2", "K3", "k3")}
    course = world.plan(plan)
    world.finish()
    assert course.reply is not None
    body = orjson.loads(course.reply.body)
    assert course.reply.error_class != "unknown" and (course.letter is None) == (course.reply.error_class is None), body
    results = body["steps"]
    if course.reply.error_class is None:
        assert set(results) == set(kinds)
    keys: dict[tuple[str, str], str] = {}
    for step in plan.steps:
        name, kind = step.name, kinds[step.name]
        done = results.get(name)
        failed = done is None or "error" in done
        if kind in TABLES:
            rows = portal.rows(TABLES[kind], TITLE=name)
            assert len(rows) == 1 if not failed else len(rows) <= 1, (name, kind)
            assert failed or made(kind, done) == rows[0]["ID"]
        elif kind == "comment":
            rows = portal.rows("timeline.comment", COMMENT=f"{name} said")
            rows = [row for row in rows if row["ID"] not in before["timeline.comment"]]
            assert len(rows) == 1 if not failed else len(rows) <= 1, (name, kind)
            assert failed or made(kind, done) == rows[0]["ID"]
        elif kind == "list":
            for number in (1, 2, 3):
                rows = portal.rows("deal", TITLE=f"{name}-{number}")
                assert len(rows) == 1 if not failed else len(rows) <= 1, (name, kind)
        elif not failed:
            assert isinstance(step, UpsertStep)
            assert int(done["id"]) in portal.tables["company"]
            assert keys.setdefault(step.identity[1:], done["id"]) == done["id"]
            row = portal.tables["company"][int(done["id"])]
            assert (row["ORIGIN_ID"], row["ORIGINATOR_ID"]) == (step.key.id, "site")
            assert world.links["company", f"site\x1f{step.key.id}"].id == done["id"]
            wanted = {"+71", "+72"} if kind == "phones" else set()
            phones = portal.phones("company", int(done["id"]))
            assert wanted <= set(phones) and len(phones) == len(set(phones)), phones
    for key, there in named.items():
        assert len(portal.rows("company", ORIGIN_ID=key, ORIGINATOR_ID="site")) <= max(1, there)


@SLOW
@given(data=st.data(), planned=plans(("upsert", "phones", "list")))
def test_the_next_plan_for_the_same_objects(data: st.DataObject, planned: tuple[Plan, dict[str, str]]) -> None:
    """Whatever became of the first: nothing of it comes after its end, and the second makes only what is missing."""
    plan, kinds = planned
    world = World(fate(data))
    grown(data, world.portal, world)
    named = {key: len(world.portal.rows("company", ORIGIN_ID=key, ORIGINATOR_ID="site")) for key in ("K1", "K2", "K3")}
    world.plan(plan)
    course = world.plan(plan, "r2")
    world.finish()
    for key, there in named.items():
        assert len(world.portal.rows("company", ORIGIN_ID=key, ORIGINATOR_ID="site")) <= max(1, there)
    for name, kind in kinds.items():
        for number in (1, 2, 3) if kind == "list" else ():
            assert len(world.portal.rows("deal", TITLE=f"{name}-{number}")) <= 1
    for row in world.portal.rows("company", ORIGINATOR_ID="site"):
        phones = [entry["VALUE"] for entry in row.get("PHONE", ())]
        assert len(phones) == len(set(phones))
    assert course.reply is not None


@st.composite
def guarded(draw: Any) -> Plan:
    """Upserts once, new, with an alias; an order with payments; parts, and a list that is read unless it is new."""
    builder = PlanBuilder(force=draw(st.booleans()))
    options: dict[str, Any] = {"once": draw(st.booleans()), "new": draw(st.booleans()), "alias": Key(id="acme")}
    company = builder.upsert("company", "company", Key(id="K", originator="site"), {"TITLE": "c"}, **options)
    order = builder.upsert("order", "order", Key(id="O"), {"TITLE": "o"}, after=draw(st.sampled_from([None, ()])))
    for number in range(draw(st.integers(0, 2))):
        key, within = Key(id=f"P{number}", originator="O"), {"orderId": order.id}
        more = {"new": draw(st.booleans()), "once": draw(st.booleans()), "after": ("order",)}
        builder.upsert(f"payment{number}", "payment", key, {"TITLE": f"p{number}"}, within=within, **more)
    part = Part(name="link", entity="order", key=Key(id="O"))
    fields = {"ENTITY_ID": order.id, "ENTITY_TYPE": "order", "COMMENT": "made"}
    builder.call("link", "crm.timeline.comment.add", {"fields": fields}, part=part, after=("order",))
    wanted = {"group": company.id, "calls": ["one", "two"], "upserts": ["three"]}
    builder.reconcile(
        "deals",
        "crm.deal.list",
        {"filter": {"GROUP": company.id}},
        rule=RULE,
        wanted=wanted,
        part=Part(name="deals", entity="company", key=Key(id="K", originator="site")),
        unless_new=draw(st.sampled_from([None, "company"])),
        after=("company",),
    )
    return builder.build()


@settings(SLOW, max_examples=100)
@given(data=st.data(), plan=guarded(), there=st.booleans())
def test_guarded_plans(data: st.DataObject, plan: Plan, there: bool) -> None:
    """Nothing is doubled, whatever happens; and when it has ended well, the same plan makes no call."""
    world = World(fate(data, refusals=False))
    world.portal.last = 1000
    step = plan.steps[0]
    assert isinstance(step, UpsertStep)
    if there and not step.new:
        world.portal.add("company", START - 9000, ORIGIN_ID="K", ORIGINATOR_ID="site", TITLE="old")
    course = world.plan(plan)
    world.finish()
    (company,) = world.portal.rows("company")
    (order,) = world.portal.rows("order")
    assert company["TITLE"] == ("old" if there and step.once and not step.new else "c")
    for number in range(sum(step.name.startswith("payment") for step in plan.steps)):
        (payment,) = world.portal.rows("payment", TITLE=f"p{number}")
        assert payment["orderId"] == order["ID"]
    assert [int(row["ENTITY_ID"]) for row in world.portal.rows("timeline.comment")] == [order["ID"]]
    assert sorted(row["TITLE"] for row in world.portal.rows("deal")) == ["one", "three", "two"]
    assert world.links["alias:company", "acme"].id == str(company["ID"]) == steps_of(course.reply)["company"]["id"]
    world.log.clear()
    world.choose = lambda what, options: options[0]
    again = steps_of(world.plan(plan.model_copy(update={"force": False}), "r2").reply)
    assert {done["action"] for done in again.values()} <= {"found", "unchanged"} and not world.log


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("deal", "crm.deal.add", {"fields": {"TITLE": "mine"}}),
    ("deal", "crm.deal.add", {"fields": {"TITLE": "mine", "ORIGIN_ID": "E ", "ORIGINATOR_ID": "1c"}}),
    ("deal", "crm.deal.add", {"fields": {"TITLE": "mine", "origin_id": 17}}),
    ("company", "crm.company.add", {"FIELDS": {"TITLE": "mine", "ORIGINATOR_ID": "1c"}}),
    ("item:128", "crm.item.add", {"entityTypeId": 128, "fields": {"TITLE": "mine"}}),
    ("item:128", "crm.item.import", {"entityTypeId": 128, "fields": {"TITLE": "mine", "xmlId": "E"}}),
    ("product", "catalog.product.add", {"fields": {"iblockId": 23, "TITLE": "mine"}}),
    (
        "timeline.comment",
        "crm.timeline.comment.add",
        {"fields": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal", "COMMENT": "mine"}},
    ),
]


@SLOW
@given(data=st.data(), case=st.sampled_from(CALLS), offset=st.floats(-86400, 86400), old=st.booleans())
def test_any_call(data: st.DataObject, case: tuple[str, str, dict[str, Any]], offset: float, old: bool) -> None:
    """An add is executed once; an object that others have made with its id or text before is not taken for it."""
    table, method, params = case
    portal = MemoryPortal(offset)
    world = World(fate(data, refusals=False), portal)
    world.portal.last = 100
    if old:
        fields = dict(params.get("fields") or params["FIELDS"])
        fields["ORIGIN_ID"] = str(fields.pop("origin_id", fields.get("ORIGIN_ID", "")))
        fields |= {"TITLE": "old"}
        number = portal.add(table, START - 3000, **fields)
    course = world.call(method, params)
    world.finish()
    assert course.reply is not None and course.reply.error_class is None and course.letter is None
    rows = [row for row in portal.tables[table].values() if not old or row["ID"] != number]
    assert len(rows) == 1, portal.writes
    assert made("", orjson.loads(course.reply.body)) == rows[0]["ID"]


@SLOW
@given(data=st.data(), count=st.integers(2, 4), offset=st.floats(-86400, 86400))
def test_requests_with_one_external_id_are_requests_of_their_own(
    data: st.DataObject, count: int, offset: float
) -> None:
    """Their order keys are one, so they come one after another; each add makes an object, the upsert takes one."""
    choose = fate(data, refusals=False)
    # only what the worker remembers tells apart what two of them have made within minutes (docs/plans.md)
    world = World(
        lambda what, options: options[0] if what == "crash" else choose(what, options[:6]), MemoryPortal(offset)
    )
    upserts, ids = 0, []
    for number in range(count):
        kind = data.draw(st.sampled_from(["crm.deal.add", "crm.item.add", "upsert"]))
        if kind == "upsert":
            step = UpsertStep(name="s", entity="deal", key=Key(id="X", originator="1c"), fields={"TITLE": number})
            done = steps_of(world.plan(Plan(steps=(step,)), f"r{number}").reply)["s"]
            upserts += done["action"] == "added"
            assert int(done["id"]) == min(world.portal.tables["deal"])
            continue
        names = ("originId", "originatorId") if kind == "crm.item.add" else ("ORIGIN_ID", "ORIGINATOR_ID")
        params = {"entityTypeId": 2, "fields": dict(zip(names, ("X", "1c"), strict=True))}
        reply = world.call(kind, params, f"r{number}").reply
        assert reply is not None
        ids.append(made("", orjson.loads(reply.body)))
        world.now += data.draw(st.sampled_from([0.0, 20.0, 1000.0]))
    world.finish()
    assert len(set(ids)) == len(ids), "no answer tells of an object that another request has made"
    assert len(world.portal.rows("deal")) == len(ids) + upserts and upserts <= 1
