"""`crm.requisite.*`, `.preset.*`, `.bankdetail.*`, `crm.address.*` (bitrix24.md, section 6.1)."""

from collections.abc import Iterator
from typing import Any

from sandbox.portal import listing
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.methods.crm.old import described
from sandbox.portal.methods.crm.plain import Resource, missing, not_defined, resource_methods, take_plain
from sandbox.portal.methods.given import old_fields, start
from sandbox.portal.methods.spec import Call, Change, Method, Reply
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row
from sandbox.portal.views import old_view

_OWNERS = {3: "contact", 4: "company"}
_NO_ENTITY = Problem(400, "", "Entity not found.")
_ADDRESS_KEY = ("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID")
_ADDRESS_OWNERS = {1: "lead", 3: "contact", 4: "company", 8: "requisite"}
_NO_ADDRESS = Problem(400, "", "TypeAddress not found.")


def _check_requisite(portal: Portal, row: Row) -> None:
    owner = _OWNERS.get(row["ENTITY_TYPE_ID"])
    if owner is None:
        raise RestError(not_defined("ENTITY_TYPE_ID"))
    if row["ENTITY_ID"] not in portal.store.tables[owner].rows:
        raise RestError(_NO_ENTITY)
    if row["PRESET_ID"] not in portal.store.tables["preset"].rows:
        raise RestError(not_defined("PRESET_ID"))


def _check_bank_detail(portal: Portal, row: Row) -> None:
    requisites = portal.store.tables["requisite"]
    if row["ENTITY_ID"] not in requisites.rows:
        raise RestError(missing(requisites, row["ENTITY_ID"]))


_RESOURCES = (
    Resource(
        "crm.requisite",
        "requisite",
        check=_check_requisite,
        event="ONCRMREQUISITE",
        frozen=("ENTITY_TYPE_ID", "ENTITY_ID"),
    ),
    Resource(
        "crm.requisite.bankdetail",
        "bank_detail",
        check=_check_bank_detail,
        event="ONCRMBANKDETAIL",
        frozen=("ENTITY_ID",),
    ),
    Resource("crm.requisite.preset", "preset"),
)


def methods() -> Iterator[Method]:
    """The methods of this file."""
    for resource in _RESOURCES:
        yield from resource_methods(resource)
    yield Method("crm.address.add", _add, scope="crm", adds=True, result="true")
    yield Method("crm.address.update", _update, scope="crm", result="true")
    yield Method("crm.address.delete", _delete, scope="crm", result="true")
    yield Method("crm.address.list", _list, scope="crm", result="rows")
    yield Method("crm.address.fields", _fields, scope="crm", result="fields")


def _given(portal: Portal, call: Call) -> tuple[Row, int | None]:
    """The fields of an address, which is known by its type and its owner, and its place in the table."""
    addresses = portal.store.tables["address"]
    taken = take_plain(portal, addresses, old_fields(call))
    for name in _ADDRESS_KEY:
        if not taken.get(name):
            raise RestError(not_defined(name))
    owner = _ADDRESS_OWNERS.get(taken["ENTITY_TYPE_ID"])
    if owner is None:
        raise RestError(not_defined("ENTITY_TYPE_ID"))
    rows = portal.store.tables[owner].rows
    if taken["ENTITY_ID"] not in rows:
        raise RestError(_NO_ENTITY)
    anchor = rows[taken["ENTITY_ID"]]
    of_requisite = owner == "requisite"
    taken["ANCHOR_TYPE_ID"] = anchor["ENTITY_TYPE_ID"] if of_requisite else taken["ENTITY_TYPE_ID"]
    taken["ANCHOR_ID"] = anchor["ENTITY_ID"] if of_requisite else taken["ENTITY_ID"]
    call.touched.update({name: taken[name] for name in _ADDRESS_KEY})
    found = addresses.with_value("ENTITY_ID", [taken["ENTITY_ID"]]) or []
    same = (number for number in found if all(addresses.rows[number][name] == taken[name] for name in _ADDRESS_KEY))
    return taken, next(same, None)


def _tell(call: Call, row: Row, what: str) -> None:
    call.changes.append(Change(f"ONCRMADDRESS{what}", {name: row[name] for name in _ADDRESS_KEY}))


async def _add(portal: Portal, call: Call) -> Reply:
    taken, number = _given(portal, call)
    addresses = portal.store.tables["address"]
    # An owner has one address of a type: a second one replaces it.
    if number is not None:
        addresses.delete(number)
    addresses.insert(taken)
    _tell(call, taken, "REGISTER")
    return Reply(True)


async def _update(portal: Portal, call: Call) -> Reply:
    taken, number = _given(portal, call)
    if number is None:
        raise RestError(_NO_ADDRESS)
    portal.store.tables["address"].update(number, taken)
    _tell(call, taken, "REGISTER")
    return Reply(True)


async def _delete(portal: Portal, call: Call) -> Reply:
    taken, number = _given(portal, call)
    if number is None:
        raise RestError(_NO_ADDRESS)
    portal.store.tables["address"].delete(number)
    _tell(call, taken, "UNREGISTER")
    return Reply(True)


async def _list(portal: Portal, call: Call) -> Reply:
    table = portal.store.tables["address"]
    names = listing.columns(table, call.param("select"))
    page = listing.find(table, call.param("filter"), call.param("order"), start(call), portal.zone)
    rows: list[dict[str, Any]] = [old_view(table, row, portal.zone, names, multi=False) for row in page.rows]
    return Reply(rows, page.total, page.next)


async def _fields(portal: Portal, call: Call) -> Reply:
    return Reply(described(portal.store.tables["address"]))
