"""What a simulated portal holds and has executed, by what a test knows its objects by."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SMART", "Objects", "external_of", "marker_of", "number_of"]

#: entityTypeId of the smart process
SMART = 128
_MARKERS = ("TITLE", "title", "NAME", "COMMENT")
_EXTERNALS = ("ORIGIN_ID", "xmlId")


def marker_of(row: Mapping[str, Any]) -> str:
    """By what a test knows an object: its title, name or text."""
    return next((str(row[name]) for name in _MARKERS if row.get(name)), "")


def external_of(row: Mapping[str, Any]) -> str:
    """Its external id."""
    return next((str(row[name]) for name in _EXTERNALS if row.get(name)), "")


@dataclass
class Objects:
    """Of one portal. Rows as its lists give them, by entity and id; `executed`: adds by entity, `by` and value.

    `unheard`: adds that were executed and whose answer never came: each would be a double if it were repeated.
    """

    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    found: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    executed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    unheard: int = 0
    product_rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, entity: str, row: dict[str, Any]) -> None:
        """Take a row in."""
        self.rows.setdefault(entity, {})[number_of(row)] = row
        for by, value in (("marker", marker_of(row)), ("external", external_of(row))):
            if value:
                self.found[entity, by, value].append(row)

    def one(self, entity: str, by: str, value: str) -> dict[str, Any] | None:
        """The first object found so."""
        return next(iter(self.found.get((entity, by, value), ())), None)


def number_of(row: Mapping[str, Any]) -> str:
    """Its id as text."""
    return str(row.get("ID") or row.get("id"))
