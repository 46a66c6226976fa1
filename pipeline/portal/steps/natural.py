"""Adds without an external id that their own fields identify (reference: Bitrix24, sections 6.1, 6.3, 6.5 to 6.7).

`key` fields are asked for, `same` fields must be equal too, and so must those of `brought` that the add brings: numbers
by value, texts but for blanks, keys but for their case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from pipeline.portal.entities import field_of, is_number

__all__ = ["NATURAL", "Natural"]


@dataclass(frozen=True, slots=True)
class Natural:
    """How the add `method` is found again. `row_key`, `rows_key`: as in entity.py; `confirms`: it answers `true`."""

    method: str
    list_method: str
    key: tuple[str, ...]
    same: tuple[str, ...] = ()
    id_field: str = "ID"
    created_field: str | None = None
    row_key: str | None = None
    rows_key: str | None = None
    prefix: tuple[str, str] | None = None
    brought: tuple[str, ...] = ()
    confirms: bool = False

    def has_key(self, fields: Mapping[str, Any]) -> bool:
        """Does the add name all that it is found by?"""
        return all(_text(fields, name) for name in self.key)

    def params(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of the look-up: youngest first, one page."""
        wanted = {name: self._as_kept(name, _text(fields, name)) for name in self.key}
        return {"filter": wanted, "order": {self.id_field: "DESC"}}

    def rows(self, result: Any) -> list[dict[str, Any]]:
        """Rows of the look-up's `result`."""
        if self.rows_key is not None:
            result = result.get(self.rows_key) if isinstance(result, dict) else None
        if isinstance(result, dict):  # the array rule of PHP: a list with gaps
            result = list(result.values())
        return [row for row in result if isinstance(row, dict)] if isinstance(result, list) else []

    def is_same(self, row: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
        """Is it what the add was to make?"""
        return all(
            _plain(_text(row, name)).casefold() == _plain(self._as_kept(name, _text(fields, name))).casefold()
            for name in self.key
        ) and all(_plain(_text(row, name)) == _plain(_text(fields, name)) for name in self._compared(fields))

    def _compared(self, fields: Mapping[str, Any]) -> tuple[str, ...]:
        return (*self.same, *(name for name in self.brought if field_of(fields, name) is not None))

    def id_of(self, row: Mapping[str, Any]) -> str:
        """Id of a row."""
        return _text(row, self.id_field)

    def answer(self, row: Mapping[str, Any]) -> Any:
        """`result` of the add."""
        if self.confirms:
            return True
        if self.row_key is not None:
            return {self.row_key: row}
        number = self.id_of(row)
        return int(number) if is_number(number) else True

    def _as_kept(self, name: str, text: str) -> str:
        """A user field's name is kept in capitals, with the portal's prefix."""
        if self.prefix is None or name != self.prefix[0]:
            return text
        text = text.upper()
        return text if text.startswith(self.prefix[1]) else f"{self.prefix[1]}{text}"


def _text(values: Mapping[str, Any], name: str) -> str:
    found = field_of(values, name)
    return "" if found is None or isinstance(found, dict | list | bool) else str(found)


def _plain(text: str) -> str:
    """A number by its value (a price of 100 is kept as 100.00), a text with single blanks between its words."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return " ".join(text.split())
    return f"{number.normalize():f}" if number.is_finite() and abs(number.adjusted()) < 40 else text.strip()


def _userfields(entity: str) -> Natural:
    return Natural(
        f"crm.{entity}.userfield.add",
        f"crm.{entity}.userfield.list",
        key=("FIELD_NAME",),
        prefix=("FIELD_NAME", "UF_CRM_"),
    )


NATURAL: dict[str, Natural] = {
    item.method: item
    for item in (
        Natural(
            "crm.timeline.comment.add",
            "crm.timeline.comment.list",
            key=("ENTITY_ID", "ENTITY_TYPE"),
            same=("COMMENT",),
            created_field="CREATED",
        ),
        Natural(
            "crm.orderentity.add",
            "crm.orderentity.list",
            key=("orderId", "ownerId", "ownerTypeId"),
            id_field="orderId",
            row_key="dealOrder",
            rows_key="orderEntity",
        ),
        Natural(
            "catalog.price.add",
            "catalog.price.list",
            key=("productId", "catalogGroupId"),
            same=("price",),
            id_field="id",
            row_key="price",
            rows_key="prices",
        ),
        # codes of properties are not kept single by a portal (catalog.productProperty.add page)
        Natural(
            "catalog.productproperty.add",
            "catalog.productProperty.list",
            key=("iblockId", "code"),
            brought=("name", "propertyType"),
            id_field="id",
            row_key="productProperty",
            rows_key="productProperties",
        ),
        Natural(
            "catalog.productpropertyenum.add",
            "catalog.productPropertyEnum.list",
            key=("propertyId", "xmlId"),
            brought=("value",),
            id_field="id",
            row_key="productPropertyEnum",
            rows_key="productPropertyEnums",
        ),
        # one of a shipment for a line of the basket: another add of it is refused, error 201250000001
        Natural(
            "sale.shipmentitem.add",
            "sale.shipmentitem.list",
            key=("orderDeliveryId", "basketId"),
            brought=("quantity",),
            id_field="id",
            row_key="shipmentItem",
            rows_key="shipmentItems",
        ),
        # one of a type for an owner: "TypeAddress exists" (crm.address.add page); its answer is `true`
        Natural(
            "crm.address.add",
            "crm.address.list",
            key=("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID"),
            brought=("ADDRESS_1", "ADDRESS_2", "CITY", "POSTAL_CODE", "REGION", "PROVINCE", "COUNTRY"),
            id_field="TYPE_ID",
            confirms=True,
        ),
        *(_userfields(entity) for entity in ("deal", "company", "contact", "lead")),
    )
}
