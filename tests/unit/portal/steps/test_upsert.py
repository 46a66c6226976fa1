"""pipeline/portal/steps/upsert.py: every arrow of its diagram, and a crash at every point of it."""

from __future__ import annotations

import logging
from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import Permanent, Unknown
from pipeline.portal.links.store import Link
from pipeline.portal.plan import Key, Plan, UpsertStep
from pipeline.portal.steps.call import MOST_TRIES
from pipeline.portal.steps.command import Executed, Refused, Unclear
from pipeline.portal.steps.content import content_hash
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.upsert import UpsertRun
from tests.unit.portal.steps.world import (
    LIMIT,
    START,
    MemoryPortal,
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
NOT_FOUND = refusal("Company is not found")


def run(link: Link | None = None, fields: Any = FIELDS, entity: str = "company", **given: Any) -> UpsertRun:
    options = {name: given.pop(name) for name in ("settle", "add_again") if name in given}
    env = Env("main", lambda entity, external: link, LIMIT, **options)
    key = given.pop("key", KEY)
    return UpsertRun(UpsertStep(name="s", entity=entity, key=key, fields=fields, **given), fields, env)


def known(**given: Any) -> Link:
    return link_of("company", "7", 5, "site", **given)


def asked(upsert: UpsertRun) -> str:
    assert upsert.command is not None
    return upsert.command.name


def row(number: Any, external: str = "7", originator: str = "site") -> dict[str, Any]:
    return {"ID": str(number), "ORIGIN_ID": external, "ORIGINATOR_ID": originator}


# -- the diagram


def test_not_known_and_not_found_it_is_added() -> None:
    upsert = run(version=3)
    assert asked(upsert) == "crm.company.list" and upsert.command is not None and upsert.command.lookup is not None
    assert upsert.command.params["filter"] == {"ORIGIN_ID": "7", "ORIGINATOR_ID": "site"}
    upsert.take(executed([]))
    assert asked(upsert) == "crm.company.add" and upsert.adds
    assert upsert.command.params["fields"] == {**FIELDS, "ORIGIN_ID": "7", "ORIGINATOR_ID": "site"}
    upsert.take(executed(5))
    assert upsert.done == {"id": "5", "action": "added"}
    assert upsert.link == known(hash=content_hash(FIELDS), version=3)


def test_found_it_is_linked_before_it_is_changed() -> None:
    upsert = run()
    upsert.take(executed([row(5)]))
    assert upsert.link == known() and asked(upsert) == "crm.company.update"
    assert upsert.command is not None and upsert.command.params == {"id": 5, "fields": FIELDS}
    upsert.link = None
    upsert.take(executed(True))
    assert upsert.done == {"id": "5", "action": "updated"} and upsert.link == known(hash=content_hash(FIELDS))


def test_unchanged_content_makes_no_call() -> None:
    upsert = run(known(hash=content_hash(FIELDS)))
    assert (upsert.command, upsert.done, upsert.link) == (None, {"id": "5", "action": "unchanged"}, None)


def test_unchanged_content_of_a_newer_version_is_noted() -> None:
    upsert = run(known(hash=content_hash(FIELDS), version=2), version=3)
    assert upsert.command is None and upsert.link == known(hash=content_hash(FIELDS), version=3)


def test_changed_content_is_given() -> None:
    upsert = run(known(hash="other", version=9))
    assert asked(upsert) == "crm.company.update"
    upsert.take(executed(True))
    assert upsert.link == known(hash=content_hash(FIELDS), version=9), "an event without version resets none"


def test_a_hash_of_the_flow_s_own() -> None:
    assert run(known(hash="abc"), hash="abc").done == {"id": "5", "action": "unchanged"}
    assert run(known(hash=content_hash(FIELDS)), hash="abc").command is not None


def test_an_older_version_is_stale() -> None:
    upsert = run(known(hash="other", version="12"), version=9)
    assert (upsert.command, upsert.done, upsert.link) == (None, {"id": "5", "action": "stale"}, None)


def test_deleted_in_the_portal_it_is_added_anew() -> None:
    upsert = run(known(hash="other"))
    upsert.take(Refused(NOT_FOUND))
    assert upsert.forget == [("company", "site\x1f7")] and asked(upsert) == "crm.company.list"
    upsert.take(executed([]))
    upsert.take(executed(6))
    assert upsert.done == {"id": "6", "action": "added"} and upsert.link is not None and upsert.link.id == "6"


def test_deleted_in_the_portal_it_is_an_error_if_so_set() -> None:
    upsert = run(known(hash="other"), add_again=False)
    upsert.take(Refused(NOT_FOUND))
    assert upsert.command is None and isinstance(upsert.fault, Permanent) and upsert.forget


def test_what_the_portal_lists_but_cannot_change_ends_it() -> None:
    """The error may be about something else that was not found: no endless round of look and update."""
    upsert = run(known(hash="other"))
    upsert.take(Refused(fault := refusal("Preset is not found")))
    upsert.take(executed([row(5)]))
    assert upsert.fault is fault and upsert.command is None


def test_deleted_but_there_is_a_double(caplog: pytest.LogCaptureFixture) -> None:
    upsert = run(known(hash="other"))
    with caplog.at_level(logging.WARNING):
        upsert.take(Refused(NOT_FOUND))
        assert caplog.messages == ["portal main: company 5 was deleted; its external id '7' is looked for"]
        upsert.take(executed([row(5), row(8)]))
        assert asked(upsert) == "crm.company.update" and upsert.command is not None and upsert.command.params["id"] == 8
        assert len(caplog.messages) == 1
        upsert.take(executed(True))
    assert caplog.messages[1:] == ["portal main: company 5 was deleted; 8 updated in its place"]


def test_deleted_and_added_anew_is_told_when_it_is_so(caplog: pytest.LogCaptureFixture) -> None:
    upsert = run(known(hash="other"))
    with caplog.at_level(logging.WARNING):
        upsert.take(Refused(NOT_FOUND))
        upsert.take(executed([]))
        assert len(caplog.messages) == 1
        upsert.take(executed(6))
    assert caplog.messages[1:] == ["portal main: company 5 was deleted; 6 added in its place"]


def test_doubles_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    upsert = run()
    with caplog.at_level(logging.WARNING):
        upsert.take(executed([row(10), row(9), row(5), row(4, "7x"), row(3, "7", "other"), {"ORIGIN_ID": "7"}]))
        upsert.take(executed(True))
    assert upsert.done == {"id": "5", "action": "updated", "doubles": ["9", "10"]}
    assert len(caplog.records) == 1 and "9, 10" in caplog.text


def test_an_object_of_another_originator_is_left_alone() -> None:
    upsert = run(key=Key(id="7", originator="site"))
    upsert.take(executed([row(5, "7", "1c"), row(6, "7", "")]))
    assert asked(upsert) == "crm.company.add"


@pytest.mark.parametrize(
    ("rows", "number"),
    [
        ([row(5, "7", "1c"), row(6, "7", "")], 6),
        ([row(5, "7", "1c"), row(4, "7", "old")], 4),
        ([row(5, "8", "")], None),
    ],
)
def test_without_an_originator_any_object_with_that_id_is_meant(rows: Any, number: int | None) -> None:
    """Data of a system that is replaced is taken over; what has no originator goes first."""
    upsert = run(key=Key(id="7"))
    upsert.take(executed(rows))
    assert upsert.command is not None
    assert upsert.command.name == ("crm.company.add" if number is None else "crm.company.update")
    assert upsert.command.params.get("id") == number


def test_an_object_of_any_originator_is_not_what_our_add_has_made() -> None:
    upsert = run(key=Key(id="7"))
    upsert.take(executed([]))
    upsert.take(Unclear(unknown(), START))
    upsert.take(executed([row(5, "7", "1c")]))
    assert asked(upsert) == "crm.company.add"


def test_one_without_an_originator_may_be_hidden_by_a_full_page() -> None:
    upsert = run(key=Key(id="7"))
    upsert.take(executed([row(5, "7", "1c"), *(row(number, "8", "") for number in range(50, 99))]))
    assert asked(upsert) == "crm.company.list" and upsert.command is not None and upsert.command.lookup is None
    upsert.take(executed([row(5, "7", "1c"), row(100, "7", "")]))
    assert upsert.command.params["id"] == 100


def test_a_full_page_of_others_hides_it() -> None:
    page = executed([row(number, "another") for number in range(1, 51)])
    upsert = run()
    upsert.take(page)
    assert asked(upsert) == "crm.company.list" and upsert.command is not None and upsert.command.lookup is None
    upsert.take(page)
    assert isinstance(upsert.fault, Permanent)


@pytest.mark.parametrize(
    ("entity", "rows", "made", "update"),
    [
        ("item:128", {"items": [{"id": 5, "xmlId": "7"}]}, {"item": {"id": 5}}, {"entityTypeId": 128, "id": 5}),
        ("product:23", {"products": [{"id": 5, "xmlId": "7"}]}, {"element": {"id": 5}}, {"id": 5}),
        ("order", {"orders": [{"id": 5, "xmlId": "7"}]}, {"order": {"id": 5}}, {"id": 5}),
        ("requisite", [{"ID": "5", "XML_ID": "7"}], 5, {"id": 5}),
    ],
)
def test_other_entities(entity: str, rows: Any, made: Any, update: Any) -> None:
    found = run(entity=entity, key=Key(id="7"))
    found.take(executed(rows))
    assert found.command is not None and found.command.params == {**update, "fields": FIELDS}
    added = run(entity=entity, key=Key(id="7"))
    added.take(executed([]))
    added.take(executed(made))
    assert added.done == {"id": "5", "action": "added"}


def test_an_add_that_answers_no_id_is_an_error() -> None:
    upsert = run()
    upsert.take(executed([]))
    upsert.take(executed(True))
    assert isinstance(upsert.fault, Permanent)


# -- unknown outcomes


def test_an_add_of_unknown_outcome_is_looked_up() -> None:
    upsert = run()
    upsert.take(executed([]))
    upsert.take(Unclear(unknown(), START))
    assert asked(upsert) == "crm.company.list" and upsert.due == START + LIMIT and upsert.open
    upsert.take(executed([row(5)]))
    assert upsert.done == {"id": "5", "action": "added"} and upsert.link == known(hash=content_hash(FIELDS))


def test_and_added_again_if_it_is_not_there() -> None:
    upsert = run()
    upsert.take(executed([]))
    upsert.take(Unclear(unknown(), START))
    upsert.take(executed([]))
    assert asked(upsert) == "crm.company.add" and upsert.due == 0.0 and not upsert.open


def test_an_update_of_unknown_outcome_is_made_again() -> None:
    upsert = run(known(hash="other"))
    upsert.take(Unclear(unknown(), START))
    assert asked(upsert) == "crm.company.update" and upsert.due == START + LIMIT


def test_a_look_up_that_is_refused() -> None:
    upsert = run()
    upsert.take(Refused(fault := refusal("Access denied")))
    assert upsert.fault is fault and not upsert.unsettled
    upsert = run()
    upsert.take(executed([]))
    upsert.take(Unclear(unknown(), START))
    upsert.take(Refused(refusal("Access denied")))
    assert isinstance(upsert.fault, Unknown) and upsert.unsettled


def test_most_tries() -> None:
    upsert = run(known(hash="other"))
    for number in range(MOST_TRIES + 1):
        assert not upsert.unsettled
        upsert.take(Unclear(unknown(), START + number))
    assert upsert.unsettled and isinstance(upsert.fault, Unknown)


def test_settling_can_be_switched_off() -> None:
    upsert = run(settle=False)
    upsert.take(executed([]))
    upsert.take(Unclear(unknown(), START))
    assert asked(upsert) == "crm.company.add" and upsert.due == 0.0


# -- updates that append


PHONES = {"TITLE": "ACME", "PHONE": [{"VALUE": "+71"}, {"VALUE": "+72"}]}


def test_an_update_gives_only_the_phones_that_are_not_there() -> None:
    upsert = run(known(hash="other"), PHONES)
    assert asked(upsert) == "crm.company.get"
    upsert.take(executed({"ID": "5", "PHONE": [{"ID": "1", "VALUE": "+71", "VALUE_TYPE": "WORK"}]}))
    assert upsert.command is not None and upsert.command.write
    assert upsert.command.params == {"id": 5, "fields": {"TITLE": "ACME", "PHONE": [{"VALUE": "+72"}]}}
    upsert.take(Unclear(unknown(), START))
    assert asked(upsert) == "crm.company.get" and upsert.due == START + LIMIT, "it may have been executed: look again"
    upsert.take(executed({"ID": "5", "PHONE": [{"ID": "1", "VALUE": "+71"}, {"ID": "2", "VALUE": "+72"}]}))
    assert upsert.command.params == {"id": 5, "fields": {"TITLE": "ACME"}}
    upsert.take(executed(True))
    assert upsert.done == {"id": "5", "action": "updated"}


def test_an_update_of_which_nothing_is_left() -> None:
    upsert = run(known(hash="other"), {"PHONE": [{"VALUE": "+71"}]})
    upsert.take(executed({"ID": "5", "PHONE": [{"ID": "1", "VALUE": "+71"}]}))
    assert upsert.done == {"id": "5", "action": "updated"} and upsert.link is not None


def test_a_read_that_finds_nothing_means_deleted() -> None:
    upsert = run(known(hash="other"), PHONES)
    upsert.take(Refused(refusal("Not found")))
    assert upsert.forget and asked(upsert) == "crm.company.list"


# -- a crash at every point


def company(portal: MemoryPortal) -> list[dict[str, Any]]:
    return portal.rows("company", ORIGIN_ID="7")


@pytest.mark.parametrize("fields", [FIELDS, PHONES], ids=["plain", "phones"])
@pytest.mark.parametrize("before", ["nothing", "there", "linked", "deleted"])
@pytest.mark.parametrize("point", range(14))
def test_a_crash_anywhere(point: int, before: str, fields: dict[str, Any]) -> None:
    world = World(script(*["no"] * point, "yes", what="crash"))
    if before in ("there", "linked"):
        world.portal.add("company", START - 999, ORIGIN_ID="7", ORIGINATOR_ID="site", PHONE=[{"VALUE": "+71"}])
    if before in ("linked", "deleted"):
        world.links["company", "site\x1f7"] = link_of("company", "7", 1, "site", hash="other")
    step = UpsertStep(name="s", entity="company", key=KEY, fields=fields)
    course = world.plan(Plan(steps=(step,)))
    (row,) = company(world.portal)
    done = steps_of(course.reply)["s"]
    assert done["id"] == str(row["ID"]) and row["TITLE"] == "ACME"
    link = world.links["company", "site\x1f7"]
    assert (link.id, link.hash) == (str(row["ID"]), content_hash(fields))
    assert world.portal.phones("company", row["ID"]) == (
        ["+71", "+72"] if "PHONE" in fields else ["+71"] if before in ("there", "linked") else []
    )
    adds = [method for method, _ in world.portal.writes if method.endswith(".add")]
    assert len(adds) == (before in ("nothing", "deleted"))


@pytest.mark.parametrize("fate", ["done but lost", "done late", "crash, done late", "lost"])
@pytest.mark.parametrize("before", ["nothing", "linked"])
def test_a_lost_answer_and_a_crash_while_it_is_settled(fate: str, before: str) -> None:
    world = World(script(fate))
    if before == "linked":
        world.portal.add("company", START - 999, ORIGIN_ID="7", ORIGINATOR_ID="site")
        world.links["company", "site\x1f7"] = link_of("company", "7", 1, "site", hash="other")
    course = world.plan(Plan(steps=(UpsertStep(name="s", entity="company", key=KEY, fields=PHONES),)))
    world.finish()
    (row,) = company(world.portal)
    assert steps_of(course.reply)["s"]["id"] == str(row["ID"])
    assert world.portal.phones("company", row["ID"]) == ["+71", "+72"]


def test_a_double_that_stood_there_is_not_taken_for_what_was_added() -> None:
    """A crash after the link was dropped: an update was sent, so what is found then still needs the content."""
    upsert = run()
    upsert.was_sent(START, added=False)
    assert upsert.due == START + LIMIT
    upsert.take(executed([row(8)]))
    assert asked(upsert) == "crm.company.update"
    upsert = run()
    upsert.was_sent(START, added=True)
    upsert.take(executed([row(8)]))
    assert upsert.done == {"id": "8", "action": "added"}


def test_what_the_links_know_needs_no_look_up() -> None:
    upsert = run(known(hash=content_hash(FIELDS)))
    upsert.was_sent(START, added=True)
    assert upsert.done == {"id": "5", "action": "unchanged"}


# -- versions and hashes


@pytest.mark.parametrize(
    ("applied", "version"),
    [(4, "2024-08-30T15:29:05+03:00"), ("2024-08-30T15:29:05+03:00", 4), ("free text of an earlier release", 1)],
)
def test_a_version_of_another_kind_loses_no_update(
    applied: Any, version: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        upsert = run(known(hash="other", version=applied), version=version)
        assert asked(upsert) == "crm.company.update"
        upsert.take(executed(True))
    assert upsert.done == {"id": "5", "action": "updated"}
    assert upsert.link == known(hash=content_hash(FIELDS), version=version)
    (told,) = caplog.messages
    assert repr(applied) in told and repr(version) in told and "cannot be compared" in told


def test_versions_of_one_kind_are_told_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        run(known(hash="other", version=4), version="5").take(executed(True))
        assert run(known(hash="other", version="5"), version=4).done == {"id": "5", "action": "stale"}
    assert not caplog.messages


def test_the_hash_is_of_the_content_alone() -> None:
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": "1"})
    assert content_hash({"a": [1, 2]}) != content_hash({"a": [2, 1]})


def test_the_body_of_the_answer_is_json() -> None:
    assert orjson.loads(executed([row(5)]).body)["result"] and isinstance(executed(1), Executed)
