"""pipeline/portal/steps/upsert.py: within, once, new, alias and title; and a crash at every point of them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.portal.links.store import Link
from pipeline.portal.plan import Key, Plan, UpsertStep
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.portal.steps.command import Refused, Unclear
from pipeline.portal.steps.content import content_hash
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.upsert import UpsertRun
from tests.unit.portal.steps.world import (
    LIMIT,
    START,
    World,
    executed,
    link_of,
    refusal,
    script,
    steps_of,
    unknown,
)

KEY = Key(id="7", originator="site")
FIELDS = {"TITLE": "ACME"}
COMPANY = "site\x1f7"
HASH = content_hash(FIELDS)


def run(*links: Link, force: bool = False, was_listed: bool = False, **given: Any) -> UpsertRun:
    known = {(link.entity, link.external): link for link in links}
    env = Env("main", lambda entity, external: known.get((entity, external)), LIMIT)
    step = UpsertStep(**{"name": "s", "entity": "company", "key": KEY, "fields": FIELDS, **given})
    inside = tuple(sorted(step.within.items()))
    return UpsertRun(step, step.fields, env, inside, force=force, was_listed=was_listed)


def known(number: int = 5, **given: Any) -> Link:
    return link_of("company", "7", number, "site", **given)


def alias(number: int = 5, entity: str = "alias:company") -> Link:
    return link_of(entity, "acme", number)


def asked(upsert: UpsertRun) -> str:
    assert upsert.command is not None
    return upsert.command.name


def row(number: int) -> dict[str, Any]:
    return {"ID": str(number), "ORIGIN_ID": "7", "ORIGINATOR_ID": "site"}


# -- within


def payment(**given: Any) -> UpsertRun:
    given = {"entity": "payment", "within": {"orderId": 9}, "fields": {"sum": 1}, **given}
    return run(key=Key(id="p1", originator="order 1"), **given)


def test_what_lies_in_another_object_is_looked_for_and_added_there() -> None:
    upsert = payment()
    assert upsert.command is not None and upsert.command.lookup is not None
    assert upsert.command.params["filter"] == {"orderId": 9, "xmlId": "p1"}
    assert upsert.command.lookup.family == ("payment", "order 1", (("orderId", 9),))
    upsert.take(executed({"payments": [{"id": 3, "xmlId": "p1", "orderId": 8}]}))
    assert asked(upsert) == "sale.payment.add", "that of another order is another"
    assert upsert.command.params == {"fields": {"sum": 1, "orderId": 9, "xmlId": "p1"}}
    upsert.take(executed({"payment": {"id": 4}}))
    assert upsert.link is not None and upsert.link.external == "order 1\x1fp1"


def test_an_update_moves_nothing() -> None:
    upsert = payment()
    upsert.take(executed({"payments": [{"id": 3, "xmlId": "p1", "orderId": "9"}]}))
    assert upsert.command is not None and upsert.command.params == {"id": 3, "fields": {"sum": 1}}


@pytest.mark.parametrize("given", [{}, {"hash": "own"}])
def test_the_place_belongs_to_the_content(given: dict[str, Any]) -> None:
    """An order that was deleted and made anew has lines that are not there any more."""
    first = payment(**given)
    first.take(executed({"payments": []}))
    first.take(executed({"payment": {"id": 4}}))
    assert first.link is not None
    (same, moved) = (
        run(
            first.link,
            entity="payment",
            key=Key(id="p1", originator="order 1"),
            within={"orderId": order},
            fields={"sum": 1},
            **given,
        )
        for order in (9, 10)
    )
    assert same.done == {"id": "4", "action": "unchanged"} and asked(moved) == "sale.payment.update"


# -- once


def test_once_leaves_what_is_linked() -> None:
    upsert = run(known(hash="other", version=9), once=True, version=3, title="x")
    assert (upsert.command, upsert.done, upsert.link) == (None, {"id": "5", "action": "found"}, None)


def test_once_leaves_what_is_found() -> None:
    """Its link says nothing of the content: the next one that knows it gives it."""
    upsert = run(once=True, version=3)
    upsert.take(executed([row(5), row(6)]))
    assert upsert.done == {"id": "5", "action": "found", "doubles": ["6"]} and upsert.link == known()
    assert asked(run(known(), version=3)) == "crm.company.update"


def test_once_adds_what_is_not_there() -> None:
    upsert = run(once=True, version=3, title="ACME")
    upsert.take(executed([]))
    assert asked(upsert) == "crm.company.add"
    upsert.take(executed(5))
    assert upsert.done == {"id": "5", "action": "added"} and upsert.link == known(title="ACME")


def test_once_of_unknown_outcome_is_looked_up() -> None:
    upsert = run(once=True)
    upsert.take(executed([]))
    upsert.take(Unclear(unknown(), START))
    assert asked(upsert) == "crm.company.list" and upsert.due == START + LIMIT
    upsert.take(executed([row(5)]))
    assert upsert.done == {"id": "5", "action": "added"} and upsert.link == known()


def test_once_after_a_crash() -> None:
    for added, action in ((True, "added"), (False, "found")):
        upsert = run(once=True)
        upsert.was_sent(START, added=added)
        assert upsert.due == START + LIMIT
        upsert.take(executed([row(5)]))
        assert upsert.done == {"id": "5", "action": action} and upsert.link == known()


# -- new


def test_new_is_added_without_a_look() -> None:
    upsert = run(new=True)
    assert asked(upsert) == "crm.company.add" and upsert.adds
    upsert.take(executed(5))
    assert upsert.done == {"id": "5", "action": "added"} and upsert.is_new


def test_new_of_unknown_outcome_is_looked_up() -> None:
    upsert = run(new=True)
    upsert.take(Unclear(unknown(), START))
    assert asked(upsert) == "crm.company.list" and upsert.due == START + LIMIT
    upsert.take(executed([]))
    assert asked(upsert) == "crm.company.add"
    upsert.take(Unclear(unknown(), START))
    upsert.take(executed([row(5)]))
    assert upsert.done == {"id": "5", "action": "added"} and not upsert.is_new


@pytest.mark.parametrize("added", [True, False])
def test_new_after_a_crash_is_looked_up(added: bool) -> None:
    upsert = run(new=True)
    upsert.was_sent(START, added=added)
    assert asked(upsert) == "crm.company.list" and upsert.due == START + LIMIT
    upsert.take(executed([row(5)]))
    assert upsert.done == {"id": "5", "action": "added"} if added else asked(upsert) == "crm.company.update"


def test_new_that_is_linked_is_no_more_new() -> None:
    """The plan was sent twice."""
    assert run(known(hash=HASH), new=True).done == {"id": "5", "action": "unchanged"}
    assert asked(run(known(hash="other"), new=True)) == "crm.company.update"


def test_new_of_a_rule_is_added_whatever_the_links_say() -> None:
    """The rule has seen the list: what the link leads to is not in it."""
    upsert = run(known(hash=HASH), new=True, was_listed=True)
    assert asked(upsert) == "crm.company.add"
    assert upsert.forget == [("company", COMPANY)], "a find after a lost answer must not meet what is gone"
    upsert.take(executed(8))
    assert upsert.link == known(8, hash=HASH)
    assert run(known(hash=HASH), was_listed=True).done is not None


# -- alias and title


def test_an_alias_is_linked_with_what_was_added() -> None:
    upsert = run(alias=Key(id="acme"), title="ACME", version=3)
    upsert.take(executed([]))
    assert upsert.alias is None
    upsert.take(executed(5))
    assert upsert.link == known(hash=HASH, version=3, title="ACME") and upsert.alias == alias()


def test_an_alias_is_linked_with_what_was_found_before_it_is_changed() -> None:
    upsert = run(alias=Key(id="acme"))
    upsert.take(executed([row(5)]))
    assert (upsert.link, upsert.alias) == (known(), alias()) and asked(upsert) == "crm.company.update"


@pytest.mark.parametrize(("there", "made"), [([], alias()), ([alias()], None), ([alias(4)], alias())])
@pytest.mark.parametrize("once", [True, False])
def test_an_alias_that_is_missing_is_linked_though_nothing_has_changed(there: Any, made: Any, once: bool) -> None:
    upsert = run(known(hash=HASH), *there, alias=Key(id="acme"), once=once)
    assert upsert.command is None and upsert.link is None and upsert.alias == made


def test_an_old_version_links_no_alias() -> None:
    assert run(known(hash="x", version=9), alias=Key(id="acme"), version=3).alias is None


def test_an_alias_of_what_was_deleted_is_forgotten() -> None:
    upsert = run(known(hash="x"), alias(), alias=Key(id="acme"))
    upsert.take(Refused(refusal("Company is not found")))
    assert upsert.forget == [("company", COMPANY), ("alias:company", "acme")]
    upsert = run(known(hash="x"), alias(4), alias=Key(id="acme"))
    upsert.take(Refused(refusal("Company is not found")))
    assert upsert.forget == [("company", COMPANY)], "it leads to another"


@pytest.mark.parametrize(
    ("before", "title", "written"),
    [(None, "ACME", "ACME"), ("ACME", "ACME", None), ("old", "ACME", "ACME"), ("ACME", None, None)],
)
def test_a_title_that_has_changed_is_noted_without_a_call(before: Any, title: Any, written: Any) -> None:
    upsert = run(known(hash=HASH, version=2, title=before), title=title)
    assert upsert.done == {"id": "5", "action": "unchanged"} and upsert.command is None
    assert upsert.link == (None if written is None else known(hash=HASH, version=2, title=written))


def test_a_title_stays_when_nobody_says_another() -> None:
    upsert = run(known(hash="x", title="ACME"))
    upsert.take(executed(True))
    assert upsert.link == known(hash=HASH, title="ACME")


# -- force


def test_force_gives_the_same_content_again() -> None:
    upsert = run(known(hash=HASH), force=True)
    assert asked(upsert) == "crm.company.update"
    assert run(known(hash=HASH, version=9), force=True, version=3).done == {"id": "5", "action": "stale"}
    assert run(known(hash=HASH), force=True, once=True).done == {"id": "5", "action": "found"}


# -- whole plans


def one(**given: Any) -> Plan:
    return Plan(steps=(UpsertStep(**{"name": "s", "entity": "company", "key": KEY, "fields": FIELDS, **given}),))


@pytest.mark.parametrize("fate", ["done", "done but lost", "done late", "crash, done late", "lost"])
@pytest.mark.parametrize("point", range(12))
@pytest.mark.parametrize("given", [{"once": True}, {"new": True}, {"alias": Key(id="acme"), "title": "ACME"}], ids=str)
def test_a_crash_anywhere(given: dict[str, Any], point: int, fate: str) -> None:
    crashes, writes = script(*["no"] * point, "yes", what="crash"), script(fate)
    world = World(lambda what, options: (crashes if what == "crash" else writes)(what, options))
    world.plan(one(**given))
    again = steps_of(world.plan(one(**given), "r2").reply)["s"]
    world.finish()
    (made,) = world.portal.rows("company")
    assert again == {"id": str(made["ID"]), "action": "found" if "once" in given else "unchanged"}
    link = world.links["company", COMPANY]
    assert (link.id, link.hash) == (str(made["ID"]), None if "once" in given else HASH)
    if "alias" in given:
        assert world.links["alias:company", "acme"].id == link.id and link.title == "ACME"


def orders(*codes: str) -> Plan:
    """Two orders whose payments have the same ids."""
    builder = PlanBuilder()
    for code in codes:
        order = builder.upsert(f"order{code}", "order", Key(id=code), {"lid": "s1"}, after=[])
        builder.upsert(
            f"payment{code}",
            "payment",
            Key(id="p1", originator=code),
            {"sum": code},
            within={"orderId": order.id},
            after=[],
        )
    return builder.build()


@pytest.mark.parametrize("look", ["alone", "with others"])
@pytest.mark.parametrize("point", range(14))
def test_the_same_id_in_two_places(point: int, look: str) -> None:
    crashes = script(*["no"] * point, "yes", what="crash")
    world = World(lambda what, options: look if what == "look-up" else crashes(what, options))
    world.plan(orders("1", "2"))
    world.links.clear()
    world.plan(orders("1", "2"), "r2")
    payments = {row["sum"]: row["orderId"] for row in world.portal.rows("payment")}
    owners = {row["xmlId"]: row["ID"] for row in world.portal.rows("order")}
    assert payments == owners and len(world.portal.rows("payment")) == 2
