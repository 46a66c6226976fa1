"""Commands of portal.control: what they write, what they keep, and what is no command."""

from __future__ import annotations

from typing import Any, cast

import orjson
import pytest

from pipeline.delivery.errors import BadInput, Transient
from pipeline.delivery.flow import Event
from pipeline.delivery.tables import DurableTable
from pipeline.portal.control import Control
from pipeline.portal.links.keys import external_key
from pipeline.portal.links.messages import CHUNK, drop_records, put_records
from pipeline.portal.links.store import Link, Links
from pipeline.portal.partition import partition_of
from pipeline.topology import CONTROL
from tests.unit.portal.fakes import MemoryTable

PLACE = partition_of("main")


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


@pytest.fixture
def links(table: MemoryTable) -> Links:
    return Links(cast(DurableTable, table))


@pytest.fixture
def control(links: Links) -> Control:
    return Control({"main": object(), "портал": object()}, links)


async def execute(control: Control, raw: bytes, key: bytes | None = b"main", partition: int | None = None) -> None:
    """As the flow does it."""
    flow = control.flow()
    where = partition if partition is not None else partition_of((key or b"").decode())
    await control.handle(Event(CONTROL, where, 0, key, {}, raw, flow.decode(raw), 0.0))


def command(do: str, *links: dict[str, Any], **more: Any) -> bytes:
    return orjson.dumps({"v": 1, "do": do, "links": list(links), **more})


async def test_links_are_put_and_dropped(control: Control, links: Links, table: MemoryTable) -> None:
    named = {"entity": "deal", "external": "a/б", "originator": "site"}
    one = {**named, "id": "17", "hash": "h", "version": "2024-08-30T15:29:05Z"}
    await execute(control, command("links.put", one, {"entity": "item:128", "external": 5, "id": 18}))
    key = external_key("site", "a/б")
    assert links.get(PLACE, "main", "deal", key) == Link("main", "deal", key, "17", "h", "2024-08-30T15:29:05Z")
    assert links.by_id(PLACE, "main", "item:128", "18") == Link("main", "item:128", "5", "18")
    await execute(control, command("links.drop", {"entity": "deal", "external": "a/б"}))
    assert links.get(PLACE, "main", "deal", key) is not None, "without its originator it is another"
    await execute(control, command("links.drop", {"entity": "deal", "external": "a/б", "originator": "site"}))
    assert links.get(PLACE, "main", "deal", key) is None


@pytest.mark.parametrize(
    ("second", "kept"),
    [
        ({"id": "17"}, ("h", 3)),
        ({"id": "17", "hash": None}, (None, 3)),
        ({"id": "17", "version": 4}, ("h", 4)),
        ({"id": "18"}, (None, None)),
    ],
)
async def test_what_is_not_said_is_kept_for_the_same_object(
    control: Control, links: Links, second: dict[str, Any], kept: tuple[str | None, int | None]
) -> None:
    named = {"entity": "deal", "external": "e"}
    await execute(control, command("links.put", {**named, "id": "17", "hash": "h", "version": 3}))
    await execute(control, command("links.put", {**named, **second}))
    found = links.get(PLACE, "main", "deal", "e")
    assert found is not None and (found.hash, found.version) == kept


async def test_titles_and_aliases(control: Control, links: Links) -> None:
    """A title is kept for the same object; an alias is a link of its own."""
    await links.put(PLACE, Link("main", "product:23", "b1", "17", title="Ball"))
    for number, title in (("17", "Ball"), ("18", None)):
        await execute(control, command("links.put", {"entity": "product:23", "external": "b1", "id": number}))
        found = links.get(PLACE, "main", "product:23", "b1")
        assert found is not None and found.title == title
    alias = {"entity": "alias:product:23", "external": "ball"}
    await execute(control, command("links.put", {**alias, "id": "18"}))
    assert links.get(PLACE, "main", "alias:product:23", "ball") == Link("main", "alias:product:23", "ball", "18")
    await execute(control, command("links.drop", alias))
    assert links.get(PLACE, "main", "alias:product:23", "ball") is None
    with pytest.raises(BadInput, match="no entity 'x'"):
        await execute(control, command("links.put", {"entity": "alias:x", "external": "ball", "id": "18"}))


async def test_the_same_command_twice_changes_nothing(control: Control, table: MemoryTable) -> None:
    raw = command(
        "links.put", {"entity": "deal", "external": "e", "id": "1"}, {"entity": "deal", "external": "f", "id": 2}
    )
    await execute(control, raw)
    written = len(table.log)
    await execute(control, raw)
    assert len(table.log) == written


async def test_within_one_command_the_later_wins(control: Control, links: Links) -> None:
    named = {"entity": "deal", "external": "e"}
    await execute(control, command("links.put", {**named, "id": "1", "hash": "h"}, {**named, "id": "1"}))
    found = links.get(PLACE, "main", "deal", "e")
    assert found is not None and found.hash == "h"


GOOD = {"entity": "deal", "external": "e", "id": "1"}


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", "message: "),
        (b"{", "message: "),
        (b"[]", "message: "),
        (b'{"v": 1}', "'do'"),
        (command("links.move", GOOD), "'links.move'"),
        (command("links.put", GOOD, v=2), "links.put.v: "),
        (command("links.put"), "links.put.links: "),
        (command("links.put", GOOD, extra=1), "links.put.extra: "),
        (command("links.put", GOOD, {**GOOD, "hsah": "x"}), "links.put.links.1.hsah: "),
        (command("links.put", {**GOOD, "external": ""}), "links.put.links.0.external: "),
        (command("links.put", {**GOOD, "external": "a\x1fb"}), "links.put.links.0.external: "),
        (command("links.put", {**GOOD, "originator": "a\x1f"}), "links.put.links.0.originator: "),
        (command("links.put", {**GOOD, "entity": "Deals of mine"}), "links.put.links.0.entity: "),
        (
            command("links.put", GOOD, {**GOOD, "entity": "foo"}),
            "links.put.links.1.entity: no entity 'foo'; known: deal",
        ),
        (command("links.put", {**GOOD, "id": "abc"}), "links.put.links.0.id: a number is wanted"),
        (command("links.put", {**GOOD, "version": "x y"}), "links.put.links.0.version: wanted: an integer"),
        (command("links.put", {"entity": "deal", "external": "e"}), "links.put.links.0.id: "),
        (command("links.put", {**GOOD, "id": 1.5}), "links.put.links.0.id: "),
        (command("links.put", {**GOOD, "id": True}), "links.put.links.0.id: "),
        (command("links.put", {**GOOD, "version": 1.5}), "links.put.links.0.version"),
        (command("links.put", {**GOOD, "version": True}), "links.put.links.0.version"),
        (command("links.put", {**GOOD, "version": 2**63}), "links.put.links.0.version"),
        (command("links.drop", GOOD), "links.drop.links.0.id: "),
        (b'{"v": 1, "do": "links.drop", "links": [{"entity": "deal", "external": "\\ud800"}]}', "message: "),
    ],
)
async def test_what_is_no_command_is_told_with_its_place(control: Control, raw: bytes, fault: str) -> None:
    with pytest.raises(BadInput) as caught:
        await execute(control, raw)
    assert fault in str(caught.value)


async def test_a_link_that_an_earlier_release_let_in_can_be_dropped(control: Control, links: Links) -> None:
    await links.put(PLACE, Link("main", "foo", "e", "abc", None, "x y"))
    await execute(control, command("links.drop", {"entity": "foo", "external": "e"}))
    assert links.get(PLACE, "main", "foo", "e") is None


@pytest.mark.parametrize(
    ("key", "partition", "fault"),
    [
        (b"other", None, "no portal 'other'; known: main, портал"),
        (None, 0, "no portal ''"),
        (b"\xff", 0, "no portal"),
        (b"main", (PLACE + 1) % 12, "partition: "),
    ],
)
async def test_a_command_for_nobody(control: Control, key: bytes | None, partition: int | None, fault: str) -> None:
    with pytest.raises(BadInput, match=fault):
        await execute(control, command("links.put", GOOD), key, partition)


async def test_it_is_tried_again_while_kafka_is_away(control: Control, table: MemoryTable) -> None:
    table.errors.append(Transient("away"))
    with pytest.raises(Transient):
        await execute(control, command("links.put", GOOD))


async def test_records_say_what_the_links_are(control: Control, links: Links) -> None:
    made = [Link("портал", "deal", external_key("s", f"№/{n}"), str(n), f"h{n}", n) for n in range(CHUNK + 1)]
    records = list(put_records("портал", made))
    assert [len(orjson.loads(record.value or b"")["links"]) for record in records] == [CHUNK, 1]
    assert {(record.topic, record.key) for record in records} == {(CONTROL, "портал".encode())}
    for record in records:
        await execute(control, record.value or b"", record.key)
    place = partition_of("портал")
    assert [links.get(place, "портал", "deal", link.external) for link in made] == made
    for record in drop_records("портал", made):
        await execute(control, record.value or b"", record.key)
    assert [links.get(place, "портал", "deal", link.external) for link in made] == [None] * len(made)
