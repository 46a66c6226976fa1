"""The objects of one portal: tables of typed rows, without any uniqueness of external ids."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

from sandbox.portal.entities import ENTITIES, Entity

Row = dict[str, Any]
"""Kept values by field name (see fields.py); empty fields are absent or None."""


def fold(value: Any) -> Any:
    """The form in which texts are compared: a portal's database ignores case."""
    return value.casefold() if isinstance(value, str) else value


class Table:
    """Rows of one entity by id; ids ascend and are never given twice."""

    def __init__(self, entity: Entity) -> None:
        self.entity = entity
        self.rows: dict[int, Row] = {}
        self.ids: list[int] = []
        self._next_id = 1
        self._indexes: dict[str, dict[Any, set[int]]] = {
            name: {} for name, field in entity.fields.items() if field.indexed
        }

    def insert(self, row: Row) -> int:
        """Keep a new row under the next id, set its `ID`, and return the id."""
        row_id = self._next_id
        self._next_id += 1
        row["ID"] = row_id
        self.rows[row_id] = row
        self.ids.append(row_id)
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
        """Ids, ascending, of rows whose indexed `field` is one of `values`; None when there is no index."""
        index = self._indexes.get(field)
        if index is None:
            return None
        found: set[int] = set()
        for value in values:
            found |= index.get(fold(value), set())
        return sorted(found)

    def _index(self, row_id: int, row: Row, *, add: bool) -> None:
        for name, index in self._indexes.items():
            value = row.get(name)
            if value in (None, ""):
                continue
            if add:
                index.setdefault(fold(value), set()).add(row_id)
            else:
                index.get(fold(value), set()).discard(row_id)


class Store:
    """All tables of a portal, by entity name, and its counter of multifield values."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all objects; ids begin at 1 again."""
        self.tables = {entity.name: Table(entity) for entity in ENTITIES}
        self._multifield_id = 0

    def next_multifield_id(self) -> int:
        """A new id for one phone, e-mail, site: unique within the portal."""
        self._multifield_id += 1
        return self._multifield_id
