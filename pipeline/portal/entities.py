"""What the bus knows of the portal's entities: how one is added, changed, and found by its external id.

Names: `deal`, `company`, `contact`, `lead`, `requisite`, `order`, `basketitem`, `payment`, `shipment`;
`item:<entityTypeId>`; `product:<iblockId>`, `section:<iblockId>`. Nothing in a portal makes external ids unique
(reference: Bitrix24, section 7), so a look-up may find several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = [
    "KEYS_A_LOOKUP",
    "PAGE",
    "Entity",
    "entity",
    "entity_of_add",
    "field_of",
    "fields_name",
    "fields_of",
    "is_number",
]

#: Rows that a list method returns at most (Bitrix24: list-methods-pecularities.md).
PAGE = 50
#: External ids that one look-up asks for; a page that is full may hide some, which are then asked for alone.
KEYS_A_LOOKUP = 50


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of object. `fixed` are parameters beside the fields of every call; `within` are fields of every object.

    `row_key` wraps the row in answers of add and get (None = add answers the bare id), `rows_key` those of list.
    `get_key` is None where get answers the bare row. `selects`: a list needs its columns named.
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

    def add_params(self, fields: Mapping[str, Any], external: str, originator: str) -> dict[str, Any]:
        """Parameters that add an object with this external id."""
        return {**dict(self.fixed), "fields": {**dict(self.within), **fields, **self._keys(external, originator)}}

    def update_params(self, number: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters that change the object `number`."""
        return {**dict(self.fixed), "id": _number(number), "fields": dict(fields)}

    def get_params(self, number: str) -> dict[str, Any]:
        """Parameters that read the object `number`."""
        return {**dict(self.fixed), "id": _number(number)}

    def lookup_params(
        self, externals: Sequence[str], originator: str, *, youngest_first: bool = False
    ) -> dict[str, Any]:
        """Parameters that find the objects with one of these external ids, oldest first; at most a page."""
        place = self.external_field if len(externals) == 1 else f"{self.many}{self.external_field}"
        wanted: dict[str, Any] = {place: externals[0] if len(externals) == 1 else list(externals)}
        if originator and self.originator_field:
            wanted[self.originator_field] = originator
        return {**self.list_params(wanted), "order": {self.id_field: "DESC" if youngest_first else "ASC"}}

    def list_params(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of a list by ascending id, with what identifies an object."""
        columns = [self.id_field, self.external_field, self.originator_field, self.created_field]
        select = [name for name in columns if name] + [name for name, _ in self.within]
        return {
            **dict(self.fixed),
            "select": select,
            "filter": {**dict(self.within), **wanted},
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

    def _keys(self, external: str, originator: str) -> dict[str, Any]:
        keys = {self.external_field: external}
        if originator and self.originator_field:
            keys[self.originator_field] = originator
        return keys


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


def _old(name: str) -> Entity:
    return Entity(name, f"crm.{name}", originator_field="ORIGINATOR_ID", created_field="DATE_CREATE")


def _sale(name: str, wrapper: str, created: str | None) -> Entity:
    return Entity(
        name,
        f"sale.{name}",
        id_field="id",
        external_field="xmlId",
        created_field=created,
        row_key=wrapper,
        get_key=wrapper,
        rows_key=f"{wrapper}s",
    )


_ENTITIES: dict[str, Entity] = {
    item.name: item
    for item in (
        _old("deal"),
        _old("company"),
        _old("contact"),
        _old("lead"),
        Entity("requisite", "crm.requisite", external_field="XML_ID", created_field="DATE_CREATE"),
        _sale("order", "order", "dateInsert"),
        _sale("basketitem", "basketItem", "dateInsert"),
        _sale("payment", "payment", None),
        _sale("shipment", "shipment", "dateInsert"),
    )
}
#: entityTypeId of items that carry originatorId and originId; the others have xmlId alone
_WITH_ORIGIN = frozenset({"1", "2", "3", "4"})
#: two methods, one store (crm/data-types.md, object_type)
_SAME_OBJECTS = {"item:1": "lead", "item:2": "deal", "item:3": "contact", "item:4": "company"}


@lru_cache(maxsize=1024)
def entity(name: str) -> Entity:
    """The entity of that name.

    Raises:
        KeyError: there is none; the text says which there are.
    """
    known = _ENTITIES.get(name)
    if known is not None:
        return known
    kind, _, number = name.partition(":")
    if is_number(number) and kind == "item":
        return _item(number)
    if is_number(number) and kind in ("product", "section"):
        return _catalog(kind, int(number))
    raise KeyError(
        f"no entity {name!r}; known: {', '.join(_ENTITIES)}, item:<type>, product:<iblock>, section:<iblock>"
    )


def _item(number: str) -> Entity:
    number = str(int(number))
    own = number in _WITH_ORIGIN
    return Entity(
        f"item:{number}",
        "crm.item",
        id_field="id",
        external_field="originId" if own else "xmlId",
        originator_field="originatorId" if own else None,
        created_field="createdTime",
        fixed=(("entityTypeId", int(number)),),
        row_key="item",
        get_key="item",
        rows_key="items",
    )


def _catalog(kind: str, iblock: int) -> Entity:
    return Entity(
        f"{kind}:{iblock}",
        f"catalog.{kind}",
        id_field="id",
        external_field="xmlId",
        created_field="dateCreate" if kind == "product" else None,
        within=(("iblockId", iblock),),
        row_key="element" if kind == "product" else "section",
        get_key=kind,
        rows_key=f"{kind}s",
        many="",
    )


_BY_FAMILY = {item.family: item for item in _ENTITIES.values()}


def entity_of_add(method: str, params: Any) -> Entity | None:
    """The entity that a call makes one object of; `method` canonical. None: it makes none that we can look up."""
    family, _, verb = method.rpartition(".")
    if verb not in ("add", "import") or not isinstance(params, dict):
        return None
    fields = fields_of(params)
    if fields is None:
        return None
    if family == "crm.item":
        kind = _text(field_of(params, "entityTypeId")).strip()
        return _item(kind) if is_number(kind) else None
    if verb != "add":
        return None
    if family in ("catalog.product", "catalog.section"):
        iblock = _text(field_of(fields, "iblockId")).strip()
        return _catalog(family.removeprefix("catalog."), int(iblock)) if is_number(iblock) else None
    return _BY_FAMILY.get(family)


def fields_of(params: Any) -> dict[str, Any] | None:
    """The `fields` of a call, whatever the case of that name; None when they are no object."""
    place = fields_name(params) if isinstance(params, dict) else None
    found = params[place] if place is not None else None
    return found if isinstance(found, dict) else None


def fields_name(params: Mapping[str, Any]) -> str | None:
    """How a call writes the name `fields`; None when it has none."""
    if "fields" in params:
        return "fields"
    return next((name for name in params if name.lower() == "fields"), None)


def field_of(values: Mapping[str, Any], name: str) -> Any:
    """A value by its name, in any case; None when it is not there."""
    if name in values:
        return values[name]
    wanted = name.lower()
    return next((value for key, value in values.items() if key.lower() == wanted), None)
