"""Sections, products and their documents, each from its newest message."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.day.state import Document, Product, Section
from tests.day.wire import identity, number

__all__ = ["document_of", "plain_number", "product_of", "section_of"]


def plain_number(value: Decimal) -> str:
    """A number as a text without zeros at the end."""
    return f"{value.normalize():f}"


def section_of(body: dict[str, Any], by_number: Mapping[str, str]) -> Section:
    """`by_number`: the site's own number of a section -> XML_ID. A parent that never came: the root."""
    return Section(
        name=body["NAME"],
        active=body.get("ACTIVE") != "N",
        parent=_section(body, by_number),
        sort=int(body["SORT"]),
    )


def _section(body: dict[str, Any], by_number: Mapping[str, str]) -> str | None:
    xml_id = identity(body.get("SECTION_XML_ID"))
    if xml_id:
        return xml_id if xml_id in by_number.values() else None
    listed = body.get("IBLOCK_SECTION") or [None]
    return by_number.get(identity(body.get("IBLOCK_SECTION_ID")) or identity(listed[0]))


def product_of(body: dict[str, Any], by_number: Mapping[str, str], catalog: dict[str, Any]) -> Product:
    """The product; its properties by code, but for links to elements and the collection."""
    values = body["PROPERTY_VALUES"]
    source = catalog["collection"]["source"]
    return Product(
        name=body["NAME"],
        active=body["ACTIVE"] != "N",
        section=_section(body, by_number),
        preview=body.get("PREVIEW_TEXT") or "",
        detail=body.get("DETAIL_TEXT") or "",
        html=(body["PREVIEW_TEXT_TYPE"] == "html", body["DETAIL_TEXT_TYPE"] == "html"),
        prices=_prices(body.get("PRICES"), catalog),
        properties={
            code: _values(given) for code, given in values.items() if given["PROPERTY_TYPE"] != "E" and code != source
        },
        collection=str(values[source].get("VALUE") or catalog["collection"]["default"]),
    )


def _values(given: dict[str, Any]) -> tuple[str, ...]:
    value = given["VALUE"]
    items = value if isinstance(value, list) else [value]
    if given["PROPERTY_TYPE"] == "L":
        return tuple(sorted(identity(item["XML_ID"]) for item in items))
    if given["PROPERTY_TYPE"] == "N":
        return tuple(plain_number(found) for item in items if (found := number(item)) is not None)
    return tuple(sorted(str(item) for item in items if item not in ("", None)))


def _prices(given: Any, catalog: dict[str, Any]) -> dict[int, tuple[Decimal, str]]:
    """By types, or a list of items of which the first one counts that is not empty."""
    if isinstance(given, dict) and "0" not in given:
        rows = [(catalog["price_types"][name], item) for name, item in given.items()]
    else:
        rows = [(catalog["price_type"], item) for item in (given.values() if isinstance(given, dict) else given or ())]
    found: dict[int, tuple[Decimal, str]] = {}
    for kind, item in rows:
        while isinstance(item, dict):
            item = item["PRICE"]
        amount = number(item)
        if amount is not None:
            found.setdefault(kind, (amount, catalog["currency"]))
    return found


def document_of(body: dict[str, Any], product: Product, catalog: dict[str, Any]) -> Document:
    """What the original's reader of the index asks for."""
    values = body["PROPERTY_VALUES"]
    price = product.prices.get(catalog["price_type"])
    return Document(
        name=product.name,
        preview=product.preview,
        detail=product.detail,
        brand=values["BRAND"]["VALUE"]["VALUE"],
        sntinvest_articul=values["SNTINVEST_ARTICUL"]["VALUE"],
        fac_articul=values["FAC_ARTICUL"]["VALUE"],
        price=price[0] if price else None,
    )
