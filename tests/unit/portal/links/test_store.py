"""pipeline/portal/links/store.py: both directions stay one, whatever moves and whatever a crash leaves half done."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.errors import Transient
from pipeline.delivery.ownership import Lost
from pipeline.delivery.tables import DurableTable
from pipeline.portal.links.keys import external_key, id_place, link_place, link_prefix, read_link_place, split_external
from pipeline.portal.links.store import Link, Links, read_row
from tests.unit.portal.fakes import MemoryTable, settle

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x1f"), min_size=1)


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


@pytest.fixture
def links(table: MemoryTable) -> Links:
    return Links(cast(DurableTable, table))


def link(external: str = "e1", id: str = "17", **more: Any) -> Link:
    return Link("main", "deal", external, id, **more)


def held(table: MemoryTable) -> dict[str, str]:
    """External key -> id, and the way back, as the rows say it."""
    rows = {}
    for (_, key), value in table.rows.items():
        found = read_row(key, value)
        rows[key.decode()] = found.id if found else value.decode()
    return rows


# -- keys


@given(portal=TEXT, entity=TEXT, external=TEXT)
def test_a_key_says_what_it_was_made_of(portal: str, entity: str, external: str) -> None:
    key = link_place(portal, entity, external)
    assert read_link_place(key) == (portal, entity, external)
    assert key.startswith(link_prefix(portal, entity)) and key.startswith(link_prefix(portal))
    assert read_link_place(id_place(portal, entity, external)) is None


def test_names_with_slashes_do_not_run_into_each_other() -> None:
    places = {
        link_place(*names) for names in [("a/b", "c", "d"), ("a", "b/c", "d"), ("a", "b", "c/d"), ("a%2Fb", "c", "d")]
    }
    assert len(places) == 4
    assert not link_place("main2", "deal", "1").startswith(link_prefix("main"))
    assert not link_place("main", "deal2", "1").startswith(link_prefix("main", "deal"))


@given(originator=st.none() | TEXT, external=TEXT)
def test_an_external_key_holds_its_originator(originator: str | None, external: str) -> None:
    assert split_external(external_key(originator, external)) == (originator, external)


def test_external_keys_of_two_originators_differ() -> None:
    assert len({external_key(None, "1"), external_key("site", "1"), external_key("1c", "1")}) == 3
    assert external_key("", "1") == external_key(None, "1")


@pytest.mark.parametrize(("originator", "external"), [(None, ""), (None, "a\x1fb"), ("a\x1f", "b")])
def test_what_is_no_external_key(originator: str | None, external: str) -> None:
    with pytest.raises(ValueError):
        external_key(originator, external)


# -- both directions


async def test_a_link_is_found_both_ways(links: Links) -> None:
    made = link("Заказ/№ 5%2F", "17", hash="abc", version=3)
    await links.put(4, made)
    assert links.get(4, "main", "deal", "Заказ/№ 5%2F") == made
    assert links.by_id(4, "main", "deal", "17") == made
    assert links.get(4, "main", "deal", "17") is None and links.get(4, "main", "lead", "Заказ/№ 5%2F") is None
    assert links.get(5, "main", "deal", "Заказ/№ 5%2F") is None


@pytest.mark.parametrize("version", [None, 0, 7, "7", "2024-05-01T00:00:00"])
async def test_a_version_keeps_its_type(links: Links, version: int | str | None) -> None:
    await links.put(0, link(version=version))
    found = links.get(0, "main", "deal", "e1")
    assert found is not None and found.version == version and type(found.version) is type(version)


async def test_an_external_id_moves_to_another_object(links: Links, table: MemoryTable) -> None:
    await links.put(0, link("e1", "17"))
    await links.put(0, link("e1", "18"))
    assert held(table) == {"l/main/deal/e1": "18", "i/main/deal/18": "e1"}


async def test_an_object_moves_to_another_external_id(links: Links, table: MemoryTable) -> None:
    await links.put(0, link("e1", "17"))
    await links.put(0, link("e2", "17"))
    assert held(table) == {"l/main/deal/e2": "17", "i/main/deal/17": "e2"}


async def test_two_links_change_places(links: Links, table: MemoryTable) -> None:
    await links.put_many(0, [link("e1", "1"), link("e2", "2")])
    await links.put_many(0, [link("e1", "2"), link("e2", "1")])
    assert held(table) == {
        "l/main/deal/e1": "2",
        "i/main/deal/2": "e1",
        "l/main/deal/e2": "1",
        "i/main/deal/1": "e2",
    }


@given(moves=st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("1234"), st.booleans())))
def test_one_external_key_has_one_id_and_one_id_one_external_key(moves: list[tuple[str, str, bool]]) -> None:
    async def run() -> None:
        table = MemoryTable()
        links = Links(cast(DurableTable, table))
        for external, id, drops in moves:
            if drops:
                await links.drop(0, "main", "deal", external)
            else:
                await links.put(0, link(external, id))
        forth = {key.split("/")[-1]: value for key, value in held(table).items() if key.startswith("l/")}
        back = {key.split("/")[-1]: value for key, value in held(table).items() if key.startswith("i/")}
        assert {id: external for external, id in forth.items()} == back
        assert len(forth) == len(back)

    asyncio.run(run())


async def test_a_drop_forgets_both_directions(links: Links, table: MemoryTable) -> None:
    await links.put_many(0, [link("e1", "1"), link("e2", "2")])
    assert await links.drop(0, "main", "deal", "e1")
    assert held(table) == {"l/main/deal/e2": "2", "i/main/deal/2": "e2"}
    assert not await links.drop(0, "main", "deal", "e1")


async def test_what_stands_there_is_not_written_again(links: Links, table: MemoryTable) -> None:
    assert await links.put_many(0, [link(hash="a"), link(hash="a")]) == 2, "the first is not durable yet"
    written = len(table.log)
    assert await links.put_many(0, [link(hash="a")]) == 0
    assert len(table.log) == written
    assert await links.put_many(0, [link(hash="b")]) == 1


# -- crashes and failures


@pytest.mark.parametrize("survived", range(4))
async def test_a_put_that_was_cut_off_is_mended_by_the_next(table: MemoryTable, links: Links, survived: int) -> None:
    """e1 -> 1 and e2 -> 2 become e1 -> 2; only the first `survived` of its rows reach the changelog."""
    await links.put_many(0, [link("e1", "1"), link("e2", "2")])
    before = dict(table.rows)
    written = len(table.log)
    await links.put(0, link("e1", "2"))
    rows = table.log[written:]
    assert len(rows) == 4
    table.rows = before
    table._store(0, rows[:survived])
    forth = [value for key, value in held(table).items() if key.startswith("l/")]
    assert len(forth) == len(set(forth)), "two external ids for one object"
    again = Links(cast(DurableTable, table))
    for id in ("1", "2"):
        found = again.by_id(0, "main", "deal", id)
        assert found is None or found.id == id
    await again.put(0, link("e1", "2"))
    assert held(table) == {"l/main/deal/e1": "2", "i/main/deal/2": "e1"}


async def test_a_way_back_that_is_stale_leads_nowhere(table: MemoryTable, links: Links) -> None:
    await links.put(0, link("e1", "1"))
    before = dict(table.rows)
    await links.put(0, link("e1", "2"))
    table.rows = before | table.rows
    assert links.by_id(0, "main", "deal", "1") is None
    assert links.by_id(0, "main", "deal", "2") == link("e1", "2")


@pytest.mark.parametrize("error", [Lost("gone"), Transient("slow")])
async def test_errors_of_the_table_come_through(table: MemoryTable, links: Links, error: Exception) -> None:
    table.errors.append(error)
    with pytest.raises(type(error)):
        await links.put_many(0, [link("e1", "1"), link("e2", "2")])
    table.errors.append(error)
    with pytest.raises(type(error)):
        await links.put(0, link())
    await links.put(0, link())
    table.errors.append(error)
    with pytest.raises(type(error)):
        await links.drop(0, "main", "deal", "e1")


async def test_what_is_only_on_its_way_does_not_count_as_written(table: MemoryTable, links: Links) -> None:
    table.gate.clear()
    first = asyncio.create_task(links.put_many(0, [link()]))
    await settle()
    second = asyncio.create_task(links.put_many(0, [link()]))
    await settle()
    assert not first.done() and not second.done()
    table.gate.set()
    assert (await first, await second) == (1, 1)
    assert await links.put_many(0, [link()]) == 0


async def test_a_put_that_was_given_up_is_forgotten(table: MemoryTable, links: Links) -> None:
    table.gate.clear()
    task = asyncio.create_task(links.put_many(0, [link()]))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    table.gate.set()
    assert links._writing == {}
