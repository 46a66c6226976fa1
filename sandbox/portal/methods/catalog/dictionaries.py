"""Catalogues, sections, price types, measures, VAT rates."""

from collections.abc import Iterator

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.methods.spec import Call, Method
from sandbox.portal.methods.typed import Resource, catalog_events, resource_methods
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row

_READ = ("get", "list", "getFields")
_WRITE = ("add", "get", "list", "update", "delete", "getFields")
_NO_IBLOCK = Problem(400, 200700300050, "Iblock Not Found")
_NO_CATALOG = "catalog does not exist."
_CODE_TAKEN = Problem(400, 200700300040, "Section with this code already exists")
_OTHER_IBLOCK = Problem(400, 200700300000, "Parent section belongs to another iblock")


def _check_section(portal: Portal, row: Row, held: Row | None) -> None:
    store = portal.store
    if row["iblockId"] not in store.tables["catalog"].rows:
        raise RestError(_NO_IBLOCK)
    sections = store.tables["section"]
    code = row.get("code")
    same = sections.where("code", code) if code else []
    if any(other is not held and other["iblockId"] == row["iblockId"] for other in same):
        raise RestError(_CODE_TAKEN)
    parent = sections.rows.get(row.get("iblockSectionId") or 0)
    if row.get("iblockSectionId") and (parent is None or parent["iblockId"] != row["iblockId"]):
        raise RestError(_OTHER_IBLOCK)


def _remove_section(portal: Portal, call: Call, row: Row) -> None:
    """Its products stand at the top of the catalogue then, its sections are gone with it."""
    products, sections = portal.store.tables["product"], portal.store.tables["section"]
    for product in products.where("iblockSectionId", row["id"]):
        products.update(product["id"], {"iblockSectionId": None})
    for child in sections.where("iblockSectionId", row["id"]):
        sections.delete(child["id"])
        _remove_section(portal, call, child)


_RESOURCES = (
    Resource("catalog.catalog", "catalog", "catalog", "catalog", "catalogs", gone=_NO_CATALOG, verbs=_READ),
    Resource(
        "catalog.section",
        "section",
        "catalog",
        "section",
        "sections",
        missing=200700300030,
        check=_check_section,
        removed=_remove_section,
        needed=("iblockId", "name"),
        verbs=_WRITE,
        events=catalog_events("SECTION"),
    ),
    Resource("catalog.priceType", "price_type", "catalog", "priceType", "priceTypes", verbs=_WRITE),
    Resource("catalog.measure", "measure", "catalog", "measure", "measures", verbs=_WRITE),
    Resource("catalog.vat", "vat", "catalog", "vat", "vats", verbs=_WRITE),
)


def methods() -> Iterator[Method]:
    """The methods of this file."""
    for resource in _RESOURCES:
        yield from resource_methods(resource)
