"""Links from a portal: every object once, the oldest of doubles, and no page twice."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.portal.entities import entity
from pipeline.portal.links.kafka import LinksError
from pipeline.portal.links.keys import external_key
from pipeline.portal.links.rebuild import Rebuild
from pipeline.portal.links.store import Link


class Portal:
    """A list method over rows, as the portal does it: 50 a page, filter by `>ID`, total with start=0 only."""

    def __init__(self, name: str, rows: list[dict[str, Any]]) -> None:
        self.entity = entity(name)
        self.rows = rows
        self.calls: list[dict[str, Any]] = []

    async def __call__(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        assert method == self.entity.list_method
        assert params["order"] == {self.entity.id_field: "ASC"}
        self.calls.append(params)
        after = int(params["filter"].get(f">{self.entity.id_field}", 0))
        wanted = params["filter"].get(self.entity.originator_field)
        found = [row for row in self.rows if int(row[self.entity.id_field]) > after]
        found = [row for row in found if wanted is None or row[self.entity.originator_field] == wanted]
        page: Any = found[:50]
        key = self.entity.rows_key
        return {"result": {key: page} if key else page, "total": len(found) if params["start"] == 0 else 0}


def company(number: int, external: str | None, originator: str | None = None) -> dict[str, Any]:
    return {"ID": str(number), "ORIGIN_ID": external, "ORIGINATOR_ID": originator}


async def collected(run: Rebuild) -> dict[str, str]:
    return {link.external: link.id async for page in run.pages() for link in page.links}


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 120])
async def test_every_object_once(count: int) -> None:
    portal = Portal("company", [company(number * 3, f"e{number}") for number in range(1, count + 1)])
    run = Rebuild(portal, "main", portal.entity)
    assert await collected(run) == {f"e{number}": str(number * 3) for number in range(1, count + 1)}
    assert (run.read, run.linked, run.total, run.last) == (count, count, count, count * 3)
    assert [call["start"] for call in portal.calls] == [0] + [-1] * (len(portal.calls) - 1)


async def test_numbers_are_told_apart_as_numbers() -> None:
    """As text, 9 comes after 10."""
    portal = Portal("product:23", [{"id": number, "xmlId": f"e{number}", "iblockId": 23} for number in range(1, 121)])
    assert len(await collected(Rebuild(portal, "main", portal.entity))) == 120


async def test_objects_without_an_external_id_are_read_over() -> None:
    portal = Portal("company", [company(1, None), company(2, ""), company(3, "e")])
    run = Rebuild(portal, "main", portal.entity)
    assert await collected(run) == {"e": "3"}
    assert (run.read, run.linked) == (3, 1)


async def test_a_page_without_a_link_does_not_end_it() -> None:
    portal = Portal("company", [company(number, None) for number in range(1, 101)] + [company(101, "e")])
    assert await collected(Rebuild(portal, "main", portal.entity)) == {"e": "101"}


async def test_the_oldest_of_doubles_is_linked() -> None:
    rows = [company(number, f"e{number}", "site") for number in range(1, 61)]
    rows += [company(70, "e5", "site"), company(71, "e5", "site"), company(72, "e6", "1c"), company(73, "e7", None)]
    portal = Portal("company", rows)
    run = Rebuild(portal, "main", portal.entity)
    links = await collected(run)
    assert links[external_key("site", "e5")] == "5"
    assert links[external_key("1c", "e6")] == "72" and links["e7"] == "73", "another originator is no double"
    assert run.doubles == {external_key("site", "e5"): ["5", "70", "71"]}
    assert run.linked == 62


async def test_an_originator_alone() -> None:
    portal = Portal("deal", [company(1, "e", "site"), company(2, "e", "1c"), company(3, "f", None)])
    assert await collected(Rebuild(portal, "main", portal.entity, "1c")) == {external_key("1c", "e"): "2"}
    assert portal.calls[0]["filter"]["ORIGINATOR_ID"] == "1c"
    with pytest.raises(LinksError, match="originator"):
        Rebuild(portal, "main", entity("order"), "1c")


async def test_going_on_knows_what_was_linked_before() -> None:
    rows = [company(number, f"e{number}") for number in range(1, 81)] + [company(90, "e7"), company(91, "e80")]
    portal = Portal("company", rows)
    first = Rebuild(portal, "main", portal.entity)
    done: list[Link] = []
    async for page in first.pages():
        done += page.links
        if page.read == 82:
            break
    assert first.last == 50, "the page that was not finished is read again"
    second = Rebuild(portal, "main", portal.entity, from_id=first.last, known=done)
    assert len(await collected(second)) == 30
    assert second.total == 32
    assert second.doubles == {"e7": ["7", "90"], "e80": ["80", "91"]}


async def test_a_link_to_a_later_object_is_not_taken_for_an_earlier_one() -> None:
    """What stands in the table may be wrong: that is why somebody rebuilds."""
    portal = Portal("company", [company(60, "e"), company(61, "f")])
    known = [Link("main", "company", "e", "61"), Link("main", "company", "f", "old")]
    run = Rebuild(portal, "main", portal.entity, from_id=50, known=known)
    assert await collected(run) == {"e": "60", "f": "61"}
    assert run.doubles == {}


@pytest.mark.parametrize("result", [[company(3, "a")], [company(9, "a"), company(9, "a")]])
async def test_a_list_that_does_not_go_on_is_no_endless_loop(result: list[dict[str, Any]]) -> None:
    calls = 0

    async def call(method: str, params: dict[str, Any]) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        assert calls < 3, "it goes round and round"
        return {"result": result, "total": 1}

    run = Rebuild(call, "main", entity("company"), from_id=5)
    with pytest.raises(LinksError, match="does not go on"):
        await collected(run)


@pytest.mark.parametrize("id", [None, "", "x", True, -1])
async def test_a_row_without_a_number(id: Any) -> None:
    async def call(method: str, params: dict[str, Any]) -> dict[str, Any]:
        return {"result": [{"ID": id, "ORIGIN_ID": "e"}]}

    with pytest.raises(LinksError, match="without a number"):
        await collected(Rebuild(call, "main", entity("company")))


async def test_an_external_id_that_cannot_be_linked_is_told() -> None:
    portal = Portal("company", [company(1, "a\x1fb"), company(2, "c")])
    run = Rebuild(portal, "main", portal.entity)
    assert await collected(run) == {"c": "2"}
    assert run.unfit == ["1"]


def test_values_of_list_properties_are_not_rebuilt() -> None:
    """Their keys name the property, which no list of values tells."""
    with pytest.raises(LinksError, match="keys of enum:23 name what its objects lie in"):
        Rebuild(Portal("enum:23", []), "main", entity("enum:23"))
