"""`sale.property.list`, `sale.propertyvalue.*`: properties of orders, and the values that an order has."""

from collections.abc import Iterator

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.methods.given import new_fields
from sandbox.portal.methods.spec import Call, Change, Method, Reply, read_params
from sandbox.portal.methods.typed import Resource, required_fields, resource_methods
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.views import plain_view

_NO_ORDER = Problem(400, 200540400001, "order does not exist")
_PROPERTY = Resource("sale.property", "order_property", "sale", "property", "properties", verbs=("list",))
_VALUE = Resource(
    "sale.propertyvalue",
    "property_value",
    "sale",
    "propertyValue",
    "propertyValues",
    missing=201040400001,
    gone="property value does not exist",
    verbs=("get", "list", "delete", "getFields"),
)


def methods() -> Iterator[Method]:
    """The methods of this file."""
    yield from resource_methods(_PROPERTY)
    yield from resource_methods(_VALUE)
    params = read_params("fields array!")
    yield Method("sale.propertyvalue.modify", _modify, scope="sale", params=params, result="{propertyValues}")


async def _modify(portal: Portal, call: Call) -> Reply:
    """Takes all values of the order: those that are not passed are removed; unknown properties are passed over."""
    order = as_map(new_fields(call).get("order")) or {}
    number, given = integer(order.get("id")), as_map(order.get("propertyValues"))
    lacking = [name for name, value in (("id", number), ("propertyValues", given)) if value is None]
    if lacking or number is None or given is None:
        raise RestError(required_fields(lacking))
    if number not in portal.store.tables["order"].rows:
        raise RestError(_NO_ORDER)
    known, table = portal.store.tables["order_property"].rows, portal.store.tables["property_value"]
    held = {row["orderPropsId"]: row for row in table.where("orderId", number)}
    wanted = {integer(item.get("orderPropsId")): item for item in map(as_map, given.values()) if item}
    for property_id, row in held.items():
        if property_id not in wanted:
            table.delete(row["id"])
    for property_id, item in wanted.items():
        if property_id is None or property_id not in known:
            continue
        value = "" if item.get("value") is None else str(item["value"])
        if property_id in held:
            table.update(held[property_id]["id"], {"value": value})
        else:
            names = {"name": known[property_id]["name"], "code": known[property_id]["code"], "orderPropsXmlId": ""}
            table.insert({"orderId": number, "orderPropsId": property_id, "value": value, **names})
    call.changes.append(Change("ONORDERENTITYSAVED", {"ID": number}))
    call.touched["ID"] = number
    rows = table.where("orderId", number)
    return Reply({"propertyValues": [plain_view(table, row, portal.zone) for row in rows]})
