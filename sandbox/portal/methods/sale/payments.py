"""`crm.item.payment.*`: payments of a deal, kept as payments of an order behind it."""

from collections.abc import Iterator
from typing import Any

from sandbox.portal import listing
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.methods.given import new_fields, new_id
from sandbox.portal.methods.sale.links import link
from sandbox.portal.methods.sale.orders import ORDER, PAYMENT
from sandbox.portal.methods.spec import Call, Handler, Method, Reply, read_params
from sandbox.portal.methods.typed import change, insert, remove
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Table
from sandbox.portal.views import plain_view

_SHOWN = ("id", "accountNumber", "paid", "datePaid", "empPaidId", "paySystemId", "sum", "currency", "paySystemName")
_CASH = 2
_NOT_FOUND = Problem(400, 0, "Payment not found")
_WRONG_TYPE = Problem(400, 0, "Invalid CRM entity type")


def methods() -> Iterator[Method]:
    """The methods of this file."""
    owner = "entityId int, entityTypeId int"
    for verb, run, params, result in (
        ("add", _add, owner, "id"),
        ("list", _list, f"{owner}, filter array?, order array?", "rows"),
        ("get", _get, "id int", "row"),
        ("update", _update, "id int, fields array", "true"),
        ("delete", _delete, "id int", "true"),
        ("pay", _paid("Y"), "id int", "true"),
        ("unpay", _paid("N"), "id int", "true"),
    ):
        name = f"crm.item.payment.{verb}"
        yield Method(name, run, scope="crm", adds=verb == "add", params=read_params(params), result=result)


def _owner(portal: Portal, call: Call) -> tuple[Table, int]:
    table = portal.store.of_type(integer(call.param("entityTypeId")) or 0)
    if table is None or "CURRENCY_ID" not in table.entity.fields:
        raise RestError(_WRONG_TYPE)
    row_id = integer(call.param("entityId")) or 0
    if row_id not in table.rows:
        raise RestError(Problem(400, 0, f"Entity with identifier №{row_id} does not exist"))
    return table, row_id


def _orders(portal: Portal, table: Table, row_id: int) -> list[int]:
    links = portal.store.tables["order_link"].where("ownerId", row_id)
    return [row["orderId"] for row in links if row["ownerTypeId"] == table.entity.type_id]


async def _add(portal: Portal, call: Call) -> Reply:
    table, row_id = _owner(portal, call)
    orders = _orders(portal, table, row_id)
    if not orders:
        currency = table.rows[row_id].get("CURRENCY_ID") or "RUB"
        order = insert(portal, call, ORDER, {"lid": "s1", "personTypeId": 1, "currency": currency})
        link(portal.store, order["id"], table.entity.type_id, row_id)
        orders = [order["id"]]
    payment = insert(portal, call, PAYMENT, {"orderId": orders[0], "paySystemId": _CASH})
    return Reply(payment["id"])


def _shown(portal: Portal, row: Row) -> dict[str, Any]:
    return plain_view(portal.store.tables["payment"], row, portal.zone, _SHOWN)


def _row(portal: Portal, call: Call) -> Row:
    row = portal.store.tables["payment"].rows.get(new_id(call))
    if row is None:
        raise RestError(_NOT_FOUND)
    return row


async def _list(portal: Portal, call: Call) -> Reply:
    orders = _orders(portal, *_owner(portal, call))
    if not orders:
        return Reply([])
    conditions = {**(as_map(call.param("filter")) or {}), "@orderId": orders}
    page = listing.find(portal.store.tables["payment"], conditions, call.param("order"), 0, portal.zone)
    return Reply([_shown(portal, row) for row in page.rows])


async def _get(portal: Portal, call: Call) -> Reply:
    return Reply(_shown(portal, _row(portal, call)))


async def _update(portal: Portal, call: Call) -> Reply:
    row = _row(portal, call)
    given = new_fields(call)
    names = ("paid", "paySystemId", "datePaid", "empPaidId")
    known: dict[str, Any] = {name: given[name] for name in names if name in given}
    change(portal, call, PAYMENT, row, known)
    return Reply(True)


async def _delete(portal: Portal, call: Call) -> Reply:
    remove(portal, call, PAYMENT, _row(portal, call))
    return Reply(True)


def _paid(flag: str) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row = _row(portal, call)
        change(portal, call, PAYMENT, row, {"paid": flag, "empPaidId": call.credential.user_id})
        return Reply(True)

    return run
