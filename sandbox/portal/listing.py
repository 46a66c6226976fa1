"""The list engine of the old `crm.*.list`: filter, order, select, pages (bitrix24.md, section 3.2)."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice
from typing import Any

from sandbox.portal.errors import RestError, must_be_array
from sandbox.portal.fields import TYPES, Field
from sandbox.portal.php import as_map
from sandbox.portal.store import Row, Table, fold

PAGE = 50
_PREFIXES = ("!=%", "!%=", ">=", "<=", "!=", "!@", "!%", "=%", "%=", "=", ">", "<", "@", "%", "!")
_LIKE = {"%", "=%", "%=", "!%", "!=%", "!%="}

Test = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Page:
    """Up to 50 rows; `next` is absent on the last page and with `start=-1`, where `total` is 0."""

    rows: list[Row]
    total: int
    next: int | None


def find(table: Table, conditions: Any, order: Any, start: int, zone: tzinfo) -> Page:
    """One page of the rows that meet all `conditions` (`{"<prefix>FIELD": value}`), in `order`.

    Unknown fields in conditions and order are ignored, as the old methods do. Raises `RestError` 400 when
    `conditions` or `order` is no array.
    """
    ids, tests = _plan(table, _array("filter", conditions), zone)
    rows: Iterable[Row] = (table.rows[row_id] for row_id in ids)
    if tests:
        rows = (row for row in rows if all(test(row) for test in tests))
    keys = [(name, way) for name, way in _array("order", order).items() if table.entity.find(name)]
    if start < 0 and _by_id(keys) == "ASC":
        return Page(list(islice(rows, PAGE)), 0, None)
    found = list(rows)
    for name, way in reversed(keys):
        # Stable passes from the last key to the first; empty values stand first when ascending.
        found.sort(key=_sort_key(name), reverse=str(way).upper() == "DESC")
    if start < 0:
        return Page(found[:PAGE], 0, None)
    first = start // PAGE * PAGE
    following = first + PAGE
    return Page(found[first:following], len(found), following if following < len(found) else None)


def columns(table: Table, select: Any) -> list[str] | None:
    """The names a `select` asks for; None is the default: all fields and user fields, no multifields."""
    names = [str(name) for name in (as_map(select) or {}).values()]
    if not names:
        return None
    wanted: dict[str, None] = {"ID": None}
    for name in names:
        if name == "*":
            wanted.update(dict.fromkeys(_plain(table)))
        elif name == "UF_*":
            wanted["UF_*"] = None
        elif table.entity.find(name):
            wanted[name] = None
    return list(wanted)


def _plain(table: Table) -> list[str]:
    return [name for name, field in table.entity.fields.items() if not field.multiple]


def _array(name: str, value: Any) -> dict[str, Any]:
    if value is None or value == "":
        return {}
    found = as_map(value)
    if found is None:
        raise RestError(must_be_array(name))
    return found


def _by_id(keys: list[tuple[str, Any]]) -> str | None:
    if not keys:
        return "ASC"
    name, way = keys[0]
    return ("DESC" if str(way).upper() == "DESC" else "ASC") if name == "ID" else None


def _sort_key(name: str) -> Callable[[Row], tuple[int, Any]]:
    def key(row: Row) -> tuple[int, Any]:
        value = row.get(name)
        if value is None or isinstance(value, dict | list):
            return (0, 0)
        # Numbers and texts cannot be compared; a field of files may hold both.
        return (2, fold(value)) if isinstance(value, str) else (1, value)

    return key


def _plan(table: Table, conditions: dict[str, Any], zone: tzinfo) -> tuple[Iterable[int], list[Test]]:
    """The ids to look at (from ID conditions and indexes) and the tests that remain."""
    ids: list[int] | None = None
    low, high = 0, len(table.ids)
    tests: list[Test] = []
    for key, value in conditions.items():
        prefix, name = _split(key)
        field = table.entity.find(name)
        if field is None:
            continue
        exact = prefix in ("", "=", "@")
        if name == "ID" and prefix in (">", ">=", "<", "<=") and not isinstance(value, list | dict):
            bound = TYPES["integer"].take(value, zone) or 0
            cut = (bisect_right if prefix in (">", "<=") else bisect_left)(table.ids, bound)
            low, high = (max(low, cut), high) if prefix[0] == ">" else (low, min(high, cut))
        elif name == "ID" and exact and ids is None:
            wanted = {TYPES["integer"].take(item, zone) for item in _values(value)}
            ids = sorted(item for item in wanted if item in table.rows)
        else:
            if exact and field.indexed and ids is None:
                candidates = [field_value(field, item, zone) for item in _values(value)]
                ids = table.with_value(name, [item for item in candidates if item]) if all(candidates) else None
            tests.append(_test(prefix, name, field, value, zone))
    if ids is None:
        return table.ids[low:high], tests
    lowest = table.ids[low] if low < high else None
    highest = table.ids[high - 1] if low < high else None
    if lowest is None or highest is None:
        return [], tests
    return [item for item in ids if lowest <= item <= highest], tests


def _split(key: str) -> tuple[str, str]:
    for prefix in _PREFIXES:
        if key.startswith(prefix):
            return prefix, key[len(prefix) :]
    return "", key


def _values(value: Any) -> list[Any]:
    found = as_map(value)
    return [value] if found is None else list(found.values())


def field_value(field: Field, value: Any, zone: tzinfo) -> Any:
    """A filter's value in the kept form of that field."""
    return TYPES[field.type].take(value, zone)


def _test(prefix: str, name: str, field: Field, value: Any, zone: tzinfo) -> Test:
    if field.multiple:
        return _multifield(prefix, name, value)
    negative = prefix.startswith("!")
    if prefix in _LIKE:
        return _like(prefix, name, field, value)
    wanted = [fold(field_value(field, item, zone)) for item in _values(value)]
    if prefix in (">", ">=", "<", "<="):
        return _compare(prefix, name, wanted[0] if wanted else None)
    # A user field may hold several values: one of them is enough.
    empty = any(item in (None, "") for item in wanted)
    exact = {item for item in wanted if item not in (None, "") and not isinstance(item, dict | list)}

    def test(row: Row) -> bool:
        kept = row.get(name)
        parts = kept if isinstance(kept, list) else [kept]
        hit = any(
            (empty and part in (None, "")) or (not isinstance(part, dict | list) and fold(part) in exact)
            for part in parts
        )
        return hit != negative

    return test


def _compare(prefix: str, name: str, bound: Any) -> Test:
    def test(row: Row) -> bool:
        kept = fold(row.get(name))
        if kept is None or bound is None or type(kept) is not type(bound):
            return False
        if prefix == ">":
            return bool(kept > bound)
        if prefix == ">=":
            return bool(kept >= bound)
        return bool(kept < bound) if prefix == "<" else bool(kept <= bound)

    return test


def _like(prefix: str, name: str, field: Field, value: Any) -> Test:
    # LIKE does not work on codes, numbers and references: the condition is left out.
    if not TYPES[field.type].text:
        return lambda row: True
    text = str(value).casefold()
    if "=" in prefix:
        # Many signs in a row mean the same as one, and would cost a regular expression dearly.
        text = re.sub("%+", "%", text)
        pattern = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in text)
    else:
        pattern = f".*{re.escape(text)}.*"
    matches = re.compile(pattern, re.DOTALL).fullmatch
    negative = prefix.startswith("!")
    return lambda row: (matches(str(row.get(name) or "").casefold()) is not None) != negative


def _multifield(prefix: str, name: str, value: Any) -> Test:
    # PHONE and EMAIL are found by exact match only (section 3.2).
    wanted = {str(item).casefold() for item in _values(value)}
    negative = prefix.startswith("!")
    return lambda row: any(str(item["VALUE"]).casefold() in wanted for item in row.get(name) or []) != negative
