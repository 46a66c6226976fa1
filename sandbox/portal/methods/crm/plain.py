"""The old style for what has an id and one view: requisites, bank details, presets, dictionaries.

A family is a `Resource`; what is special about it are its checks, told by small functions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.portal import listing
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import TYPES
from sandbox.portal.methods.crm.old import described
from sandbox.portal.methods.given import defaults, old_fields, old_id, start
from sandbox.portal.methods.spec import Call, Change, Handler, Method, Reply
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Table
from sandbox.portal.views import old_view

Check = Callable[[Portal, Row], None]
"""Looks at a new or changed row before it is kept; raises `RestError`."""


def _nothing(portal: Portal, row: Row) -> None:
    """No check."""


def _same(portal: Portal, row: Row, shown: dict[str, Any]) -> dict[str, Any]:
    return shown


@dataclass(frozen=True, slots=True)
class Resource:
    """`{name}.add`, `.get`, ..: objects of one table; `check` sees a row before it is kept, `show` completes its view.

    `event` is the beginning of its events' names; `paged` lists come in pages of 50, the others whole.
    """

    name: str
    table: str
    check: Check = _nothing
    added: Callable[[Portal, Row], None] = _nothing
    show: Callable[[Portal, Row, dict[str, Any]], dict[str, Any]] = _same
    event: str = ""
    paged: bool = True
    verbs: tuple[str, ...] = ("add", "get", "list", "update", "delete", "fields")
    frozen: tuple[str, ...] = field(default=())


def resource_methods(resource: Resource) -> Iterator[Method]:
    """The methods of a family."""
    for verb in resource.verbs:
        make, result = _VERBS[verb]
        yield Method(f"{resource.name}.{verb}", make(resource), scope="crm", adds=verb == "add", result=result)


def not_defined(name: str) -> Problem:
    """The answer to a required field that is missing (crm.requisite.add page)."""
    return Problem(400, "", f"{name} is not defined or invalid.")


def take_plain(portal: Portal, table: Table, given: dict[str, Any], *, without: tuple[str, ...] = ()) -> Row:
    """The given fields in their kept form; unknown, read-only and frozen ones are left out."""
    taken: Row = {}
    for name, value in given.items():
        known = table.field(name)
        if known is not None and not known.readonly and name not in without:
            taken[name] = TYPES[known.type].take(value, portal.zone)
    return taken


def missing(table: Table, row_id: int) -> Problem:
    """The answer to an id that is not there."""
    return Problem(400, "", table.entity.missing.replace("{id}", str(row_id)))


def _tell(call: Call, resource: Resource, what: str, row_id: int) -> None:
    if resource.event:
        call.changes.append(Change(f"{resource.event}{what}", {"ID": row_id}))


def _shown(portal: Portal, resource: Resource, row: Row, names: list[str] | None) -> dict[str, Any]:
    table = portal.store.tables[resource.table]
    shown = old_view(table, row, portal.zone, names, multi=False)
    if shown.get("DATE_MODIFY", "") is None:
        # What nobody has changed shows an empty text here (crm.requisite.get page).
        shown["DATE_MODIFY"] = ""
    return resource.show(portal, row, shown)


def _row(portal: Portal, call: Call, resource: Resource) -> Row:
    table = portal.store.tables[resource.table]
    row_id = old_id(call)
    row = table.rows.get(row_id)
    if row is None:
        raise RestError(missing(table, row_id))
    return row


def _add(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        table = portal.store.tables[resource.table]
        row = {**defaults(table, portal, call), **take_plain(portal, table, old_fields(call))}
        for name, known in table.entity.fields.items():
            if known.required and row.get(name) in (None, "", 0):
                raise RestError(not_defined(name))
        resource.check(portal, row)
        row_id = table.insert(row)
        resource.added(portal, row)
        call.touched["ID"] = row_id
        _tell(call, resource, "ADD", row_id)
        return Reply(row_id)

    return run


def _get(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        return Reply(_shown(portal, resource, _row(portal, call, resource), None))

    return run


def _update(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        table = portal.store.tables[resource.table]
        row = _row(portal, call, resource)
        changes = take_plain(portal, table, old_fields(call), without=resource.frozen)
        resource.check(portal, {**row, **changes})
        for name, value in (("DATE_MODIFY", int(portal.clock.now())), ("MODIFY_BY_ID", call.credential.user_id)):
            if name in table.entity.fields:
                changes[name] = value
        table.update(int(row["ID"]), changes)
        _tell(call, resource, "UPDATE", int(row["ID"]))
        return Reply(True)

    return run


def _delete(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row_id = int(_row(portal, call, resource)["ID"])
        portal.store.tables[resource.table].delete(row_id)
        _tell(call, resource, "DELETE", row_id)
        return Reply(True)

    return run


def _list(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        table = portal.store.tables[resource.table]
        names = listing.columns(table, call.param("select"))
        first = start(call) if resource.paged else 0
        page = listing.find(table, call.param("filter"), call.param("order"), first, portal.zone)
        rows, following = page.rows, page.next
        while following is not None and not resource.paged:
            page = listing.find(table, call.param("filter"), call.param("order"), following, portal.zone)
            rows, following = [*rows, *page.rows], page.next
        shown = [_shown(portal, resource, row, names) for row in rows]
        return Reply(shown, page.total, following)

    return run


def _describe(resource: Resource) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        return Reply(described(portal.store.tables[resource.table]))

    return run


_VERBS: dict[str, tuple[Callable[[Resource], Handler], str]] = {
    "add": (_add, "id"),
    "get": (_get, "row"),
    "list": (_list, "rows"),
    "update": (_update, "true"),
    "delete": (_delete, "true"),
    "fields": (_describe, "fields"),
}
