"""The wire format of sections (docs/messages.md#section): the event's parameters of Bitrix, untouched."""

from __future__ import annotations

from typing import Any

from pipeline.flows.messages.faults import Unfit
from pipeline.flows.messages.model import Section, SectionRef
from pipeline.flows.messages.reader import Reader, items
from pipeline.flows.messages.values import is_nothing, to_id

__all__ = ["KEYS", "PARENT_KEYS", "read_parent", "read_section"]

_BY_XML_ID = ("SECTION_XML_ID", "IBLOCK_SECTION_XML_ID", "PARENT_XML_ID")
PARENT_KEYS = (*_BY_XML_ID, "IBLOCK_SECTION_ID", "IBLOCK_SECTION")

KEYS = frozenset(
    (
        *("ID", "IBLOCK_ID", "XML_ID", "NAME", "CODE", "ACTIVE", "SORT", "DESCRIPTION", "TIMESTAMP_X", "DATE_UPDATE"),
        *PARENT_KEYS,
    )
)
"""Keys that are read; others are in `extra`."""


def read_section(reader: Reader) -> Section:
    """A section; faults are in the reader."""
    sort = reader.number("SORT")
    if sort is not None and sort != int(sort):
        reader.faults.value(reader.at("SORT"), reader.data["SORT"], "is no whole number")
    return Section(
        xml_id=reader.xml_id(),
        name=reader.name(),
        site_id=reader.id("ID"),
        iblock_id=reader.id("IBLOCK_ID"),
        code=reader.line("CODE"),
        active=reader.flag("ACTIVE", True),
        sort=None if sort is None else int(sort),
        description=reader.body("DESCRIPTION"),
        parent=read_parent(reader),
        version=reader.latest("DATE_UPDATE", "TIMESTAMP_X"),
        extra=reader.others(KEYS),
    )


def read_parent(reader: Reader) -> SectionRef | None:
    """The section above: SECTION_XML_ID, IBLOCK_SECTION_ID, or the first of IBLOCK_SECTION; 0 is the root."""
    xml_id = reader.reference(*_BY_XML_ID)
    site_id = reader.reference("IBLOCK_SECTION_ID")
    if site_id is None:
        listed_xml_id, site_id = _first_listed(reader)
        xml_id = xml_id or listed_xml_id
    return SectionRef(xml_id=xml_id, site_id=site_id) if xml_id or site_id else None


def _first_listed(reader: Reader) -> tuple[str | None, str | None]:
    """XML_ID and number of the first section in IBLOCK_SECTION: numbers, or objects with ID, XML_ID."""
    value: Any = reader.data.get("IBLOCK_SECTION")
    if not reader.faults.fits(reader.at("IBLOCK_SECTION"), value):
        return None, None
    if isinstance(value, str | int) and not is_nothing(value):
        value = [value]
    try:
        for path, item in items(value, reader.at("IBLOCK_SECTION"), ("ID", "XML_ID")):
            if isinstance(item, dict):
                one = Reader(item, path, reader.faults, reader.zone)
                return one.reference("XML_ID"), one.reference("ID")
            try:
                found = to_id(item)
            except Unfit as error:
                reader.faults.value(path, item, str(error))
                continue
            if found and found != "0":
                return None, found
    except Unfit as error:
        reader.faults.value(reader.at("IBLOCK_SECTION"), value, f"{error}: expected a list of sections")
    return None, None
