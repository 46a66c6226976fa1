"""`catalog.product.*`: the strict list, the unique code, pictures, properties as `propertyN`."""

from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.methods.crm.files import take_file
from sandbox.portal.methods.spec import Call, Method
from sandbox.portal.methods.typed import Resource, catalog_events, resource_methods, take_typed
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row
from sandbox.portal.views import plain_view

_NO_IBLOCK = Problem(400, 200040300000, "Iblock Not Found")
_CODE_TAKEN = Problem(400, 0, "Товар с указанным символьным кодом уже существует")
_PICTURES = ("detailPicture", "previewPicture")
_PRODUCT, _OFFER = 1, 4


def methods() -> Iterator[Method]:
    """The methods of this file."""
    yield from resource_methods(PRODUCT)


def _take(portal: Portal, given: dict[str, Any], held: Row | None) -> Row:
    table = portal.store.tables["product"]
    taken = take_typed(portal, table, given, held)
    for name in _PICTURES:
        if name in given:
            taken[name] = take_file(portal.store, given[name], (held or {}).get(name), multiple=False)
    if "IblockSection" in given:
        sections = [integer(item) for item in (as_map(given["IblockSection"]) or {}).values()]
        taken["iblockSection"] = [item for item in sections if item]
    for name, value in given.items():
        number = integer(name[8:]) if name.startswith("property") else None
        row = portal.store.tables["property"].rows.get(number or 0)
        if row is not None:
            taken[name] = _values(portal, value, multiple=row.get("multiple") == "Y")
    return taken


def _values(portal: Portal, value: Any, *, multiple: bool) -> list[dict[str, Any]]:
    """A property's values, each with an id of its own; `{value: ..}` and the plain value mean the same."""
    given = as_map(value)
    if given is None or "value" in given:
        given = {"0": value}
    kept = []
    for part in given.values():
        text = (as_map(part) or {}).get("value") if isinstance(part, dict) else part
        if text not in (None, "", []):
            kept.append({"value": text, "valueId": str(portal.store.number("property_value"))})
    return kept if multiple else kept[:1]


def _check(portal: Portal, row: Row, held: Row | None) -> None:
    store = portal.store
    catalog = store.tables["catalog"].rows.get(row["iblockId"])
    if catalog is None:
        raise RestError(_NO_IBLOCK)
    row["type"] = _OFFER if catalog.get("productIblockId") else _PRODUCT
    code = row.get("code")
    same = store.tables["product"].where("code", code) if code else []
    if any(other is not held and other["iblockId"] == row["iblockId"] for other in same):
        raise RestError(_CODE_TAKEN)


def _written(portal: Portal, call: Call, row: Row) -> None:
    if not row.get("xmlId"):
        # A product without an external id is known by its own.
        portal.store.tables["product"].update(row["id"], {"xmlId": str(row["id"])})


def _removed(portal: Portal, call: Call, row: Row) -> None:
    prices = portal.store.tables["price"]
    for price in prices.where("productId", row["id"]):
        prices.delete(price["id"])


def _show(portal: Portal, row: Row, names: Iterable[str] | None) -> dict[str, Any]:
    table = portal.store.tables["product"]
    fields = table.entity.fields
    wanted = [name for name in fields if name != "parentId"] if names is None else list(names)
    shown = plain_view(table, row, portal.zone, [name for name in wanted if name in fields])
    for name in _PICTURES:
        if shown.get(name):
            query = f"fields%5BfieldName%5D={name}&fields%5BfileId%5D={row[name]}&fields%5BproductId%5D={row['id']}"
            address = f"/rest/catalog.product.download?{query}"
            shown[name] = {"id": str(row[name]), "url": address, "urlMachine": address}
    known = portal.store.tables["property"].where("iblockId", row["iblockId"])
    for name, multiple in ((f"property{item['id']}", item.get("multiple") == "Y") for item in known):
        if names is None or name in wanted:
            values = row.get(name) or []
            shown[name] = values if multiple and values else values[0] if values else None
    return shown


def _listed(portal: Portal, call: Call) -> None:
    """The list wants its select and filter, and says so (catalog.product.list page)."""
    names = {str(name) for name in (as_map(call.param("select")) or {}).values()}
    lacking = [name for name in ("id", "iblockId") if name not in names and "*" not in names]
    if lacking:
        raise RestError(Problem(400, 0, f"Required select fields: {', '.join(lacking)}"))
    given = call.param("filter")
    conditions = as_map(given)
    if given is not None and given != "" and conditions is None:
        raise RestError(Problem(400, 0, "Incorrect filter format"))
    value = next((value for key, value in (conditions or {}).items() if key.lstrip("=@") == "iblockId"), None)
    if value in (None, "", []):
        raise RestError(Problem(400, 0, "Required filter fields: iblockId"))
    wanted = as_map(value)
    known = portal.store.tables["catalog"].rows
    if not any((integer(item) or 0) in known for item in ([value] if wanted is None else wanted.values())):
        raise RestError(_NO_IBLOCK)


PRODUCT = Resource(
    "catalog.product",
    "product",
    "catalog",
    "product",
    "products",
    added="element",
    take=_take,
    check=_check,
    written=_written,
    removed=_removed,
    show=_show,
    listed=_listed,
    events=catalog_events("PRODUCT"),
    verbs=("add", "get", "list", "update", "delete"),
)
