"""Updates that append phones, e-mails and the like: a repeat would append them twice, so what is there is left out.

Source: Bitrix24, how-to-change-email-or-phone.md (entries without an id are added).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.portal import methods
from pipeline.portal.entities import field_of, fields_of
from pipeline.portal.steps.command import Command

__all__ = ["Appending", "appending"]

_LISTS = frozenset({"phone", "email", "web", "im", "link"})


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

    def mended(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The update without the values that the object has already."""
        result = content.get("result")
        row = result.get("item", result) if isinstance(result, dict) else {}
        fields = {
            name: self._missing(name, value, row) if isinstance(row, dict) else value
            for name, value in (fields_of(self.params) or {}).items()
        }
        kept = {name: value for name, value in fields.items() if value != [] or name.lower() not in (*_LISTS, "fm")}
        place = next(name for name in self.params if name.lower() == "fields")
        return {**self.params, place: kept}

    def _missing(self, name: str, value: Any, row: Mapping[str, Any]) -> Any:
        if name.lower() in _LISTS and isinstance(value, list):
            there = {_value(entry) for entry in _entries(field_of(row, name))}
            return [entry for entry in value if _has_id(entry) or _value(entry) not in there]
        if name.lower() == "fm":
            there_fm = {(_kind(entry), _value(entry)) for entry in _entries(field_of(row, "fm"))}
            if isinstance(value, list):
                return [entry for entry in value if _has_id(entry) or (_kind(entry), _value(entry)) not in there_fm]
            if isinstance(value, dict):
                return {
                    key: entry
                    for key, entry in value.items()
                    if key.isdigit() or (_kind(entry), _value(entry)) not in there_fm
                }
        return value


def appending(method: str, params: Any) -> Appending | None:
    """The call as an appending update; None when it is none, or names no object."""
    name = methods.canonical(method)
    if not name.endswith(".update") or not isinstance(params, dict) or fields_of(params) is None:
        return None
    return Appending(name, params) if field_of(params, "id") not in (None, "") else None


def _entries(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _has_id(entry: Any) -> bool:
    return isinstance(entry, dict) and field_of(entry, "id") not in (None, "")


def _value(entry: Any) -> str:
    found = field_of(entry, "value") if isinstance(entry, dict) else entry
    return "" if found is None else str(found)


def _kind(entry: Any) -> str:
    return str(field_of(entry, "typeid") or field_of(entry, "type_id") or "") if isinstance(entry, dict) else ""
