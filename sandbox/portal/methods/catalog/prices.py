"""`catalog.price.*`: one price of a type for a product; `modify` replaces all of them."""

from collections.abc import Iterator
from typing import Any

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.methods.given import new_fields
from sandbox.portal.methods.spec import Call, Method, Reply, read_params
from sandbox.portal.methods.typed import (
    Resource,
    catalog_events,
    change,
    insert,
    remove,
    required_fields,
    resource_methods,
    shown,
)
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row

_WRONG_TYPE = Problem(400, 0, "Validate price error. Catalog price group is wrong")
_TWICE = Problem(
    400, 0, "Validate price error. Catalog product is allowed has only single price without ranges in price group"
)
_NO_PRODUCT = Problem(400, 0, "Validate price error. Catalog product is not exists")


def _check(portal: Portal, row: Row, held: Row | None) -> None:
    store = portal.store
    if row["productId"] not in store.tables["product"].rows:
        raise RestError(_NO_PRODUCT)
    if row["catalogGroupId"] not in store.tables["price_type"].rows:
        raise RestError(_WRONG_TYPE)
    for other in store.tables["price"].where("productId", row["productId"]):
        same = other["catalogGroupId"] == row["catalogGroupId"]
        if other is not held and same and not row.get("quantityFrom") and not row.get("quantityTo"):
            raise RestError(_TWICE)
    row["priceScale"] = row["price"]


_PRICE = Resource("catalog.price", "price", "catalog", "price", "prices", check=_check, events=catalog_events("PRICE"))


def methods() -> Iterator[Method]:
    """The methods of this file."""
    yield from resource_methods(_PRICE)
    params = read_params("fields array!")
    yield Method("catalog.price.modify", _modify, scope="catalog", params=params, result="{prices}")


async def _modify(portal: Portal, call: Call) -> Reply:
    """Prices whose id is not passed are removed, those without an id are made."""
    product = as_map(new_fields(call).get("product"))
    if not product:
        raise RestError(required_fields(["product"]))
    number = integer(product.get("id"))
    wanted = as_map(product.get("prices"))
    lacking = [name for name, value in (("id", number), ("prices", wanted)) if value is None]
    if lacking or number is None or wanted is None:
        raise RestError(required_fields(lacking))
    call.touched["ID"] = number
    given = [as_map(item) or {} for item in wanted.values()]
    _check_all(portal, number, given)
    table = portal.store.tables["price"]
    held = {row["id"]: row for row in table.where("productId", number)}
    kept = {integer(item.get("id")) for item in given}
    for row_id, row in held.items():
        if row_id not in kept:
            remove(portal, call, _PRICE, row)
    for item in given:
        row_id = integer(item.get("id"))
        if row_id is not None and row_id in held:
            change(portal, call, _PRICE, held[row_id], item)
        else:
            insert(portal, call, _PRICE, {**item, "productId": number})
    call.touched["ID"] = number
    return Reply({"prices": [shown(portal, _PRICE, row) for row in table.where("productId", number)]})


def _check_all(portal: Portal, product: int, given: list[dict[str, Any]]) -> None:
    """All or nothing: what is wrong is found before anything is changed."""
    if product not in portal.store.tables["product"].rows:
        raise RestError(_NO_PRODUCT)
    seen: set[int | None] = set()
    for item in given:
        lacking = [name for name in ("catalogGroupId", "price", "currency") if item.get(name) in (None, "")]
        if lacking:
            raise RestError(required_fields(lacking))
        group = integer(item["catalogGroupId"])
        if group not in portal.store.tables["price_type"].rows:
            raise RestError(_WRONG_TYPE)
        if group in seen and not item.get("quantityFrom") and not item.get("quantityTo"):
            raise RestError(_TWICE)
        seen.add(group)
