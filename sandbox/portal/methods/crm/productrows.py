"""`crm.{deal,lead,quote}.productrows.*` and `crm.item.productrow.*`: two views over one table of rows."""

from collections.abc import Iterator
from typing import Any

from sandbox.portal import listing
from sandbox.portal.errors import NOT_FOUND, Problem, RestError, must_be_array
from sandbox.portal.fields import integer
from sandbox.portal.fields.model import camel, upper
from sandbox.portal.listing import Rules
from sandbox.portal.methods.crm import writing
from sandbox.portal.methods.crm.rows import check_discount, made, recalculated, rows_of
from sandbox.portal.methods.given import new_fields, new_id, start
from sandbox.portal.methods.spec import Call, Handler, Method, Reply, read_params
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Table
from sandbox.portal.views import plain_view

_OLD = ("deal", "lead", "quote")
_ID_INVALID = Problem(400, "", "The parameter id is invalid or not defined.")
_NO_OWNER = Problem(400, "OWNER_NOT_FOUND", "Owner was not found")
_NOT_SUPPORTED = Problem(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
_NO_ROW = Problem(400, "NOT_FOUND", "Product row was not found")
_NO_PRODUCT = Problem(400, "INVALID_ARG_VALUE", "Product was not found")
_WITHOUT_ROWS = ("contact", "company")


def methods() -> Iterator[Method]:
    """The methods of this file."""
    for name in _OLD:
        yield Method(f"crm.{name}.productrows.set", _old_set(name), scope="crm", result="true")
        yield Method(f"crm.{name}.productrows.get", _old_get(name), scope="crm", result="rows")
    for verb, run, params, result in (
        ("set", _set, "ownerType string, ownerId int, productRows array", "{productRows}"),
        ("add", _add, "fields array", "{productRow}"),
        ("update", _update, "id int, fields array", "{productRow}"),
        ("get", _get, "id int", "{productRow}"),
        ("list", _list, "filter array", "{productRows}"),
        ("delete", _delete, "id int", "null"),
        ("fields", _fields, "", "{fields}"),
    ):
        checked = read_params(params)
        yield Method(f"crm.item.productrow.{verb}", run, scope="crm", adds=verb == "add", params=checked, result=result)


def _old_owner(portal: Portal, call: Call, name: str) -> tuple[Table, int]:
    row_id = integer(call.param("id"))
    if row_id is None or row_id <= 0:
        raise RestError(_ID_INVALID)
    call.touched["ID"] = row_id
    table = portal.store.tables[name]
    if row_id not in table.rows:
        raise RestError(NOT_FOUND)
    return table, row_id


def _old_set(name: str) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        table, row_id = _old_owner(portal, call, name)
        given = as_map(call.param("rows"))
        if given is None:
            raise RestError(must_be_array("rows"))
        rows = [as_map(item) or {} for item in given.values()]
        for row in rows:
            check_discount(row)
        _replace(portal, call, table, row_id, rows)
        return Reply(True)

    return run


def _old_get(name: str) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        table, row_id = _old_owner(portal, call, name)
        return Reply([_old_shown(portal, row) for row in rows_of(portal.store, table, row_id)])

    return run


def _old_shown(portal: Portal, row: Row) -> dict[str, Any]:
    """Only the ids are texts here, unlike elsewhere in the old methods (crm.deal.productrows.get page)."""
    rows = portal.store.tables["product_row"]
    shown = plain_view(rows, row, portal.zone)
    product = portal.store.tables["product"].rows.get(row.get("PRODUCT_ID") or 0) or {}
    return {
        **shown,
        "ID": str(row["ID"]),
        "OWNER_ID": str(row["OWNER_ID"]),
        "PRICE_ACCOUNT": f"{row.get('PRICE_ACCOUNT') or 0.0:.2f}",
        "ORIGINAL_PRODUCT_NAME": product.get("name") or row.get("PRODUCT_NAME"),
        "PRODUCT_DESCRIPTION": product.get("detailText"),
    }


def _replace(portal: Portal, call: Call, table: Table, row_id: int, given: list[dict[str, Any]]) -> list[Row]:
    """The rows of an object become these: those with a known ID are changed, all others are made or gone."""
    rows = portal.store.tables["product_row"]
    held = {row["ID"]: row for row in rows_of(portal.store, table, row_id)}
    kept: set[int] = set()
    new: list[tuple[int | None, Row]] = []
    for place, item in enumerate(given, 1):
        number = integer(item.get("ID"))
        known = held.get(number) if number is not None and number not in kept else None
        row = made(portal, item, known)
        row.setdefault("SORT", place * 10)
        if known is not None and number is not None:
            kept.add(number)
        new.append((number if known is not None else None, row))
    for number in held:
        if number not in kept:
            rows.delete(number)
    for number, row in new:
        _keep(portal, table, row_id, row, number)
    _recalculate(portal, call, table, row_id)
    return rows_of(portal.store, table, row_id)


def _keep(portal: Portal, table: Table, owner_id: int, row: Row, number: int | None) -> int:
    rows = portal.store.tables["product_row"]
    row |= {"OWNER_ID": owner_id, "OWNER_TYPE": table.entity.short}
    if number is not None:
        rows.update(number, row)
        return number
    number = rows.insert(row)
    if not row.get("PRODUCT_NAME"):
        rows.update(number, {"PRODUCT_NAME": f"[{number}]"})
    return number


def _recalculate(portal: Portal, call: Call, table: Table, row_id: int) -> None:
    """The object's sum follows its rows, unless somebody sets it by hand."""
    changes: Row = {}
    if table.rows[row_id].get("IS_MANUAL_OPPORTUNITY") != "Y":
        changes = recalculated(portal.store, table, row_id) or {"OPPORTUNITY": 0.0, "TAX_VALUE": 0.0}
    known = {name: value for name, value in changes.items() if name in table.entity.fields}
    table.update(row_id, {**known, **writing.stamps(portal, call, table)})
    writing.tell(call, table, row_id, "UPDATE")


def _owner(portal: Portal, given_type: Any, given_id: Any) -> tuple[Table, int]:
    table = portal.store.of_short(str(given_type))
    if table is None or table.entity.name in _WITHOUT_ROWS:
        raise RestError(_NOT_SUPPORTED)
    row_id = integer(given_id)
    if row_id is None or row_id not in table.rows:
        raise RestError(_NO_OWNER)
    return table, row_id


def _upper(given: dict[str, Any]) -> dict[str, Any]:
    return {upper(name): value for name, value in given.items()}


def _checked_product(portal: Portal, given: dict[str, Any]) -> None:
    number = integer(given.get("PRODUCT_ID"))
    if number and number not in portal.store.tables["product"].rows:
        raise RestError(_NO_PRODUCT)


def _shown(portal: Portal, row: Row) -> dict[str, Any]:
    shown = plain_view(portal.store.tables["product_row"], row, portal.zone)
    return {camel(name): value for name, value in shown.items()}


def _row(portal: Portal, call: Call) -> Row:
    row = portal.store.tables["product_row"].rows.get(new_id(call))
    if row is None:
        raise RestError(_NO_ROW)
    return row


async def _set(portal: Portal, call: Call) -> Reply:
    table, row_id = _owner(portal, call.param("ownerType"), call.param("ownerId"))
    call.touched["ID"] = row_id
    given = [_upper(as_map(item) or {}) for item in (as_map(call.param("productRows")) or {}).values()]
    for item in given:
        _checked_product(portal, item)
        check_discount(item)
    return Reply({"productRows": [_shown(portal, row) for row in _replace(portal, call, table, row_id, given)]})


async def _add(portal: Portal, call: Call) -> Reply:
    given = _upper(new_fields(call))
    for name in ("OWNER_TYPE", "OWNER_ID"):
        if given.get(name) in (None, ""):
            raise RestError(Problem(400, 100, f"Required fields: {camel(name)}"))
    table, owner_id = _owner(portal, given["OWNER_TYPE"], given["OWNER_ID"])
    _checked_product(portal, given)
    check_discount(given)
    number = _keep(portal, table, owner_id, made(portal, given), None)
    call.touched["ID"] = number
    _recalculate(portal, call, table, owner_id)
    return Reply({"productRow": _shown(portal, portal.store.tables["product_row"].rows[number])})


async def _update(portal: Portal, call: Call) -> Reply:
    row = _row(portal, call)
    given = _upper(new_fields(call))
    _checked_product(portal, given)
    check_discount(given)
    table, owner_id = _owner(portal, row["OWNER_TYPE"], row["OWNER_ID"])
    _keep(portal, table, owner_id, made(portal, given, row), int(row["ID"]))
    _recalculate(portal, call, table, owner_id)
    return Reply({"productRow": _shown(portal, row)})


async def _get(portal: Portal, call: Call) -> Reply:
    return Reply({"productRow": _shown(portal, _row(portal, call))})


async def _delete(portal: Portal, call: Call) -> Reply:
    row = _row(portal, call)
    table, owner_id = _owner(portal, row["OWNER_TYPE"], row["OWNER_ID"])
    portal.store.tables["product_row"].delete(int(row["ID"]))
    _recalculate(portal, call, table, owner_id)
    return Reply(None)


async def _list(portal: Portal, call: Call) -> Reply:
    given = as_map(call.param("filter")) or {}
    for name in ("ownerType", "ownerId"):
        if f"={name}" not in given and name not in given:
            raise RestError(Problem(400, 100, f"Required filter fields: ={name}"))
    rows = portal.store.tables["product_row"]
    page = listing.find(rows, given, call.param("order"), start(call), portal.zone, Rules(_resolve))
    return Reply({"productRows": [_shown(portal, row) for row in page.rows]}, page.total, page.next)


def _resolve(table: Table, name: str) -> str | None:
    own = upper(name)
    return own if own in table.entity.fields else None


async def _fields(portal: Portal, call: Call) -> Reply:
    fields = portal.store.tables["product_row"].entity.fields
    return Reply(
        {
            "fields": {
                camel(name): {
                    "type": field.type,
                    "isRequired": name in ("OWNER_ID", "OWNER_TYPE"),
                    "isReadOnly": field.readonly,
                    "isImmutable": name in ("OWNER_ID", "OWNER_TYPE"),
                    "isMultiple": False,
                    "isDynamic": False,
                    "title": name,
                    "upperName": name,
                }
                for name, field in fields.items()
            }
        }
    )
