"""The wire format of products (docs/messages.md#product); properties and prices: wire_property.py, wire_price.py."""

from __future__ import annotations

import re
from typing import Any

from pipeline.flows.messages.model import Picture, Product
from pipeline.flows.messages.reader import Reader
from pipeline.flows.messages.wire_price import read_prices
from pipeline.flows.messages.wire_property import read_properties
from pipeline.flows.messages.wire_section import PARENT_KEYS, read_parent

__all__ = ["KEYS", "read_product"]

KEYS = frozenset(
    (
        *("ID", "IBLOCK_ID", "XML_ID", "NAME", "ACTIVE", "CODE"),
        *("PREVIEW_TEXT", "PREVIEW_TEXT_TYPE", "DETAIL_TEXT", "DETAIL_TEXT_TYPE", "PREVIEW_PICTURE", "DETAIL_PICTURE"),
        *("PROPERTY_VALUES", "PRICES", "TIMESTAMP_X", "DATE_UPDATE"),
        *PARENT_KEYS,
    )
)
"""Keys that are read; others are in `extra`."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s/@]+(?:/\S*)?", re.IGNORECASE)


def read_product(reader: Reader) -> Product:
    """A product; faults are in the reader."""
    return Product(
        xml_id=reader.xml_id(),
        name=reader.name(),
        site_id=reader.id("ID"),
        iblock_id=reader.id("IBLOCK_ID"),
        active=reader.flag("ACTIVE", True),
        code=reader.line("CODE"),
        preview_text=reader.body("PREVIEW_TEXT"),
        preview_html=_is_html(reader, "PREVIEW_TEXT_TYPE"),
        detail_text=reader.body("DETAIL_TEXT"),
        detail_html=_is_html(reader, "DETAIL_TEXT_TYPE"),
        section=read_parent(reader),
        properties=read_properties(reader),
        prices=read_prices(reader),
        preview_picture=_picture(reader, "PREVIEW_PICTURE"),
        detail_picture=_picture(reader, "DETAIL_PICTURE"),
        version=reader.latest("DATE_UPDATE", "TIMESTAMP_X"),
        extra=reader.others(KEYS),
    )


def _is_html(reader: Reader, key: str) -> bool:
    kind = (reader.line(key) or "text").casefold()
    if kind not in ("html", "text"):
        reader.faults.value(reader.at(key), reader.data[key], "is no type of text: expected html or text")
    return kind == "html"


def _picture(reader: Reader, key: str) -> Picture | None:
    """A picture by reference: its address, the first of a list, or an object with SRC; the number of a file is none."""
    value: Any = reader.data.get(key)
    for _ in range(3):
        if isinstance(value, list):
            value = value[0] if value else None
        elif isinstance(value, dict):
            value = next((value[name] for name in ("SRC", "URL", "0") if name in value), None)
    if value is None or isinstance(value, int) or (isinstance(value, str) and (not value.strip() or value.isdigit())):
        return None
    url = value.strip() if isinstance(value, str) else ""
    wrong = not _ADDRESS.fullmatch(url) if _SCHEME.match(url) else not url or not url.isprintable()
    if wrong:
        reader.faults.note(f"{reader.at(key)} is no picture: expected an address (http, https) or a path of the site")
        return None
    return Picture(url=url)
