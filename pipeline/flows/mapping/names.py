"""Is an id or a word among the rows of a portal's list? Faults name those that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from typing import Any

from pipeline.flows.mapping.asked import Row
from pipeline.flows.mapping.checks import Fault

__all__ = ["named", "number", "word"]

SHOWN = 12


def number(table: str, key: str, given: int, rows: list[Row] | None, kind: str, name: str = "id") -> Iterator[Fault]:
    """A fault unless a row has this id; none where the list could not be asked (rows None)."""
    if rows is not None and str(given) not in {_of(row, name) for row in rows}:
        yield Fault(table, key, given, f"{kind}: {named(rows, name)}")


def word(table: str, given: Dictionary[str, str], rows: list[Row] | None, name: str, kind: str) -> Iterator[Fault]:
    """Faults of the words in a dictionary's values that no row has."""
    if rows is None:
        return
    known = [_of(row, name) for row in rows]
    for key, value in given.items():
        if value not in known:
            yield Fault(table, key, value, f"{kind}: {_list(known)}")


def named(rows: Iterable[Row], name: str = "id") -> str:
    """`23 (Products), 24 (Variations)`."""
    return _list(f"{_of(row, name)} ({title})" if (title := _of(row, "name")) else _of(row, name) for row in rows)


def _of(row: Row, name: str) -> str:
    """A field, whether the method writes its names in capitals or not."""
    value: Any = row.get(name, row.get(name.upper()))
    return "" if value is None else str(value)


def _list(texts: Iterable[str]) -> str:
    found = list(texts)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more if found else "there are none"
