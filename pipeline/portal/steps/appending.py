"""Updates that append phones, e-mails and the like: a repeat would append them twice, so what is there is left out.

Values are the same when texts and, where it is given, types are (WORK, HOME).
Source: Bitrix24, how-to-change-email-or-phone.md (entries without an id are added).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.portal import methods
from pipeline.portal.entities import field_of, fields_name, fields_of
from pipeline.portal.steps.command import Command

__all__ = ["Appending", "appending"]

_LISTS = frozenset({"phone", "email", "web", "im", "link"})
_Entries = list[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Appending:
    """An update of one object whose fields append values."""

    method: str
    params: Mapping[str, Any]

    def look(self) -> Command:
        """The object as it is."""
        family = self.method.rpartition(".")[0]
        read = {name: value for name, value in self.params.items() if name.lower() in ("id", "entitytypeid")}
        return Command(f"{family}.get", read, write=False)

    def mended(self, content: Mapping[str, Any]) -> dict[str, Any] | None:
        """The update without the values that the object has already; None when nothing is left of it."""
        result = content.get("result")
        row = result.get("item", result) if isinstance(result, dict) else None
        given = fields_of(self.params) or {}
        fields = {name: _missing(name, value, row) if isinstance(row, dict) else value for name, value in given.items()}
        kept = {name: value for name, value in fields.items() if value or value == given[name]}
        place = fields_name(self.params)
        return {**self.params, str(place): kept} if kept else None

    def answer(self, content: Mapping[str, Any]) -> Any:
        """`result` of the update when nothing is left of it."""
        result = content.get("result")
        return result if isinstance(result, dict) and "item" in result else True


def appending(method: str, params: Any) -> Appending | None:
    """The call as an appending update; None when it is none, or names no object.

    Entries with an id change a value, but one whose id is gone is added without a word.
    """
    name = methods.canonical(method)
    if not name.endswith(".update") or not isinstance(params, dict) or fields_of(params) is None:
        return None
    number = field_of(params, "id")
    named = isinstance(number, int | str) and not isinstance(number, bool) and str(number).strip() != ""
    lists = any(
        field.lower() in (*_LISTS, "fm") and isinstance(value, dict | list) and value
        for field, value in (fields_of(params) or {}).items()
    )
    return Appending(name, params) if named and lists else None


def _missing(name: str, value: Any, row: Mapping[str, Any]) -> Any:
    """The entries that the row lacks; other fields as they are."""
    if name.lower() in _LISTS:
        there = [_Entry(entry) for _, entry in _pairs(field_of(row, name))]
        return _left(value, [key for key, entry in _pairs(value) if not _is_there(_Entry(entry), there)])
    if name.lower() == "fm":
        # an object is keyed by id, `n0` and the like add; each value says its own kind
        there = [_Entry(entry) for _, entry in _pairs(field_of(row, "fm"))]
        keyed = isinstance(value, dict)
        pairs = _pairs(value)
        return _left(value, [key for key, entry in pairs if not _is_there(_Entry(entry, key if keyed else ""), there)])
    return value


def _pairs(value: Any) -> _Entries:
    if isinstance(value, dict):
        return list(value.items())
    return [(str(place), entry) for place, entry in enumerate(value)] if isinstance(value, list) else []


def _left(value: Any, keys: list[str]) -> Any:
    """The entries with these keys, in the form that they came in."""
    if isinstance(value, dict):
        return {key: value[key] for key in keys}
    return [value[int(key)] for key in keys] if isinstance(value, list) else value


class _Entry:
    """One value: its id, its text, its type (WORK), its kind (PHONE, in `fm`)."""

    def __init__(self, entry: Any, key: str = "") -> None:
        given = entry if isinstance(entry, dict) else {"value": entry}
        self.id = _text(field_of(given, "id") or key)
        self.text = _text(field_of(given, "value"))
        self.type = _text(field_of(given, "value_type") or field_of(given, "valueType")).upper()
        self.kind = _text(field_of(given, "typeId") or field_of(given, "type_id")).upper()


def _is_there(wanted: _Entry, there: list[_Entry]) -> bool:
    """A value that is known by its id is changed or deleted, which may be done again."""
    if any(one.id == wanted.id for one in there if wanted.id):
        return False
    return any(
        one.text == wanted.text
        and (not wanted.type or one.type == wanted.type)
        and (not wanted.kind or not one.kind or one.kind == wanted.kind)
        for one in there
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
