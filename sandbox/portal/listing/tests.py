"""One condition of a filter: its prefix and the test of a row that it means."""

import re
from collections.abc import Callable
from datetime import tzinfo
from typing import Any

from sandbox.portal.fields import TYPES, Field
from sandbox.portal.fields.casts import scalar
from sandbox.portal.php import as_map
from sandbox.portal.store import Row, fold

_PREFIXES = ("!=%", "!%=", ">=", "<=", "!=", "!@", "!%", "=%", "%=", "=", ">", "<", "@", "%", "!")
LIKE = {"%", "=%", "%=", "!%", "!=%", "!%="}
RANGES = {">", ">=", "<", "<="}

Test = Callable[[Row], bool]


def split(key: str) -> tuple[str, str]:
    """The prefix and the field of a key: `!%TITLE` -> ("!%", "TITLE")."""
    for prefix in _PREFIXES:
        if key.startswith(prefix):
            return prefix, key[len(prefix) :]
    return "", key


def values(value: Any) -> list[Any]:
    """The values of a condition: an array's items, or the one scalar."""
    found = as_map(value)
    return [value] if found is None else list(found.values())


def kept(field: Field, value: Any, zone: tzinfo) -> Any:
    """A filter's value in the kept form of that field."""
    if field.type in ("char", "bit") and scalar(value) in (None, ""):
        return None
    return TYPES[field.type].take(value, zone)


def make_test(prefix: str, name: str, field: Field, value: Any, zone: tzinfo) -> Test:
    """The test that a row must pass for `<prefix>name: value`."""
    if field.type == "crm_multifield":
        return _multifield(prefix, name, value)
    if prefix in LIKE:
        return _like(prefix, name, field, value)
    wanted = [fold(kept(field, item, zone)) for item in values(value)]
    if prefix in RANGES:
        return _compare(prefix, name, wanted[0] if wanted else None)
    return _equal(name, wanted, negative=prefix.startswith("!"))


def _equal(name: str, wanted: list[Any], *, negative: bool) -> Test:
    empty = any(item in (None, "") for item in wanted)
    exact = {item for item in wanted if item not in (None, "") and not isinstance(item, dict | list)}

    def test(row: Row) -> bool:
        held = row.get(name)
        # A field may hold several values: one of them is enough.
        parts = held if isinstance(held, list) and held else [held]
        # A property of a product is a value with an id of its own.
        plain = (scalar(part.get("value")) if isinstance(part, dict) else part for part in parts)
        hit = any(
            (empty and part in (None, "", [])) or (not isinstance(part, list) and fold(part) in exact) for part in plain
        )
        return hit != negative

    return test


def _compare(prefix: str, name: str, bound: Any) -> Test:
    numbers = isinstance(bound, int | float)

    def test(row: Row) -> bool:
        held = fold(row.get(name))
        if held is None or bound is None:
            return False
        if type(held) is not type(bound) and not (numbers and isinstance(held, int | float)):
            return False
        if isinstance(held, dict | list):
            return False
        if prefix == ">":
            return bool(held > bound)
        if prefix == ">=":
            return bool(held >= bound)
        return bool(held < bound) if prefix == "<" else bool(held <= bound)

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
    wanted = {str(item).casefold() for item in values(value)}
    negative = prefix.startswith("!")
    return lambda row: any(str(item["VALUE"]).casefold() in wanted for item in row.get(name) or []) != negative
