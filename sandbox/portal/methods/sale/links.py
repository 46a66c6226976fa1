"""`crm.orderentity.*`: which deal or invoice an order belongs to; the one thing that is unique."""

from collections.abc import Iterator

from sandbox.portal import listing
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.methods.given import new_fields, start
from sandbox.portal.methods.spec import Call, Change, Method, Reply, read_params
from sandbox.portal.methods.typed import required_fields
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Store
from sandbox.portal.views import plain_view

_NAMES = ("orderId", "ownerId", "ownerTypeId")
_TWICE = Problem(400, "201650000001", "Duplicate entry for key [ownerId, ownerTypeId, orderId]")
_NO_LINK = Problem(400, "201640400004", "entity relation is not exists")
_NO_ORDER = Problem(400, 200540400001, "order does not exist")


def methods() -> Iterator[Method]:
    """The methods of this file."""
    fields = read_params("fields array!")
    yield Method("crm.orderentity.add", _add, scope="crm", adds=True, params=fields, result="{dealOrder}")
    yield Method("crm.orderentity.list", _list, scope="crm", result="{orderEntity}")
    yield Method("crm.orderentity.deleteByFilter", _delete, scope="crm", params=fields, result="true")
    yield Method("crm.orderentity.getFields", _fields, scope="crm", result="{orderEntity}")


def link(store: Store, order_id: int, owner_type: int, owner_id: int) -> Row:
    """Tie an order to a CRM object; raises `RestError` 400 201650000001 when it is tied already."""
    table = store.tables["order_link"]
    row = {"orderId": order_id, "ownerId": owner_id, "ownerTypeId": owner_type}
    if any(all(other[name] == row[name] for name in _NAMES) for other in table.where("orderId", order_id)):
        raise RestError(_TWICE)
    table.insert(row)
    return row


def _given(call: Call) -> dict[str, int]:
    given = new_fields(call)
    lacking = [name for name in _NAMES if integer(given.get(name)) is None]
    if lacking:
        raise RestError(required_fields(lacking))
    found = {name: integer(given[name]) or 0 for name in _NAMES}
    call.touched |= found
    return found


async def _add(portal: Portal, call: Call) -> Reply:
    given = _given(call)
    if given["orderId"] not in portal.store.tables["order"].rows:
        raise RestError(_NO_ORDER)
    row = link(portal.store, given["orderId"], given["ownerTypeId"], given["ownerId"])
    call.changes.append(Change("ONORDERENTITYSAVED", {"ID": given["orderId"]}))
    return Reply({"dealOrder": dict(row)})


async def _list(portal: Portal, call: Call) -> Reply:
    table = portal.store.tables["order_link"]
    page = listing.find(table, call.param("filter"), call.param("order"), start(call), portal.zone)
    wanted = [str(name) for name in (as_map(call.param("select")) or {}).values()]
    names = [name for name in _NAMES if name in wanted] or _NAMES
    rows = [plain_view(table, row, portal.zone, names) for row in page.rows]
    return Reply({"orderEntity": rows}, page.total, page.next)


async def _delete(portal: Portal, call: Call) -> Reply:
    given = _given(call)
    table = portal.store.tables["order_link"]
    for number in table.with_value("orderId", [given["orderId"]]) or []:
        if all(table.rows[number][name] == given[name] for name in _NAMES):
            table.delete(number)
            return Reply(True)
    raise RestError(_NO_LINK)


async def _fields(portal: Portal, call: Call) -> Reply:
    marks = {"isImmutable": False, "isReadOnly": False, "isRequired": True, "type": "integer"}
    return Reply({"orderEntity": dict.fromkeys(_NAMES, marks)})
