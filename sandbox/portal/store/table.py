"""Rows of one kind of object, with indexes for what look-ups use and no uniqueness of external ids."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any

from sandbox.portal.entities import Entity
from sandbox.portal.fields import Field

Row = dict[str, Any]
"""Kept values by field name (see fields/kinds.py); empty fields are absent or None."""


def fold(value: Any) -> Any:
    """The form in which texts are compared: a portal's database ignores case."""
    return value.casefold() if isinstance(value, str) else value


class Table:
    """Rows of one entity by id; ids ascend and are never given twice.

    `custom` holds the user fields that were declared for this entity, by name.
    """

    def __init__(self, entity: Entity) -> None:
        self.entity = entity
        self.key = entity.key
        self.custom: dict[str, Field] = {}
        self.rows: dict[int, Row] = {}
        self.ids: list[int] = []
        self.next_id = 1
        self._indexes: dict[str, dict[Any, set[int]]] = {
            name: {} for name, field in entity.fields.items() if field.indexed
        }

    def field(self, name: str) -> Field | None:
        """The field of that name, declared user fields included; None = unknown."""
        return self.custom.get(name) or self.entity.find(name)

    def insert(self, row: Row, row_id: int | None = None) -> int:
        """Keep a new row under the next id (or `row_id`, unused so far), set its key field, and return the id."""
        if row_id is None:
            row_id = self.next_id
        self.next_id = max(self.next_id, row_id + 1)
        if self.key is not None:
            row[self.key] = row_id
        self.rows[row_id] = row
        insort(self.ids, row_id)
        self._index(row_id, row, add=True)
        return row_id

    def update(self, row_id: int, changes: Row) -> None:
        """Replace the given fields; raises KeyError for an unknown id."""
        row = self.rows[row_id]
        self._index(row_id, row, add=False)
        row.update(changes)
        self._index(row_id, row, add=True)

    def delete(self, row_id: int) -> None:
        """Remove a row; raises KeyError for an unknown id."""
        row = self.rows.pop(row_id)
        self._index(row_id, row, add=False)
        del self.ids[bisect_left(self.ids, row_id)]

    def with_value(self, field: str, values: Iterable[Any]) -> list[int] | None:
        """Ids, ascending, of rows whose indexed `field` is (or holds) one of `values`; None when there is no index."""
        index = self._indexes.get(field)
        if index is None:
            return None
        found: set[int] = set()
        for value in values:
            found |= index.get(fold(value), set())
        return sorted(found)

    def count(self, field: str, values: Iterable[Any]) -> int:
        """How many rows `with_value` would find at most."""
        index = self._indexes.get(field, {})
        return sum(len(index.get(fold(value), ())) for value in values)

    def where(self, field: str, value: Any) -> list[Row]:
        """The rows whose indexed `field` is `value`, by id."""
        return [self.rows[row_id] for row_id in self.with_value(field, [value]) or []]

    def dump(self) -> dict[str, Any]:
        """Everything of this table as JSON values, for `load`."""
        return {"next_id": self.next_id, "rows": {str(row_id): row for row_id, row in self.rows.items()}}

    def load(self, state: dict[str, Any]) -> None:
        """Replace everything by what `dump` gave."""
        self.rows, self.ids = {}, []
        for index in self._indexes.values():
            index.clear()
        for row_id, row in state["rows"].items():
            self.insert(dict(row), int(row_id))
        self.next_id = max(self.next_id, int(state["next_id"]))

    def _index(self, row_id: int, row: Row, *, add: bool) -> None:
        for name, index in self._indexes.items():
            for value in _values(row.get(name)):
                if add:
                    index.setdefault(value, set()).add(row_id)
                    continue
                holders = index.get(value)
                if holders is not None:
                    holders.discard(row_id)
                    if not holders:
                        del index[value]


def digits(phone: str) -> str:
    """How a phone number is looked up whatever its form: its digits, a Russian 8 as 7."""
    found = "".join(char for char in phone if char.isdecimal())
    return "7" + found[1:] if len(found) == 11 and found[0] == "8" else found


def _values(kept: Any) -> list[Any]:
    """What an index knows a kept value by; a multifield is known by its values, a phone by its digits too."""
    if kept in (None, "", []):
        return []
    known: list[Any] = []
    for part in kept if isinstance(kept, list) else [kept]:
        if isinstance(part, dict):
            text = str(part.get("VALUE"))
            known += [fold(text), f"#{digits(text)}"] if part.get("TYPE_ID") == "PHONE" else [fold(text)]
        else:
            known.append(fold(part))
    return known
