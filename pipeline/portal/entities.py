"""What the bus knows of the portal's entities: how one is added, changed, and found by its external id.

Names: `deal`, `company`, `contact`, `lead`, `requisite`, `order`, `basketitem`, `payment`, `shipment`;
`item:<entityTypeId>`; `product:<iblockId>`, `section:<iblockId>`, `property:<iblockId>`, `enum:<iblockId>` (values of a
list property). Nothing in a portal makes external ids unique (reference: Bitrix24, section 7), so a look-up may find
several.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pipeline.portal.entity import Entity, Inside, inside_of, is_number

__all__ = [
    "KEYS_A_LOOKUP",
    "PAGE",
    "Entity",
    "Inside",
    "entity",
    "entity_of_add",
    "field_of",
    "fields_name",
    "fields_of",
    "inside_of",
    "is_number",
]

#: Rows that a list method returns at most (Bitrix24: list-methods-pecularities.md).
PAGE = 50
#: External ids that one look-up asks for; a page that is full may hide some, which are then asked for alone.
KEYS_A_LOOKUP = 50


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
#: of an information block (catalog.productProperty.*, catalog.productPropertyEnum.*; pages of their lists)
_OF_IBLOCK = ("product", "section", "property", "enum")


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
    if is_number(number) and kind in _OF_IBLOCK:
        return _property(kind, int(number)) if kind in ("property", "enum") else _catalog(kind, int(number))
    raise KeyError(
        f"no entity {name!r}; known: {', '.join(_ENTITIES)}, item:<type>, "
        f"{', '.join(f'{one}:<iblock>' for one in _OF_IBLOCK)}"
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
        title_field="name" if kind == "product" else None,
        # catalog.section.update: iblockId and name are needed
        told_whole=kind == "section",
    )


def _property(kind: str, iblock: int) -> Entity:
    """A property by its code, or a value of a list property by its XML id within that property."""
    wrapper = "productProperty" if kind == "property" else "productPropertyEnum"
    return Entity(
        f"{kind}:{iblock}",
        f"catalog.{wrapper}",
        id_field="id",
        external_field="code" if kind == "property" else "xmlId",
        within=(("iblockId", iblock),) if kind == "property" else (),
        row_key=wrapper,
        get_key=wrapper,
        rows_key="productProperties" if kind == "property" else "productPropertyEnums",
        many="",
        lies_in=None if kind == "property" else "propertyId",
        # "Required fields: iblockId", "Required fields: xmlId" (pages of their updates)
        told_whole=True,
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


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, bool | dict | list) else str(value)


def field_of(values: Mapping[str, Any], name: str) -> Any:
    """A value by its name, in any case; None when it is not there."""
    if name in values:
        return values[name]
    wanted = name.lower()
    return next((value for key, value in values.items() if key.lower() == wanted), None)
