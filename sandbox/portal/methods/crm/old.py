"""`crm.{deal,company,contact,lead}.*` in the old style: one handler a verb, driven by descriptions."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.portal import listing
from sandbox.portal.entities import ENTITIES, Entity
from sandbox.portal.errors import NOT_FOUND, Problem, RestError, must_be_array
from sandbox.portal.fields import TYPES, Field
from sandbox.portal.fields.casts import flag
from sandbox.portal.methods.crm import writing
from sandbox.portal.methods.crm.files import take_file
from sandbox.portal.methods.given import old_fields, old_id, start
from sandbox.portal.methods.spec import Call, Handler, Method, Reply
from sandbox.portal.multifields import merge_multifield
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Table
from sandbox.portal.views import old_view

_RESULTS = {"add": "id", "get": "row", "list": "rows", "update": "true", "delete": "true", "fields": "fields"}
_LISTS = ("CONTACT_IDS", "COMPANY_IDS")
_IMPORTED = ("DATE_CREATE", "DATE_MODIFY", "CREATED_BY_ID", "MODIFY_BY_ID")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
BAD_EMAIL = Problem(400, "ERROR_CORE", "The 'E-mail' field contains an invalid address")


def methods() -> Iterator[Method]:
    """The methods of every entity that has some of its own."""
    for entity in ENTITIES:
        for verb, make in _VERBS.items():
            name = f"crm.{entity.name}.{verb}"
            yield Method(name, make(entity), scope="crm", adds=verb == "add", result=_RESULTS[verb])


def _add(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        given = old_fields(call)
        table = portal.store.tables[entity.name]
        taken = take(portal, table, given, {})
        if _imports(call):
            system = {name: given[name] for name in _IMPORTED if given.get(name)}
            taken |= {name: TYPES[entity.fields[name].type].take(value, portal.zone) for name, value in system.items()}
        return Reply(writing.add(portal, call, table, taken))

    return run


def _get(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        table = portal.store.tables[entity.name]
        row = table.rows.get(old_id(call))
        if row is None:
            raise RestError(NOT_FOUND)
        return Reply(old_view(table, row, portal.zone, multi=True))

    return run


def _update(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row_id = old_id(call)
        given = old_fields(call)
        table = portal.store.tables[entity.name]
        row = table.rows.get(row_id)
        if row is None:
            raise RestError(Problem(400, "", entity.missing))
        writing.change(portal, call, table, row_id, take(portal, table, given, row))
        return Reply(True)

    return run


def _delete(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row_id = old_id(call)
        table = portal.store.tables[entity.name]
        if row_id not in table.rows:
            raise RestError(Problem(400, "", entity.missing))
        writing.remove(call, table, row_id)
        return Reply(True)

    return run


def _list(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        table = portal.store.tables[entity.name]
        names = listing.columns(table, call.param("select"))
        page = listing.find(table, call.param("filter"), call.param("order"), start(call), portal.zone)
        rows = [old_view(table, row, portal.zone, names, multi=False) for row in page.rows]
        return Reply(rows, page.total, page.next)

    return run


def _describe(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        return Reply(described(portal.store.tables[entity.name]))

    return run


def described(table: Table) -> dict[str, Any]:
    """The answer of `crm.*.fields`: every field with its marks."""
    fields = {name: field for name, field in table.entity.fields.items() if field.old} | table.custom
    return {
        name: {
            "type": TYPES[field.type].rest or field.type if field.type in ("picture", "bit") else field.type,
            "isRequired": field.required,
            "isReadOnly": field.readonly,
            "isImmutable": field.immutable,
            "isMultiple": field.multiple,
            "isDynamic": name in table.custom,
            "title": name,
        }
        for name, field in fields.items()
    }


_VERBS: dict[str, Callable[[Entity], Handler]] = {
    "add": _add,
    "get": _get,
    "list": _list,
    "update": _update,
    "delete": _delete,
    "fields": _describe,
}


def _imports(call: Call) -> bool:
    params = call.param("params")
    if params is None or params == "":
        return False
    given = as_map(params)
    if given is None:
        raise RestError(must_be_array("params"))
    return flag(given.get("IMPORT")) == "Y"


def take(portal: Portal, table: Table, given: dict[str, Any], row: Row) -> Row:
    """The given fields in their kept form; unknown and read-only ones are silently left out."""
    taken: Row = {}
    for name, value in given.items():
        field = table.field(name)
        if field is None or field.readonly or not (field.old or name in _LISTS):
            continue
        if field.immutable and row:
            continue
        if name.startswith("UF_"):
            portal.store.remember(name)
        taken[name] = _taken(portal, name, field, value, row)
    return taken


def _taken(portal: Portal, name: str, field: Field, value: Any, row: Row) -> Any:
    if field.type == "crm_multifield":
        merged = merge_multifield(name, row.get(name) or [], value, portal.store.next_multifield_id)
        check_emails(merged if name == "EMAIL" else [])
        return merged
    if field.type in ("file", "picture"):
        return take_file(portal.store, value, row.get(name), multiple=field.multiple)
    kind = TYPES[field.type]
    if field.multiple:
        parts = as_map(value)
        kept = [kind.take(part, portal.zone) for part in ([value] if parts is None else parts.values())]
        return [part for part in kept if part not in (None, "")]
    return kind.take(value, portal.zone)


def check_emails(values: list[dict[str, Any]]) -> None:
    """Raises `RestError` 400 ERROR_CORE for an address that is none."""
    if any(not _EMAIL.fullmatch(str(value["VALUE"]).strip()) for value in values):
        raise RestError(BAD_EMAIL)
