"""A mapping against a portal: is all that it names there? Each fault says what to fix (docs/mapping.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator

from pipeline.flows.mapping.asked import Ask, Asked, Row
from pipeline.flows.mapping.checks import Fault
from pipeline.flows.mapping.compare_sale import sale
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.flows.mapping.names import named, number, word

__all__ = ["compare"]

_DEAL = 2
_DEAD_LETTER = "dead-letter"


async def compare(mapping: Mapping, ask: Ask) -> list[Fault]:
    """All that the portal lacks, and what could not be looked at. Raises LinksError: nobody answers."""
    asked = Asked(ask)
    found: list[Fault] = []
    for part in (_companies, _deals, _stages, _currencies, _users, _catalogs, sale):
        found += [fault async for fault in part(mapping, asked)]
    return found + asked.faults


async def _companies(mapping: Mapping, asked: Asked) -> AsyncIterator[Fault]:
    company = mapping.company
    wanted = [("company.fields", key, name) for key, name in company.fields.items()]
    wanted += [("company.constants", name, name) for name in company.constants]
    if company.address_field:
        wanted.append(("company", "address_field", company.address_field))
    for fault in _lacking(wanted, await asked.fields("crm.company.fields") if wanted else None, "companies"):
        yield fault
    if company.requisite_preset is not None:
        rows = await asked.rows("crm.requisite.preset.list", {"select": ["ID", "NAME"]})
        for fault in number("company", "requisite_preset", company.requisite_preset, rows, "a preset of requisites"):
            yield fault


async def _deals(mapping: Mapping, asked: Asked) -> AsyncIterator[Fault]:
    wanted = [("deal.fields", key, name) for key, name in mapping.deal.fields.items()]
    for fault in _lacking(wanted, await asked.fields("crm.deal.fields") if wanted else None, "deals"):
        yield fault
    if mapping.deal.sources:
        sources = await asked.rows("crm.status.list", {"filter": {"ENTITY_ID": "SOURCE"}})
        for fault in word("deal.sources", mapping.deal.sources, sources, "STATUS_ID", "a source"):
            yield fault


def _lacking(wanted: Iterable[tuple[str, str, str]], fields: dict[str, Row] | None, whose: str) -> Iterator[Fault]:
    if fields is None:
        return
    for table, key, name in wanted:
        if name not in fields:
            make = "make it in the settings of CRM, or name another" if name.startswith("UF_") else "name another"
            yield Fault(table, key, name, f"a field of {whose}; {make}")
        elif fields[name].get("isReadOnly") is True:
            yield Fault(table, key, name, f"a field of {whose} that can be written; this one is read only")


async def _stages(mapping: Mapping, asked: Asked) -> AsyncIterator[Fault]:
    deal = mapping.deal
    pipelines = await asked.rows("crm.category.list", {"entityTypeId": _DEAL})
    faults = list(number("deal", "category", deal.category, pipelines, "a pipeline of deals"))
    for fault in faults:
        yield fault
    if faults or pipelines is None:
        return
    entity = f"DEAL_STAGE_{deal.category}" if deal.category else "DEAL_STAGE"
    rows = await asked.rows("crm.status.list", {"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}})
    kind = f"a stage of pipeline {deal.category}"
    for fault in word("deal.stages", deal.stages, rows, "STATUS_ID", kind):
        yield fault
    if deal.unknown_status != _DEAD_LETTER:
        for fault in word("deal", {"unknown_status": deal.unknown_status}, rows, "STATUS_ID", kind):
            yield fault


async def _currencies(mapping: Mapping, asked: Asked) -> AsyncIterator[Fault]:
    rows = await asked.rows("crm.currency.list")
    for table, currency in [
        ("deal", mapping.deal.currency),
        *((f"catalogs.{name}", one.currency) for name, one in mapping.catalogs.items() if one.portal),
    ]:
        for fault in word(table, {"currency": currency}, rows, "CURRENCY", "a currency of the portal"):
            yield fault


async def _users(mapping: Mapping, asked: Asked) -> AsyncIterator[Fault]:
    places: list[tuple[str, str, int]] = [("deal", "assigned_by", mapping.deal.assigned_by)]
    places += [("deal.users", word, user) for word, user in mapping.deal.users.items()]
    if mapping.order.enabled and mapping.order.user is not None:
        places.append(("order", "user", mapping.order.user))
    for table, key, user in places:
        # one by one: user.get promises a filter by one id
        rows = await asked.rows("user.get", {"ID": user})
        if rows is None:
            return
        row = next((row for row in rows if str(row.get("ID")) == str(user)), None)
        if row is None:
            yield Fault(table, key, user, "the id of a user of the portal")
        elif row.get("ACTIVE") in (False, "N", "0", 0):
            yield Fault(table, key, user, "a user who is active; this one is dismissed")


async def _catalogs(mapping: Mapping, asked: Asked) -> AsyncIterator[Fault]:
    catalogs = {name: one for name, one in mapping.catalogs.items() if one.portal}
    if not catalogs:
        return
    iblocks = await asked.rows("catalog.catalog.list", {"select": ["id", "iblockId", "name", "productIblockId"]})
    types = await asked.rows("catalog.priceType.list", {"select": ["id", "name"]})
    for name, catalog in catalogs.items():
        for fault in _catalog(f"catalogs.{name}", catalog, iblocks, types):
            yield fault


def _catalog(
    table: str, catalog: CatalogMapping, iblocks: list[Row] | None, types: list[Row] | None
) -> Iterator[Fault]:
    yield from _iblock(table, catalog.iblock, iblocks)
    if catalog.collection is not None:
        yield from _iblock(f"{table}.collection", catalog.collection.iblock, iblocks)
    yield from number(table, "price_type", catalog.price_type, types, "a price type")
    for key, given in catalog.price_types.items():
        yield from number(f"{table}.price_types", key, given, types, "a price type")


def _iblock(table: str, iblock: int, rows: list[Row] | None) -> Iterator[Fault]:
    if rows is None:
        return
    row = next((row for row in rows if str(row.get("iblockId", row.get("id"))) == str(iblock)), None)
    if row is None:
        own = [row for row in rows if not row.get("productIblockId")]
        yield Fault(table, "iblock", iblock, f"a catalogue of the portal: {named(own, 'iblockId')}")
    elif products := row.get("productIblockId"):
        yield Fault(table, "iblock", iblock, f"a catalogue of products; this one has the variations of {products}")
