"""`crm.timeline.comment.*` (bitrix24.md, section 6.6): no external key, files replaced as a whole."""

from collections.abc import Iterator
from typing import Any

from sandbox.portal import listing
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.fields.casts import scalar
from sandbox.portal.methods.checks import not_given
from sandbox.portal.methods.crm.files import take_file
from sandbox.portal.methods.given import defaults, new_fields, new_id, start
from sandbox.portal.methods.spec import Call, Change, Method, Reply, read_params
from sandbox.portal.php import as_map, php_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Store, Table
from sandbox.portal.views import old_view

_NO_OWNER = Problem(400, "OWNER_NOT_FOUND", "Owner was not found")
_NOT_FOUND = Problem(400, "NOT_FOUND", "Not found.")
_EMPTY = Problem(400, "INVALID_ARG_VALUE", "Empty comment message")
_KEY = ("ENTITY_ID", "ENTITY_TYPE")
_ORDERS = ("ID", "CREATED", "AUTHOR_ID")


def methods() -> Iterator[Method]:
    """The methods of this file."""
    for verb, run, params, result in (
        ("add", _add, "", "id"),
        ("get", _get, "id int", "row"),
        ("list", _list, "filter array", "rows"),
        ("update", _update, "id int, fields array", "id"),
        ("delete", _delete, "id int", "null"),
        ("fields", _fields, "", "fields"),
    ):
        name = f"crm.timeline.comment.{verb}"
        yield Method(name, run, scope="crm", adds=verb == "add", params=read_params(params), result=result)


async def _add(portal: Portal, call: Call) -> Reply:
    # Only the lower-case name counts since crm 23.100.
    given = as_map(call.params.get("fields"))
    if given is None:
        raise RestError(not_given("fields"))
    for name in (*_KEY, "COMMENT"):
        if given.get(name) is None:
            raise RestError(not_given(name))
    kind, owner_id = str(given["ENTITY_TYPE"]).lower(), integer(given["ENTITY_ID"])
    owner = _owner(portal.store, kind)
    if owner is None or owner_id not in owner.rows:
        raise RestError(_NO_OWNER)
    text = scalar(given["COMMENT"]) or ""
    if not text.strip():
        raise RestError(_EMPTY)
    table = portal.store.tables["comment"]
    row = defaults(table, portal, call)
    row |= {"ENTITY_ID": owner_id, "ENTITY_TYPE": kind, "COMMENT": text}
    row["AUTHOR_ID"] = integer(given.get("AUTHOR_ID")) or call.credential.user_id
    row["FILES"] = take_file(portal.store, given.get("FILES"), [], multiple=True)
    row_id = table.insert(row)
    call.touched |= {"ID": row_id, "ENTITY_ID": owner_id, "ENTITY_TYPE": kind}
    call.changes.append(Change("ONCRMTIMELINECOMMENTADD", {"ID": row_id}))
    return Reply(row_id)


def _owner(store: Store, kind: str) -> Table | None:
    known = ("lead", "deal", "contact", "company", "quote", "order", "invoice")
    return store.tables.get(kind) if kind in known or kind.startswith("dynamic_") else None


def _row(portal: Portal, call: Call) -> Row:
    row = portal.store.tables["comment"].rows.get(new_id(call))
    if row is None:
        raise RestError(_NOT_FOUND)
    return row


def _shown(portal: Portal, row: Row, names: list[str] | None = None) -> dict[str, Any]:
    shown = old_view(portal.store.tables["comment"], row, portal.zone, names, multi=False)
    if "FILES" in shown:
        shown["FILES"] = php_map({number: _file(portal, row, number) for number in row.get("FILES") or []})
    return shown


def _file(portal: Portal, row: Row, number: int) -> dict[str, Any]:
    file = portal.store.files[number]
    address = f"/disk/downloadFile/{number}/?&ncc=1&filename={file.name}"
    return {
        "id": number,
        "date": portal.stamps.iso(row["CREATED"]),
        "type": "file",
        "name": file.name,
        "size": len(file.content) * 3 // 4,
        "authorId": row["AUTHOR_ID"],
        "urlShow": address,
        "urlDownload": address,
    }


async def _get(portal: Portal, call: Call) -> Reply:
    return Reply(_shown(portal, _row(portal, call)))


async def _update(portal: Portal, call: Call) -> Reply:
    row = _row(portal, call)
    given = new_fields(call)
    changes: Row = {}
    if "COMMENT" in given:
        changes["COMMENT"] = scalar(given["COMMENT"]) or ""
        if not changes["COMMENT"].strip():
            raise RestError(_EMPTY)
    if "FILES" in given:
        changes["FILES"] = take_file(portal.store, given["FILES"], [], multiple=True)
    portal.store.tables["comment"].update(int(row["ID"]), changes)
    call.changes.append(Change("ONCRMTIMELINECOMMENTUPDATE", {"ID": row["ID"]}))
    return Reply(row["ID"])


async def _delete(portal: Portal, call: Call) -> Reply:
    row = _row(portal, call)
    portal.store.tables["comment"].delete(int(row["ID"]))
    call.changes.append(Change("ONCRMTIMELINECOMMENTDELETE", {"ID": row["ID"]}))
    return Reply(None)


async def _list(portal: Portal, call: Call) -> Reply:
    table = portal.store.tables["comment"]
    given = as_map(call.param("filter")) or {}
    wanted = {name: given.get(name, given.get(f"={name}")) for name in _KEY}
    for name, value in wanted.items():
        if value in (None, "", []):
            raise RestError(Problem(400, 100, f"Required filter fields: {name}"))
    order = {name: way for name, way in (as_map(call.param("order")) or {}).items() if name in _ORDERS}
    conditions = {key: value for key, value in given.items() if key.lstrip("=@!<>%") in (*_KEY, *_ORDERS)}
    page = listing.find(table, conditions, order, start(call), portal.zone)
    names = listing.columns(table, call.param("select"))
    return Reply([_shown(portal, row, names) for row in page.rows], page.total, page.next)


async def _fields(portal: Portal, call: Call) -> Reply:
    fields = portal.store.tables["comment"].entity.fields
    shown = {}
    for name, field in fields.items():
        shown[name] = {
            "type": "attached_diskfile" if name == "FILES" else field.type,
            "isRequired": field.required,
            "isReadOnly": field.readonly,
            "isImmutable": name in _KEY,
            "isMultiple": name == "FILES",
            "isDynamic": False,
            "title": name,
        }
    return Reply(shown)
