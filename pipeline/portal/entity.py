"""One kind of object of a portal: the parameters of its calls, and how its answers are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Entity", "Inside", "inside_of", "is_number"]

#: where objects lie: fields of theirs that say so, with values that are known (`(("orderId", 5),)`)
Inside = tuple[tuple[str, str | int], ...]

#: two methods, one store (crm/data-types.md, object_type)
_SAME_OBJECTS = {"item:1": "lead", "item:2": "deal", "item:3": "contact", "item:4": "company"}


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of object. `fixed` are parameters beside the fields of every call; `within` are fields of every object.

    `row_key` wraps the row in answers of add and get (None = add answers the bare id), `rows_key` those of list.
    `get_key` is None where get answers the bare row. `lies_in`: the field without which an external id says nothing.
    `title_field`: what people know an object by. `many` stands before a field that is asked for several values.
    `told_whole`: an update must name external id and place as well.
    """

    name: str
    family: str
    id_field: str = "ID"
    external_field: str = "ORIGIN_ID"
    originator_field: str | None = None
    created_field: str | None = None
    fixed: tuple[tuple[str, Any], ...] = ()
    within: tuple[tuple[str, Any], ...] = ()
    row_key: str | None = None
    get_key: str | None = None
    rows_key: str | None = None
    many: str = "@"
    lies_in: str | None = None
    title_field: str | None = None
    told_whole: bool = False

    @property
    def objects(self) -> str:
        """What its objects are: `deal` of `deal` and of `item:2`, two names of the same ones."""
        return _SAME_OBJECTS.get(self.name, self.name)

    @property
    def add_method(self) -> str:
        """`crm.deal.add`."""
        return f"{self.family}.add"

    @property
    def update_method(self) -> str:
        """`crm.deal.update`."""
        return f"{self.family}.update"

    @property
    def get_method(self) -> str:
        """`crm.deal.get`."""
        return f"{self.family}.get"

    @property
    def list_method(self) -> str:
        """`crm.deal.list`."""
        return f"{self.family}.list"

    def add_params(
        self, fields: Mapping[str, Any], external: str, originator: str, inside: Inside = ()
    ) -> dict[str, Any]:
        """Parameters that add an object with this external id."""
        keys = self._keys(external, originator)
        return {**dict(self.fixed), "fields": {**dict(self.within), **fields, **dict(inside), **keys}}

    def update_params(
        self, number: str, fields: Mapping[str, Any], external: str = "", inside: Inside = ()
    ) -> dict[str, Any]:
        """Parameters that change the object `number`; external id and place are told only where they must be."""
        told = {**dict(self.within), **dict(inside), self.external_field: external} if self.told_whole else {}
        return {**dict(self.fixed), "id": _number(number), "fields": {**told, **fields}}

    def get_params(self, number: str) -> dict[str, Any]:
        """Parameters that read the object `number`."""
        return {**dict(self.fixed), "id": _number(number)}

    def lookup_params(
        self, externals: Sequence[str], originator: str, inside: Inside = (), *, youngest_first: bool = False
    ) -> dict[str, Any]:
        """Parameters that find the objects with one of these external ids, oldest first; at most a page."""
        place = self.external_field if len(externals) == 1 else f"{self.many}{self.external_field}"
        wanted: dict[str, Any] = {place: externals[0] if len(externals) == 1 else list(externals)}
        if originator and self.originator_field:
            wanted[self.originator_field] = originator
        params = self.list_params(wanted, inside)
        return {**params, "order": {self.id_field: "DESC" if youngest_first else "ASC"}}

    def list_params(self, wanted: Mapping[str, Any], inside: Inside = ()) -> dict[str, Any]:
        """Parameters of a list by ascending id, with what identifies an object."""
        columns = [self.id_field, self.external_field, self.originator_field, self.created_field, self.title_field]
        places = [name for name, _ in (*self.within, *inside)]
        return {
            **dict(self.fixed),
            "select": list(dict.fromkeys(name for name in (*columns, *places) if name)),
            "filter": {**dict(self.within), **dict(inside), **wanted},
            "order": {self.id_field: "ASC"},
            "start": -1,
        }

    def rows(self, result: Any) -> list[dict[str, Any]]:
        """Rows of a list's `result`."""
        if self.rows_key is not None:
            result = result.get(self.rows_key) if isinstance(result, dict) else None
        if isinstance(result, dict):  # the array rule of PHP: a list with gaps
            result = list(result.values())
        return [row for row in result or () if isinstance(row, dict)] if isinstance(result, list) else []

    def row(self, result: Any) -> dict[str, Any] | None:
        """The row of a get's `result`."""
        if self.get_key is not None:
            result = result.get(self.get_key) if isinstance(result, dict) else None
        return result if isinstance(result, dict) else None

    def made(self, result: Any) -> str | None:
        """The id in an add's `result`; None when it has none."""
        if self.row_key is not None:
            row = result.get(self.row_key) if isinstance(result, dict) else None
            result = row.get(self.id_field) if isinstance(row, dict) else None
        return _id(result)

    def id_of(self, row: Mapping[str, Any]) -> str | None:
        """Id of a row; None when it shows none."""
        return _id(row.get(self.id_field))

    def external_of(self, row: Mapping[str, Any]) -> str:
        """External id of a row, "" when it has none."""
        return _text(row.get(self.external_field))

    def is_named(self, row: Mapping[str, Any], external: str, originator: str) -> bool:
        """Has a row exactly this external id? Portals find texts of another case, and blanks at the end, too.

        The same id of another originator is another one; of no originator as well.
        """
        if self.external_of(row).rstrip() != external.rstrip():
            return False
        if self.originator_field is None or self.originator_field not in row:
            return True
        return _text(row[self.originator_field]).rstrip() == originator.rstrip()

    def named(
        self,
        rows: Iterable[Mapping[str, Any]],
        external: str,
        originator: str,
        inside: Inside = (),
        *,
        exactly: bool = False,
    ) -> list[Mapping[str, Any]]:
        """The rows of a look-up that have this external id.

        Without an originator it means any object with that id: those that have no originator, or, when there is none
        of them, those of any. `exactly`: only what an add with this key makes.
        """
        there = [row for row in rows if self._lies(row, inside)]
        found = [row for row in there if self.is_named(row, external, originator)]
        if found or exactly or originator or self.originator_field is None:
            return found
        return [row for row in there if self.external_of(row).rstrip() == external.rstrip()]

    def title_of(self, row: Mapping[str, Any]) -> str | None:
        """What people know the object of a row by; None when the row does not say."""
        return (_text(row.get(self.title_field)) or None) if self.title_field else None

    def _lies(self, row: Mapping[str, Any], inside: Inside) -> bool:
        """A portal that does not know a filter leaves it out without a word."""
        return all(name not in row or _text(row[name]) == str(value) for name, value in inside)

    def _keys(self, external: str, originator: str) -> dict[str, Any]:
        keys = {self.external_field: external}
        if originator and self.originator_field:
            keys[self.originator_field] = originator
        return keys


def inside_of(within: Mapping[str, Any]) -> Inside:
    """Where objects lie, from the `within` of a step with its references resolved; digits are numbers, as ids are.

    Raises:
        LookupError: a value is neither a text nor a number.
    """
    for name, value in within.items():
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise LookupError(f"within.{name}: a text or a number is needed, there is {type(value).__name__}")
    return tuple((name, _number(value) if isinstance(value, str) else value) for name, value in sorted(within.items()))


def is_number(text: str) -> bool:
    """Is it a whole number as ids are: ASCII digits, and not endless (`int` refuses thousands of them)?"""
    return len(text) < 19 and text.isascii() and text.isdigit()


def _number(number: str) -> Any:
    return int(number) if is_number(number) else number


def _id(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str) or not is_number(str(value)):
        return None
    return str(value)


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, bool | dict | list) else str(value)
