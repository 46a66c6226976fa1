"""pipeline/portal/steps/find.py: links first, then the portal, then waiting; what is found becomes a link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.delivery.errors import Permanent
from pipeline.portal.links.keys import alias_entity, external_key
from pipeline.portal.links.store import Link
from pipeline.portal.plan import FindStep, Key
from pipeline.portal.steps.command import Refused
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.find import FindRun
from tests.unit.portal.steps.world import START, executed, refusal

GOODS = "product:23"
Links = dict[tuple[str, str], Link]


def link(external: str, number: int, entity: str = GOODS, **more: Any) -> Link:
    return Link("main", entity, external, str(number), **more)


def linked(*links: Link) -> Links:
    return {(one.entity, one.external): one for one in links}


def begin(
    *keys: str | Key,
    entity: str = GOODS,
    links: Links | None = None,
    within: dict[str, Any] | None = None,
    scale: float = 1.0,
    **given: Any,
) -> FindRun:
    there = {} if links is None else links
    step = FindStep(
        name="goods",
        entity=entity,
        keys=tuple(Key(id=key) if isinstance(key, str) else key for key in keys),
        within=within or {},
        **given,
    )
    env = Env("main", lambda entity, external: there.get((entity, external)), scale=scale)
    return FindRun(step, within or {}, env, accepted=START)


def asked(run: FindRun) -> Any:
    assert run.command is not None and not run.command.write
    return run.command.name, run.command.params["filter"]


def rows(*found: tuple[int, str, str]) -> Any:
    """(id, xmlId, name)"""
    return executed({"products": [{"id": number, "xmlId": key, "name": name} for number, key, name in found]})


# -- links


def test_what_the_links_know_makes_no_call() -> None:
    bolt = link("a", 5, hash="h", version=3, title="Bolt")
    run = begin("a", "a", links=linked(bolt))
    assert run.command is None and run.links == []
    assert run.done == {"found": [{"id": "5", "title": "Bolt"}] * 2, "missing": 0}


def test_no_key_is_an_answer() -> None:
    assert begin().done == {"found": [], "missing": 0}


def test_an_entity_without_a_title_needs_none() -> None:
    key = Key(id="7", originator="site")
    run = begin(key, entity="company", links=linked(link(external_key("site", "7"), 5, "company")))
    assert run.done == {"found": [{"id": "5"}], "missing": 0}


def test_an_alias_is_known_to_the_links_alone() -> None:
    run = begin("a", "b", by_alias=True, links=linked(link("a", 5, alias_entity(GOODS))))
    assert run.command is None and run.done == {"found": [{"id": "5"}, None], "missing": 1}


# -- the portal


def test_what_has_no_link_is_looked_up_and_linked() -> None:
    run = begin("a", "b", "c", links=linked(link("c", 9, title="Nut")))
    assert asked(run) == ("catalog.product.list", {"iblockId": 23, "xmlId": ["a", "b"]})
    assert run.command is not None and "name" in run.command.params["select"]
    run.take(rows((5, "b", "Bolt")))
    assert run.done == {"found": [None, {"id": "5", "title": "Bolt"}, {"id": "9", "title": "Nut"}], "missing": 1}
    assert run.links == [link("b", 5, title="Bolt")]
    assert (run.links[0].hash, run.links[0].version) == (None, None)


def test_a_link_gets_its_title_and_keeps_the_rest() -> None:
    run = begin("a", links=linked(link("a", 5, hash="h", version=3)))
    assert asked(run) == ("catalog.product.list", {"iblockId": 23, "xmlId": "a"})
    run.take(rows((5, "a", "Bolt")))
    assert run.links == [link("a", 5, hash="h", version=3, title="Bolt")]
    assert run.done == {"found": [{"id": "5", "title": "Bolt"}], "missing": 0}


@pytest.mark.parametrize("found", [(), ((7, "a", "Another"),)])
def test_the_id_of_a_link_is_believed(found: Any) -> None:
    """It may have been imported for an object that has no such external id."""
    run = begin("a", links=linked(link("a", 5)))
    run.take(rows(*found))
    assert run.done == {"found": [{"id": "5"}], "missing": 0} and run.links == []


def test_what_was_linked_meanwhile_is_not_covered() -> None:
    links: Links = {}
    run = begin("a", links=links)
    links[GOODS, "a"] = link("a", 5, hash="h", version=3)
    run.take(rows((4, "a", "Double"), (5, "a", "Bolt")))
    assert run.links == [link("a", 5, hash="h", version=3, title="Bolt")]


def test_of_several_the_oldest(caplog: pytest.LogCaptureFixture) -> None:
    run = begin("a")
    run.take(rows((20, "a", "x"), (100, "a", "y"), (3, "A", "another")))
    assert run.done == {"found": [{"id": "20", "title": "x"}], "missing": 0}
    assert "'a' exists 2 times: 20 is used, the others are 100" in caplog.text


def test_many_keys_are_asked_for_by_fifties() -> None:
    run = begin(*(f"k{n}" for n in range(120)))
    counts = []
    while run.command is not None:
        counts.append(len(asked(run)[1]["xmlId"]))
        run.take(rows())
    assert counts == [50, 50, 20] and run.done is not None and run.done["missing"] == 120


def test_originators_are_asked_for_apart() -> None:
    keys = (Key(id="1", originator="site"), Key(id="1", originator="1c"), Key(id="2", originator="site"))
    run = begin(*keys, entity="company")
    assert asked(run)[1] == {"@ORIGIN_ID": ["1", "2"], "ORIGINATOR_ID": "site"}
    run.take(executed([{"ID": "5", "ORIGIN_ID": "1", "ORIGINATOR_ID": "site"}]))
    assert asked(run)[1] == {"ORIGIN_ID": "1", "ORIGINATOR_ID": "1c"}
    run.take(executed([]))
    assert run.done == {"found": [{"id": "5"}, None, None], "missing": 2}
    assert [one.external for one in run.links] == [external_key("site", "1")]


def test_what_a_full_page_may_hide_is_asked_for_alone() -> None:
    run = begin("a", "b")
    run.take(rows(*((n, "a", "x") for n in range(1, 51))))
    assert asked(run)[1]["xmlId"] == "b"
    run.take(rows((99, "b", "y")))
    assert run.done is not None and [one["id"] for one in run.done["found"]] == ["1", "99"]


def test_a_full_page_of_others_is_an_error() -> None:
    run = begin("b")
    run.take(rows(*((n, "B", "x") for n in range(1, 51))))
    assert isinstance(run.fault, Permanent) and run.command is None and run.done is None


def test_where_it_lies_is_part_of_the_question() -> None:
    keys = [Key(id="red", originator="COLOR")]
    run = begin(*keys, entity="enum:23", within={"propertyId": "77"})
    assert asked(run)[1] == {"propertyId": 77, "xmlId": "red"}
    run.take(executed({"productPropertyEnums": [{"id": 5, "xmlId": "red", "propertyId": 77}]}))
    assert run.links == [link(external_key("COLOR", "red"), 5, "enum:23")]


def test_a_refusal_ends_it() -> None:
    run = begin("a", wait=60)
    run.take(Refused(refusal("no", "ACCESS_DENIED")))
    assert run.fault is not None and run.command is None and not run.waiting


# -- waiting


def waiting(links: Links | None = None, wait: float = 60.0, **given: Any) -> FindRun:
    run = begin("a", "b", links=links, wait=wait, **given)
    run.take(rows((5, "a", "Bolt")))
    assert run.waiting and run.command is None and run.done is None
    return run


def pauses(run: FindRun, now: float = START) -> list[float]:
    """Between looks, until something else is due than a look."""
    found = []
    while run.waiting:
        run.look(now)
        if run.waiting:
            found.append(round(run.due - now, 3))
            now = run.due
    return found


def test_it_asks_the_links_with_growing_pauses() -> None:
    run = waiting(wait=20)
    assert pauses(run) == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 3.8]
    assert asked(run)[1]["xmlId"] == "b", "at its end the portal once more"
    run.take(rows())
    assert run.done == {"found": [{"id": "5", "title": "Bolt"}, None], "missing": 1} and not run.waiting


def test_the_pauses_of_a_scaled_portal_are_shorter() -> None:
    assert pauses(waiting(wait=0.5, scale=10))[:7] == [0.02, 0.04, 0.08, 0.16, 0.2]


def test_it_is_asked_no_earlier_than_due() -> None:
    links: Links = {}
    run = waiting(links)
    run.look(START)
    links[GOODS, "b"] = link("b", 6, title="Nut")
    run.look(START + 0.1)
    assert run.waiting
    run.look(START + 0.2)
    assert run.done == {"found": [{"id": "5", "title": "Bolt"}, {"id": "6", "title": "Nut"}], "missing": 0}


def test_what_was_linked_without_a_title_is_asked_for_it() -> None:
    links: Links = {}
    run = waiting(links)
    links[GOODS, "b"] = link("b", 6, hash="h")
    run.look(START)
    assert asked(run)[1]["xmlId"] == "b" and not run.waiting
    run.take(rows((6, "b", "Nut")))
    assert run.done is not None and run.done["found"][1] == {"id": "6", "title": "Nut"}
    assert run.links[-1] == link("b", 6, hash="h", title="Nut")


def test_what_the_portal_shows_at_the_end_is_found() -> None:
    run = waiting(wait=1)
    pauses(run)
    run.take(rows((7, "b", "Late")))
    assert run.done is not None and run.done["missing"] == 0 and run.links[-1] == link("b", 7, title="Late")


def test_after_its_time_the_portal_is_asked_once() -> None:
    """A worker that takes over late."""
    run = begin("b", wait=10)
    run.asked_at = START + 11
    run.take(rows())
    run.look(START + 12)
    assert run.done == {"found": [None], "missing": 1}


def test_an_alias_is_waited_for_without_a_call() -> None:
    links: Links = {}
    run = begin("a", by_alias=True, wait=10, links=links)
    assert run.command is None and run.waiting
    run.look(START)
    links[alias_entity(GOODS), "a"] = link("a", 5, alias_entity(GOODS))
    run.look(run.due)
    assert run.done == {"found": [{"id": "5"}], "missing": 0}
    late = begin("a", by_alias=True, wait=10)
    late.look(START + 10)
    assert late.done == {"found": [None], "missing": 1}


def test_only_what_is_missing_is_asked_for_again() -> None:
    seen: list[str] = []

    def watched(there: Links) -> Callable[[str, str], Link | None]:
        def get(entity: str, external: str) -> Link | None:
            seen.append(external)
            return there.get((entity, external))

        return get

    step = FindStep(name="goods", entity=GOODS, keys=(Key(id="a"), Key(id="b")), wait=60)
    run = FindRun(step, {}, Env("main", watched(linked(link("a", 5, title="x")))), accepted=START)
    run.take(rows())
    seen.clear()
    run.look(START)
    assert seen == ["b"]
