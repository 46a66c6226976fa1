"""pipeline/portal/links/parts.py, and how the table keeps parts beside links."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.errors import Transient
from pipeline.delivery.tables import DurableTable
from pipeline.portal.links.keys import external_key, read_link_place
from pipeline.portal.links.parts import PartNote, part_place, part_prefix
from pipeline.portal.links.store import Link, Links, read_row
from tests.unit.portal.fakes import MemoryTable, settle

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


@pytest.fixture
def links(table: MemoryTable) -> Links:
    return Links(cast(DurableTable, table))


def note(external: str = "e1", part: str = "rows", **more: Any) -> PartNote:
    return PartNote("main", "deal", external, part, **{"id": "17", "hash": "h", **more})


def link(external: str = "e1", id: str = "17") -> Link:
    return Link("main", "deal", external, id)


@given(one=st.tuples(TEXT, TEXT, TEXT), other=st.tuples(TEXT, TEXT, TEXT))
def test_parts_of_two_objects_do_not_run_into_each_other(one: Any, other: Any) -> None:
    place = part_place(*one, "rows")
    assert place.startswith(part_prefix(*one)) and read_link_place(place) is None
    assert place.startswith(part_prefix(*other)) is (one == other)


async def test_what_is_noted_is_there(links: Links, table: MemoryTable) -> None:
    await links.put_parts(0, [note(version=3), note(part="prices", hash="p")])
    assert links.part(0, "main", "deal", "e1", "rows") == note(version=3)
    assert links.part(0, "main", "deal", "e1", "prices") == note(part="prices", hash="p")
    assert links.part(0, "main", "deal", "e1", "phones") is None
    (rows, prices) = sorted((key, orjson.loads(value)) for (_, key), value in table.rows.items())[::-1]
    assert rows[0] == b"p/main/deal/e1/rows" and set(rows[1]) == {"id", "hash", "version", "at"}
    assert "version" not in prices[1]


async def test_parts_are_no_links(links: Links, table: MemoryTable) -> None:
    await links.put(0, link())
    await links.put_parts(0, [note()])
    assert [found for (_, key), value in table.rows.items() if (found := read_row(key, value))] == [link()]


async def test_a_link_that_is_dropped_takes_its_parts_along(links: Links, table: MemoryTable) -> None:
    other = external_key("e1", "rows")
    for external, number in (("e1", "17"), (other, "18"), ("e1/rows", "19")):
        await links.put(0, link(external, number))
        await links.put_parts(0, [note(external, id=number), note(external, "prices", id=number)])
    assert await links.drop(0, "main", "deal", "e1")
    parts = {key for _, key in table.rows if key.startswith(b"p/")}
    assert len(parts) == 4 and not any(key.startswith(part_prefix("main", "deal", "e1")) for key in parts)


async def test_so_does_one_whose_object_got_another_key(links: Links) -> None:
    """Else the old key, come back, would pass for what was given under the new one."""
    await links.put(0, link("e1"))
    await links.put_parts(0, [note("e1")])
    await links.put(0, link("e2"))
    await links.put(0, link("e1"))
    assert links.part(0, "main", "deal", "e1", "rows") is None


async def test_it_is_durable_when_the_call_returns(links: Links, table: MemoryTable) -> None:
    table.gate.clear()
    writing = asyncio.create_task(links.put_parts(0, [note()]))
    await settle()
    assert not writing.done()
    table.gate.set()
    await writing


async def test_kafka_away(links: Links, table: MemoryTable) -> None:
    table.errors.append(Transient("away"))
    with pytest.raises(Transient):
        await links.put_parts(0, [note()])
    await links.put_parts(0, [note()])
    assert links.part(0, "main", "deal", "e1", "rows") == note()
