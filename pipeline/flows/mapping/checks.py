"""What a mapping says that cannot be, beyond the types of its values: templates, references, fields written twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from typing import NamedTuple

from pipeline.flows.mapping.model import Mapping

__all__ = ["Fault", "checked"]


class Fault(NamedTuple):
    """A fault: table and key of the file, what was given there (None = nothing), what is wanted."""

    table: str
    key: str
    given: object
    wanted: str

    def __str__(self) -> str:
        place = " ".join(filter(None, (f"[{self.table}]" if self.table else "", self.key)))
        given = "" if self.given is None else f" got {_cut(self.given)},"
        return f"{place}:{given} wants: {self.wanted}" if place else f"wants: {self.wanted}"


def _cut(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:79]}…"


USER = "XML_ID NAME LOGIN EMAIL PERSONAL_PHONE UF_SALE_SPOT_PARENT UF_PHYSICAL_ADDRESS INN KPP OGRN"
SETTLEMENT = "XML_ID NUMBER STATUS DATE_CREATE COMPANY SOURCE ASSIGNED_BY_ID TYPE"
ORDER = ("CACHBACK", "CASHBACK", "NUMBER", "USER_ID")
"""Keys of an order that may become a property of it."""

#: fields that the flows write themselves
_COMPANY = frozenset({"ID", "TITLE", "ORIGIN_ID", "ORIGINATOR_ID", "ORIGIN_VERSION", "PHONE", "EMAIL"})
_DEAL = frozenset(
    (
        *("ID", "TITLE", "ORIGIN_ID", "ORIGINATOR_ID", "CATEGORY_ID", "STAGE_ID", "CURRENCY_ID", "OPPORTUNITY"),
        *("IS_MANUAL_OPPORTUNITY", "COMPANY_ID", "ASSIGNED_BY_ID", "BEGINDATE", "SOURCE_ID"),
    )
)
_FIELD = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
_PLACE = re.compile(r"\{([A-Za-z0-9_]+)\}")


def checked(mapping: Mapping) -> list[Fault]:
    """Every fault of a mapping whose values have the right types."""
    return [*_zone(mapping), *_templates(mapping), *_catalogs(mapping), *_fields(mapping), *_orders(mapping)]


def _zone(mapping: Mapping) -> Iterator[Fault]:
    try:
        _ = mapping.portal.zone
    except (KeyError, ValueError, OSError):
        yield Fault("portal", "timezone", mapping.portal.timezone, "a time zone, for example 'Europe/Moscow'")


def _templates(mapping: Mapping) -> Iterator[Fault]:
    company, deal = mapping.company, mapping.deal
    yield from _template("company", "title", company.title, USER.split(), company.fields)
    yield from _template("company", "stub_title", company.stub_title, ["XML_ID"])
    yield from _template("deal", "title", deal.title, SETTLEMENT.split(), deal.fields)
    yield from _template("deal", "unknown_good", deal.unknown_good, ["XML_ID", "NAME"])


def _template(
    table: str, key: str, text: str, known: list[str], own: Dictionary[str, str] | None = None
) -> Iterator[Fault]:
    """`own`: further keys of the message that the mapping names; None = only the known ones are there."""
    rest = _PLACE.sub("", text)
    if "{" in rest or "}" in rest:
        yield Fault(table, key, text, "keys of the message in braces, for example {" + known[0] + "}")
    for name in dict.fromkeys(_PLACE.findall(text)):
        free = own is not None and (name in own or name.startswith("UF_"))
        if name not in known and not free:
            more = "" if own is None else ", UF_*"
            yield Fault(table, key, text, f"no {{{name}}}; there are {', '.join(known)}{more}")


def _catalogs(mapping: Mapping) -> Iterator[Fault]:
    if "default" not in mapping.catalogs:
        yield Fault("catalogs", "default", None, "a table [catalogs.default] with its iblock")
    if mapping.deal.catalog not in mapping.catalogs:
        yield Fault("deal", "catalog", mapping.deal.catalog, f"one of {', '.join(mapping.catalogs) or 'none'}")
    for name, catalog in mapping.catalogs.items():
        table = f"catalogs.{name}"
        if not name or not name.isprintable():
            yield Fault(table, "", None, "a name that can be printed")
        if not catalog.portal and not catalog.index:
            yield Fault(table, "index", catalog.index, "an alias, or portal = true: its products go nowhere")
        if catalog.index and not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,200}", catalog.index):
            yield Fault(table, "index", catalog.index, "lower-case letters, digits, '-', '_', '.'")
        if catalog.collection is not None and catalog.collection.iblock == catalog.iblock:
            wanted = "another information block than that of the products"
            yield Fault(f"{table}.collection", "iblock", catalog.collection.iblock, wanted)


def _fields(mapping: Mapping) -> Iterator[Fault]:
    company, deal = mapping.company, mapping.deal
    address = [company.address_field] if company.address_field else []
    yield from _written("company", "address_field", dict.fromkeys(address, company.address_field), _COMPANY)
    yield from _written("company.fields", None, company.fields, _COMPANY | set(address))
    yield from _written("company.constants", None, {name: name for name in company.constants}, _COMPANY | set(address))
    yield from _written("deal.fields", None, deal.fields, _DEAL)
    both = set(company.fields.values()) & set(company.constants)
    yield from (Fault("company.constants", name, None, "a field that [company.fields] does not write") for name in both)


def _written(table: str, key: str | None, fields: Dictionary[str, str], own: Iterable[str]) -> Iterator[Fault]:
    """`fields`: source -> field of the portal; `key` where the sources are no keys of the file."""
    counts = Counter(fields.values())
    for source, name in fields.items():
        place = key or source
        if not _FIELD.fullmatch(name):
            yield Fault(table, place, name, "the name of a field, for example UF_CRM_1700000000")
        elif name in own:
            yield Fault(table, place, name, "another field: this one is written already")
        elif counts[name] > 1:
            yield Fault(table, place, name, "a field of its own: another key writes this one, too")


def _orders(mapping: Mapping) -> Iterator[Fault]:
    given = mapping.order.properties
    for name in given:
        if name not in ORDER:
            yield Fault("order.properties", name, given[name], f"one of the keys {', '.join(ORDER)}")
    for number, count in Counter(given.values()).items():
        if count > 1:
            names = ", ".join(name for name in given if given[name] == number)
            yield Fault("order.properties", names, number, "a property of its own for each")
