"""`crm.{deal,company,contact,lead}.*` in the old style: one handler a verb, driven by descriptions."""

from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any

from sandbox.portal import listing
from sandbox.portal.entities import ENTITIES, Entity
from sandbox.portal.errors import ID_INVALID, NOT_FOUND, Problem, RestError, must_be_array
from sandbox.portal.fields import TYPES, integer
from sandbox.portal.methods.spec import Call, Handler, Method, Reply
from sandbox.portal.multifields import merge_multifield
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row
from sandbox.portal.views import old_view

_RECOGNISED = ("TITLE", "NAME", "LAST_NAME", "ORIGINATOR_ID", "ORIGIN_ID")


def methods() -> Iterator[Method]:
    """The methods of every described entity."""
    for entity in ENTITIES:
        for verb, make in _VERBS.items():
            yield Method(f"crm.{entity.name}.{verb}", make(entity), scope="crm", adds=verb == "add")


def _add(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        given = _fields(call)
        row = {**_defaults(entity, portal, call), **_taken(entity, portal, given, {})}
        table = portal.store.tables[entity.name]
        row_id = table.insert(row)
        if entity.title and not row.get("TITLE"):
            table.update(row_id, {"TITLE": entity.title.format(id=row_id)})
        call.touched["ID"] = row_id
        return Reply(row_id)

    return run


def _get(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row = portal.store.tables[entity.name].rows.get(_id(call))
        if row is None:
            raise RestError(NOT_FOUND)
        return Reply(old_view(entity, row, portal.zone, multi=True))

    return run


def _update(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row_id = _id(call)
        given = _fields(call)
        table = portal.store.tables[entity.name]
        row = table.rows.get(row_id)
        if row is None:
            raise RestError(Problem(400, "", entity.missing))
        changes = _taken(entity, portal, given, row)
        stamped: Row = {"DATE_MODIFY": int(portal.clock.now()), "MODIFY_BY_ID": call.credential.user_id}
        table.update(row_id, {**changes, **stamped})
        return Reply(True)

    return run


def _delete(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row_id = _id(call)
        table = portal.store.tables[entity.name]
        if row_id not in table.rows:
            raise RestError(Problem(400, "", entity.missing))
        table.delete(row_id)
        return Reply(True)

    return run


def _list(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        table = portal.store.tables[entity.name]
        names = listing.columns(table, call.param("select"))
        page = listing.find(table, call.param("filter"), call.param("order"), _start(call), portal.zone)
        rows = [old_view(entity, row, portal.zone, names, multi=False) for row in page.rows]
        return Reply(rows, page.total, page.next)

    return run


def _describe(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        return Reply(
            {
                name: {
                    "type": field.type,
                    "isRequired": False,
                    "isReadOnly": field.readonly,
                    "isImmutable": False,
                    "isMultiple": field.multiple,
                    "isDynamic": False,
                    "title": name,
                }
                for name, field in entity.fields.items()
            }
        )

    return run


_VERBS: dict[str, Callable[[Entity], Handler]] = {
    "add": _add,
    "get": _get,
    "list": _list,
    "update": _update,
    "delete": _delete,
    "fields": _describe,
}


def _id(call: Call) -> int:
    row_id = integer(call.param("id"))
    if row_id is None or row_id <= 0:
        raise RestError(ID_INVALID)
    call.touched["ID"] = row_id
    return row_id


def _start(call: Call) -> int:
    return integer(call.param("start")) or 0


def _fields(call: Call) -> dict[str, Any]:
    given = as_map(call.param("fields"))
    if given is None:
        raise RestError(must_be_array("fields"))
    for name in _RECOGNISED:
        if name in given:
            call.touched[name] = given[name]
    return given


def _taken(entity: Entity, portal: Portal, given: dict[str, Any], row: Row) -> Row:
    """The given fields in their kept form; unknown and read-only ones are silently left out."""
    taken: Row = {}
    for name, value in given.items():
        field = entity.find(name)
        if field is None or field.readonly:
            continue
        if field.multiple:
            taken[name] = merge_multifield(name, row.get(name) or [], value, portal.store.next_multifield_id)
        else:
            taken[name] = TYPES[field.type].take(value, portal.zone)
    for name, flag in (("PHONE", "HAS_PHONE"), ("EMAIL", "HAS_EMAIL")):
        if name in taken:
            taken[flag] = "Y" if taken[name] else "N"
    return taken


def _defaults(entity: Entity, portal: Portal, call: Call) -> Row:
    now = portal.clock.now()
    markers = {"@user": call.credential.user_id, "@now": int(now), "@today": portal.stamps.iso(now)[:10]}
    row: Row = {}
    for name, field in entity.fields.items():
        if field.default is not None:
            row[name] = _default(field.type, markers.get(field.default, field.default), portal.zone)
    return row


def _default(type_name: str, value: Any, zone: tzinfo) -> Any:
    # A marker's moment is already in its kept form.
    return value if isinstance(value, int) else TYPES[type_name].take(value, zone)
