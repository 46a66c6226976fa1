"""`catalog.productProperty.*` and `catalog.productPropertyEnum.*`."""

import re
from collections.abc import Iterator

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.methods.spec import Call, Method
from sandbox.portal.methods.typed import Resource, resource_methods
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row

_TYPES = ("N", "S", "L", "F", "E", "G")


def _check_property(portal: Portal, row: Row, held: Row | None) -> None:
    if row["iblockId"] not in portal.store.tables["catalog"].rows:
        raise RestError(Problem(400, 0, "Iblock Not Found"))
    if row["propertyType"] not in _TYPES:
        raise RestError(Problem(400, 0, "Invalid property type specified"))
    code = row.get("code") or "_"
    if code[0].isdigit():
        raise RestError(Problem(400, 0, "Код свойства не может начинаться с цифры"))
    if not re.fullmatch("[A-Za-z0-9_]+", code):
        raise RestError(Problem(400, 0, "Код свойства может состоять из латинских букв, цифр и знака подчеркивания"))


def _check_enum(portal: Portal, row: Row, held: Row | None) -> None:
    owner = portal.store.tables["property"].rows.get(row["propertyId"])
    if owner is None:
        raise RestError(Problem(400, 0, "productProperty does not exist."))
    if owner["propertyType"] != "L":
        raise RestError(Problem(400, 0, "Only list properties are supported"))
    for other in portal.store.tables["property_enum"].where("propertyId", row["propertyId"]):
        # Unique within the property (catalog.productPropertyEnum.add page).
        if other is not held and other["xmlId"] == row["xmlId"]:
            raise RestError(Problem(400, 0, "Property value with this xmlId already exists"))


def _declare_property(portal: Portal, call: Call, row: Row) -> None:
    portal.store.declare_property(row["id"])


def _remove_property(portal: Portal, call: Call, row: Row) -> None:
    portal.store.tables["product"].custom.pop(f"property{row['id']}", None)
    enums = portal.store.tables["property_enum"]
    for item in enums.where("propertyId", row["id"]):
        enums.delete(item["id"])


_RESOURCES = (
    Resource(
        "catalog.productProperty",
        "property",
        "catalog",
        "productProperty",
        "productProperties",
        check=_check_property,
        written=_declare_property,
        removed=_remove_property,
    ),
    Resource(
        "catalog.productPropertyEnum",
        "property_enum",
        "catalog",
        "productPropertyEnum",
        "productPropertyEnums",
        check=_check_enum,
    ),
)


def methods() -> Iterator[Method]:
    """The methods of this file."""
    for resource in _RESOURCES:
        yield from resource_methods(resource)
