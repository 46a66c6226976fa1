"""The table of `faust -A pipeline links`: in a narrow terminal the ids stay whole, in a pipe everything does."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from pipeline.ops import links_screen
from pipeline.ops.links_screen import show
from pipeline.portal.links.keys import external_key
from pipeline.portal.links.store import Link

HASH = "0d2f6c3e9c1185a50d2f6c3e9c1185a5"
TIME = "2024-08-30T15:29:05+03:00"
AT = time.mktime((2024, 8, 30, 12, 0, 0, 0, 0, -1))
LINKS = [
    Link("headquarters", "company", external_key("site", "ERP-000123"), "1234567", HASH, TIME, AT),
    Link("north", "item:128", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "61", HASH, 5, AT),
]


def shown(links: list[Link], width: int | None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines of the table; `width` None = in a pipe."""
    file = io.StringIO()

    def console(**given: int) -> Console:
        return Console(file=file, color_system=None, force_terminal=width is not None, **({"width": width} | given))

    monkeypatch.setattr(links_screen, "Console", console)
    show(links, limit=0, as_json=False)
    return file.getvalue().splitlines()


def test_in_80_columns_the_ids_are_whole_and_the_hash_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    head, first, *_ = shown(LINKS, 80, monkeypatch)
    assert head.split() == ["portal", "entity", "origi…", "external", "id", "hash", "version", "at"]
    assert first.split() == ["headq…", "company", "site", "ERP-000123", "1234567", HASH[:8], "2024-08-3…", "2024-08-30"]
    assert max(map(len, (head, first))) <= 80


def test_a_long_external_id_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    head, _, *second = shown(LINKS, 80, monkeypatch)
    begin, end = head.index("external"), head.index("id  ")
    assert "".join(line[begin:end].strip() for line in second) == LINKS[1].external
    assert second[0].split()[:2] == ["north", "item:128"] and second[0][end:].split()[0] == "61"


@pytest.mark.parametrize("width", [40, 50, 60, 70, 90, 120])
def test_whatever_the_width_the_id_is_there(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    head, first, *rest = shown(LINKS, width, monkeypatch)
    assert {"entity", "external", "id"} <= set(head.split())
    assert {"company", "ERP-000123", "1234567"} <= set(first.split()) and "61" in rest[0].split()
    assert max(map(len, (head, first, *rest))) <= width


def test_where_there_is_room_nothing_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (200, None):
        _, first, second = shown(LINKS, width, monkeypatch)
        assert {"headquarters", HASH, TIME, "12:00:00"} <= set(first.split()) and LINKS[1].external in second.split()


def test_a_table_of_no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown([], 80, monkeypatch)[0].split()[3:5] == ["external", "id"]
