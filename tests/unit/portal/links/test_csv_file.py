"""Links as CSV: what is written is read back, and each wrong line is told with its number."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portal.links.csv_file import Reading, read_csv, write_csv
from pipeline.portal.links.keys import external_key
from pipeline.portal.links.store import Link

HEADER = "portal,entity,originator,external,id,hash,version\n"
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x1f"), min_size=1, max_size=20)


def read(text: str | bytes, portals: tuple[str, ...] = ("main", "портал")) -> Reading:
    raw = text if isinstance(text, bytes) else text.encode()
    file = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", errors="surrogateescape", newline="")
    return read_csv(file, portals)


def written(links: list[Link]) -> str:
    file = io.StringIO(newline="")
    write_csv(links, file)
    return file.getvalue()


LINKS = st.builds(
    Link,
    st.sampled_from(("main", "портал")),
    st.sampled_from(("deal", "item:128")),
    st.builds(external_key, st.none() | TEXT, TEXT),
    st.integers(0, 10**18 - 1).map(str),
    st.none() | TEXT,
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from(["7", "-7", "007", "-007", "9" * 25, "2024-08-30T15:29:05+03:00", "2024-08-30 15:29"]),
)


@given(st.lists(LINKS, unique_by=(lambda link: link.external, lambda link: link.id)))
def test_what_is_written_is_read_back(links: list[Link]) -> None:
    reading = read(written(links))
    assert reading.faults == []
    assert reading.links == links
    assert [type(link.version) for link in reading.links] == [type(link.version) for link in links]


def test_a_file_for_people() -> None:
    link = Link("портал", "deal", external_key("сайт", "№ 5/7, б"), "17", None, 3)
    assert written([link]) == HEADER + 'портал,deal,сайт,"№ 5/7, б",17,,3\n'


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_spreadsheets_make_of_it(mark: str, ending: str) -> None:
    lines = [mark + HEADER.strip().replace(",", ";"), 'main;deal;;"a;b";17;;', "", "main;deal;;c;18;;"]
    reading = read(ending.join(lines))
    assert reading.faults == []
    assert [link.external for link in reading.links] == ["a;b", "c"]
    assert reading.lines == [2, 4]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "main,deal,,e,17,,\n",
        "portal,entity,external,id\nmain,deal,e,17\n",
        HEADER.replace("hash", "hsah"),
        HEADER.upper(),
        HEADER.replace(",", "\t"),
    ],
)
def test_a_file_without_the_header_is_not_read(text: str) -> None:
    reading = read(text)
    assert reading.links == []
    ((line, fault),) = reading.faults
    assert line == 1 and HEADER.strip() in fault


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("main,deal,,e,17,", "6 cells, 7 are wanted"),
        ("main,deal,,e,17,,,", "8 cells"),
        ("other,deal,,e,17,,", "portal: there is no portal 'other'; known: main, портал"),
        (",deal,,e,17,,", "portal: "),
        ("main,,,e,17,,", "entity: "),
        ("main,foo,,e,17,,", "entity: no entity 'foo'; known: deal, "),
        ("main,item:x,,e,17,,", "entity: no entity 'item:x'"),
        ("main,deal,,e,abc,,", "id: a number is wanted"),
        ("main,deal,,e,-5,,", "id: a number is wanted"),
        ("main,deal,,e,17,,x y", "version: wanted: an integer"),
        ("main,deal,,e,17,,true", "version: wanted: an integer"),
        ("main,Deal of mine,,e,17,,", "entity: "),
        ("main,deal,,,17,,", "external: "),
        ("main,deal,,e,,,", "id: "),
        ("main,deal,,,,,", "external: Field required; id: Field required"),
        ("main,deal,,a\x1fb,17,,", "external: "),
        ("main,deal,s\x1f,e,17,,", "originator: "),
        (f"main,deal,,{'x' * 1001},17,,", "external: "),
        (f"main,deal,,e,17,,{2**63}", "version: "),
        ('main,deal,,e,17,,"""7"', "version: "),
    ],
)
def test_a_wrong_line_is_told_and_the_others_are_read(row: str, fault: str) -> None:
    reading = read(f"{HEADER}main,deal,,a,1,,\n{row}\nmain,deal,,b,2,,\n")
    assert [link.external for link in reading.links] == ["a", "b"]
    assert reading.lines == [2, 4]
    ((line, text),) = reading.faults
    assert line == 3 and fault in text


def test_bytes_that_are_no_utf8_are_a_fault_of_their_line() -> None:
    rows = f"{HEADER}main,deal,,Заказ,1,,\nmain,deal,,b,2,,\n".encode().replace(
        "Заказ".encode(), "Заказ".encode("cp1251")
    )
    reading = read(rows)
    assert reading.faults == [(2, "it is not UTF-8")]
    assert [link.external for link in reading.links] == ["b"]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    reading = read(f'{HEADER}main,deal,,"two\nlines",1,,\n\nmain,deal,,e,,,\n')
    assert [line for line, _ in reading.faults] == [5]


def test_a_quotation_mark_that_is_not_closed_ends_the_reading() -> None:
    reading = read(f'{HEADER}main,deal,,a,1,,\nmain,deal,,"b,2,,\nmain,deal,,c,3,,\n')
    assert [link.external for link in reading.links] == ["a"]
    ((line, fault),) = reading.faults
    assert line == 3 and "no CSV" in fault


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("main,deal,,e,18,,", "in line 2 this external id has id 17"),
        ("main,deal,,f,17,,", "in line 2 this id has external id e"),
    ],
)
def test_lines_that_contradict_each_other(row: str, fault: str) -> None:
    reading = read(f"{HEADER}main,deal,,e,17,,\n{row}\n")
    assert reading.faults == [(3, fault)]
    assert len(reading.links) == 1


def test_the_same_link_twice_and_the_same_id_elsewhere_are_no_faults() -> None:
    rows = [
        "main,deal,,e,17,,",
        "main,deal,,e,17,,",
        "main,deal,site,e,18,,",
        "main,lead,,e,17,,",
        "портал,deal,,e,17,,",
    ]
    reading = read(HEADER + "\n".join(rows))
    assert reading.faults == [] and len(reading.links) == 5


def test_a_file_of_a_path_is_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    path.write_text(HEADER + "main,deal,,e,17,,\n")
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        assert len(read_csv(file, ["main"]).links) == 1
