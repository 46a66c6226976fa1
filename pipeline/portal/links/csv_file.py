"""Links as CSV: `portal,entity,originator,external,id,hash,version`, UTF-8, a header line, commas or semicolons.

An empty cell is "not said". A version that is all digits is a number; text that looks like one stands in double quotes
of its own (`"7"` within the cell), so that a file read back gives the same links.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, TextIO

from pydantic import ValidationError

from pipeline.portal.links.keys import split_external
from pipeline.portal.links.messages import PutLink
from pipeline.portal.links.store import Link, Version

__all__ = ["COLUMNS", "Reading", "read_csv", "write_csv"]

COLUMNS = ("portal", "entity", "originator", "external", "id", "hash", "version")
_HEADER = ",".join(COLUMNS)
_SPECIAL = re.compile(r'[",;\r\n]')
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")


@dataclass(slots=True)
class Reading:
    """What was read: `lines` are the numbers of the lines that the links stand in, `faults` are (line, text)."""

    links: list[Link] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


def write_csv(links: Iterable[Link], file: TextIO) -> None:
    """Write links with a header line; `file` must be open with newline=""."""
    file.write(f"{_HEADER}\n")
    for link in links:
        originator, external = split_external(link.external)
        version = _version_cell(link.version)
        cells = (link.portal, link.entity, originator or "", external, link.id, link.hash or "", version)
        file.write(f"{','.join(map(_cell, cells))}\n")


def read_csv(file: TextIO, portals: Collection[str]) -> Reading:
    """Read a whole file; nothing is raised for what it holds: each wrong line is a fault, and gives no link.

    `file` must be open with encoding="utf-8-sig", errors="surrogateescape" and newline="". `portals` = those that are
    set. Two lines that contradict each other (one external id with two objects, or the other way round) are a fault
    of the later one.
    """
    reading = Reading()
    first = file.readline()
    separator = next((sign for sign in ",;" if first.rstrip("\r\n") == _HEADER.replace(",", sign)), None)
    if separator is None:
        reading.faults.append((1, f"the header is wanted: {_HEADER}"))
        return reading
    seen: dict[tuple[str, ...], tuple[int, str]] = {}
    rows = csv.reader(file, delimiter=separator, strict=True)
    while True:
        line = rows.line_num + 2
        try:
            cells = next(rows, None)
        except csv.Error as error:
            # where the next record begins is not known
            reading.faults.append((line, f"no CSV from here on: {error}"))
            return reading
        if cells is None:
            return reading
        if not cells:
            continue
        try:
            link = _link(cells, portals)
            _agree(link, line, seen)
        except ValueError as error:
            reading.faults.append((line, str(error)))
        else:
            reading.links.append(link)
            reading.lines.append(line)


def _link(cells: list[str], portals: Collection[str]) -> Link:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} cells, {len(COLUMNS)} are wanted")
    if any("\ud800" <= sign <= "\udfff" for cell in cells for sign in cell):
        raise ValueError("it is not UTF-8")
    portal, *rest = cells
    if portal not in portals:
        raise ValueError(f"portal: there is no portal {portal!r}; known: {', '.join(sorted(portals)) or 'none'}")
    given: dict[str, Any] = {name: cell for name, cell in zip(COLUMNS[1:], rest, strict=True) if cell}
    if "version" in given:
        given["version"] = _version(given["version"])
    try:
        return PutLink(**given).over(None, portal)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise ValueError("; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in faults)) from None


def _agree(link: Link, line: int, seen: dict[tuple[str, ...], tuple[int, str]]) -> None:
    """Raises ValueError: an earlier line says otherwise."""
    place = (link.portal, link.entity)
    ways = (
        (("external", *place, link.external), link.id, "this external id has id"),
        (("id", *place, link.id), link.external, "this id has external id"),
    )
    for key, value, says in ways:
        other, earlier = seen.get(key, (line, value))
        if earlier != value:
            raise ValueError(f"in line {other} {says} {split_external(earlier)[1]}")
    for key, value, _ in ways:
        seen.setdefault(key, (line, value))


def _cell(text: str) -> str:
    # csv.writer leaves a lone carriage return bare, which its own reader takes for the end of a line
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def _version_cell(version: Version) -> str:
    if version is None:
        return ""
    if isinstance(version, int):
        return str(version)
    return json.dumps(version, ensure_ascii=False) if _WHOLE.fullmatch(version) or version[:1] == '"' else version


def _version(cell: str) -> int | str:
    if _WHOLE.fullmatch(cell):
        return int(cell)
    if cell.startswith('"'):
        try:
            text = json.loads(cell)
        except ValueError:
            raise ValueError("version: a quotation mark that is not closed") from None
        if isinstance(text, str):
            return text
    return cell
