"""What a portal holds at the day's end, in the shape of `state.py`; objects that are there twice are faults."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.day.companies import email_key, phone_key
from tests.day.goods import plain_number
from tests.day.portal_sales import Known, read_deals, read_orders
from tests.day.rest import Rest
from tests.day.state import Company, Product, Section, State

__all__ = ["read_portal"]

_COMPANY = 4


async def read_portal(rest: Rest, mapping: dict[str, Any]) -> State:
    """All that the mapping's objects are in the portal; the index is not read here."""
    state = State()
    catalog = mapping["catalogs"]["default"]
    companies = await _read_companies(rest, mapping["company"], state)
    await _read_sections(rest, catalog, state)
    products = await _read_products(rest, catalog, state)
    known = Known(companies=companies, products=products)
    deals = await read_deals(rest, mapping, known, state)
    await read_orders(rest, mapping, known, deals, state)
    return state


def unique(rows: Iterable[dict[str, Any]], key: str, what: str, state: State) -> dict[str, dict[str, Any]]:
    """Rows by their external id; a second one of the same is a fault, and one without an id too."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = str(row.get(key) or "")
        if not name:
            state.faults.append(f"{what} {row.get('ID', row.get('id'))}: has no external id")
        elif name in found:
            state.faults.append(f"{what} {name}: is there twice")
        found[name] = row
    return found


async def _read_companies(rest: Rest, mapping: dict[str, Any], state: State) -> dict[int, str]:
    select = ["*", "UF_*", "PHONE", "EMAIL", *mapping["fields"].values()]
    found = unique(await rest.rows("crm.company.list", {"select": select}), "ORIGIN_ID", "company", state)
    by_owner = await _requisites(rest, found, state)
    for key, row in found.items():
        phones = _contacts(row, "PHONE", phone_key, f"company {key}", state)
        emails = _contacts(row, "EMAIL", email_key, f"company {key}", state)
        if (row.get("ORIGINATOR_ID") or "") != mapping["originator"]:
            state.faults.append(f"company {key}: ORIGINATOR_ID is {row.get('ORIGINATOR_ID')!r}")
        state.companies[key] = Company(
            title=row["TITLE"],
            phones=phones,
            emails=emails,
            address=row.get(mapping["address_field"]) or "",
            fields={name: row.get(name) or "" for name in mapping["fields"].values()},
            requisite=by_owner.get(int(row["ID"])),
        )
    return {int(row["ID"]): key for key, row in found.items()}


async def _requisites(
    rest: Rest, companies: dict[str, dict[str, Any]], state: State
) -> dict[int, tuple[str, str, str]]:
    found: dict[int, tuple[str, str, str]] = {}
    names = {int(row["ID"]): key for key, row in companies.items()}
    for row in await rest.rows("crm.requisite.list", {"filter": {"ENTITY_TYPE_ID": _COMPANY}}):
        owner = int(row["ENTITY_ID"])
        if owner in found:
            state.faults.append(f"company {names.get(owner, owner)}: has two requisites")
        found[owner] = (row.get("RQ_INN") or "", row.get("RQ_KPP") or "", row.get("RQ_OGRN") or "")
    return found


def _contacts(row: dict[str, Any], kind: str, key: Any, owner: str, state: State) -> frozenset[str]:
    values = [key(item["VALUE"]) for item in row.get(kind) or ()]
    state.faults += [f"{owner}: {kind} {one} is there twice" for one in set(values) if values.count(one) > 1]
    return frozenset(values)


async def _read_sections(rest: Rest, catalog: dict[str, Any], state: State) -> None:
    rows = await rest.rows("catalog.section.list", {"filter": {"iblockId": catalog["iblock"]}}, within="sections")
    found = unique(rows, "xmlId", "section", state)
    names = {row["id"]: key for key, row in found.items()}
    for key, row in found.items():
        parent = row.get("iblockSectionId")
        state.sections[key] = Section(
            name=row["name"],
            active=row["active"] == "Y",
            parent=names.get(parent, f"id {parent}") if parent else None,
            sort=row["sort"],
        )


async def _read_products(rest: Rest, catalog: dict[str, Any], state: State) -> dict[int, str]:
    iblock = {"iblockId": catalog["iblock"]}
    given = await rest.rows("catalog.productProperty.list", {"filter": iblock}, within="productProperties")
    properties = unique(given, "code", "property", state)
    enums = await rest.rows("catalog.productPropertyEnum.list", within="productPropertyEnums")
    _enums_once(enums, properties, state)
    values = {str(row["id"]): str(row["xmlId"]) for row in enums}
    names = {f"property{row['id']}": (code, row["propertyType"]) for code, row in properties.items()}
    sections = await rest.rows("catalog.section.list", {"filter": iblock}, within="sections")
    section_names = {row["id"]: row["xmlId"] for row in sections}
    elements = await _collections(rest, catalog, state)
    prices = await _prices(rest)
    select = "id iblockId name xmlId code active iblockSectionId previewText previewTextType detailText detailTextType"
    rows = await rest.rows(
        "catalog.product.list", {"select": [*select.split(), *names], "filter": iblock}, within="products"
    )
    found = unique(rows, "xmlId", "product", state)
    _codes_once(rows, catalog, state)
    for key, row in found.items():
        by_code = {code: _values(row.get(name), kind, values) for name, (code, kind) in names.items()}
        collection = by_code.pop(catalog["collection"]["property"], ())
        state.products[key] = Product(
            name=row["name"],
            active=row["active"] == "Y",
            section=section_names.get(row.get("iblockSectionId")),
            preview=row.get("previewText") or "",
            detail=row.get("detailText") or "",
            html=(row.get("previewTextType") == "html", row.get("detailTextType") == "html"),
            prices=prices.get(row["id"], {}),
            properties=by_code,
            collection=elements.get(collection[0]) if collection else None,
        )
    return {row["id"]: key for key, row in found.items()}


def _enums_once(enums: list[dict[str, Any]], properties: dict[str, dict[str, Any]], state: State) -> None:
    codes = {row["id"]: code for code, row in properties.items()}
    seen: set[tuple[int, str]] = set()
    for row in enums:
        place = (row["propertyId"], str(row["xmlId"]))
        if place in seen:
            state.faults.append(f"list value {codes.get(place[0], place[0])} {place[1]}: is there twice")
        seen.add(place)


def _codes_once(rows: list[dict[str, Any]], catalog: dict[str, Any], state: State) -> None:
    seen: set[str] = set()
    for row in rows:
        code = row.get("code") or ""
        if code in seen or (not code and catalog["code"] == "name"):
            state.faults.append(f"product {row['xmlId']}: its code {code!r} is not its own")
        seen.add(code)


async def _collections(rest: Rest, catalog: dict[str, Any], state: State) -> dict[str, str]:
    """Id of an element, as properties hold it -> name of the collection."""
    select = {"select": ["id", "iblockId", "name"], "filter": {"iblockId": catalog["collection"]["iblock"]}}
    rows = await rest.rows("catalog.product.list", select, within="products")
    unique(rows, "name", "collection", state)
    return {str(row["id"]): row["name"] for row in rows}


async def _prices(rest: Rest) -> dict[int, dict[int, tuple[Decimal, str]]]:
    found: dict[int, dict[int, tuple[Decimal, str]]] = {}
    for row in await rest.rows("catalog.price.list", within="prices"):
        of_product = found.setdefault(row["productId"], {})
        of_product[row["catalogGroupId"]] = (Decimal(str(row["price"])), row["currency"])
    return found


def _values(given: Any, kind: str, enums: dict[str, str]) -> tuple[str, ...]:
    items = given if isinstance(given, list) else [given] if given else []
    texts = [str(item["value"]) for item in items]
    if kind == "L":
        texts = [enums.get(text, f"id {text}") for text in texts]
    if kind == "N":
        texts = [plain_number(Decimal(text)) for text in texts]
    return tuple(sorted(texts))
