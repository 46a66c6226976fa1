"""`crm.type.*`: smart processes, as far as their items need them."""

from collections.abc import Iterator
from typing import Any

from sandbox.portal import listing
from sandbox.portal.entities.related import TYPE
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.fields.casts import scalar, yes
from sandbox.portal.methods.checks import not_given
from sandbox.portal.methods.given import defaults, new_fields, new_id, start
from sandbox.portal.methods.spec import Call, Change, Method, Reply, read_params
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row
from sandbox.portal.store.seeds import add_stages
from sandbox.portal.views import plain_view

_NOT_FOUND = Problem(400, "NOT_FOUND", "Smart process not found")
_BAD_ID = Problem(
    400, "BAD_ENTITY_TYPE_ID", "entityTypeId should be an even integer from 1030 or an integer from 128 to 192"
)
_SWITCHES = tuple(name for name, field in TYPE.fields.items() if field.type == "char")


def methods() -> Iterator[Method]:
    """The methods of this file."""
    for verb, run, params, result in (
        ("add", _add, "fields array", "{type}"),
        ("get", _get, "id int", "{type}"),
        ("getByEntityTypeId", _by_type, "entityTypeId int", "{type}"),
        ("list", _list, "", "{types}"),
        ("update", _update, "id int, fields array", "{type}"),
        ("delete", _delete, "id int", "empty"),
        ("fields", _fields, "", "{fields}"),
    ):
        yield Method(
            f"crm.type.{verb}", run, scope="crm", adds=verb == "add", params=read_params(params), result=result
        )


def _shown(portal: Portal, row: Row) -> dict[str, Any]:
    shown = plain_view(portal.store.tables["type"], row, portal.zone)
    shown["relations"] = row.get("relations") or {"parent": [], "child": []}
    shown["linkedUserFields"] = row.get("linkedUserFields") or []
    shown["customSections"] = []
    return shown


def _taken(given: dict[str, Any]) -> Row:
    taken: Row = {name: "Y" if yes(given[name]) else "N" for name in _SWITCHES if name in given}
    if "title" in given:
        taken["title"] = scalar(given["title"])
    for name in ("relations", "linkedUserFields"):
        if as_map(given.get(name)):
            taken[name] = given[name]
    return taken


async def _add(portal: Portal, call: Call) -> Reply:
    given = new_fields(call)
    store = portal.store
    table = store.tables["type"]
    row = {**defaults(table, portal, call), **dict.fromkeys(_SWITCHES, "N"), **_taken(given)}
    if not row.get("title"):
        raise RestError(not_given("title"))
    type_id = integer(given.get("entityTypeId"))
    if type_id is None:
        type_id = next(number for number in range(1030, 1_000_000, 2) if store.of_type(number) is None)
    elif not (128 <= type_id <= 192 or (type_id >= 1030 and type_id % 2 == 0)):
        raise RestError(_BAD_ID)
    elif store.of_type(type_id) is not None:
        raise RestError(Problem(400, "ENTITY_TYPE_ID_EXISTS", f"Type with entityTypeId {type_id} already exists"))
    row["entityTypeId"] = type_id
    row_id = table.insert(row)
    store.add_type(type_id, str(row["title"]))
    category = {"NAME": "General", "SORT": 500, "ENTITY_TYPE_ID": type_id, "IS_DEFAULT": "Y"}
    category_id = store.tables["category"].insert({**category, "ORIGIN_ID": "", "ORIGINATOR_ID": ""})
    add_stages(store.tables["status"], type_id, category_id)
    call.touched |= {"ID": row_id, "ENTITY_TYPE_ID": type_id}
    call.changes.append(Change("ONCRMTYPEADD", {"ID": row_id}))
    return Reply({"type": _shown(portal, row)})


def _row(portal: Portal, call: Call) -> Row:
    row = portal.store.tables["type"].rows.get(new_id(call))
    if row is None:
        raise RestError(_NOT_FOUND)
    return row


async def _get(portal: Portal, call: Call) -> Reply:
    return Reply({"type": _shown(portal, _row(portal, call))})


async def _by_type(portal: Portal, call: Call) -> Reply:
    found = portal.store.tables["type"].where("entityTypeId", integer(call.param("entityTypeId")))
    if not found:
        raise RestError(_NOT_FOUND)
    return Reply({"type": _shown(portal, found[0])})


async def _list(portal: Portal, call: Call) -> Reply:
    table = portal.store.tables["type"]
    page = listing.find(table, call.param("filter"), call.param("order"), start(call), portal.zone)
    return Reply({"types": [_shown(portal, row) for row in page.rows]}, page.total, page.next)


async def _update(portal: Portal, call: Call) -> Reply:
    row = _row(portal, call)
    changes = _taken(new_fields(call))
    changes |= {"updatedTime": int(portal.clock.now()), "updatedBy": call.credential.user_id}
    portal.store.tables["type"].update(int(row["id"]), changes)
    call.changes.append(Change("ONCRMTYPEUPDATE", {"ID": row["id"]}))
    return Reply({"type": _shown(portal, row)})


async def _delete(portal: Portal, call: Call) -> Reply:
    row = _row(portal, call)
    table = portal.store.of_type(int(row["entityTypeId"]))
    if table is not None and table.rows:
        raise RestError(Problem(400, "TYPE_HAS_ITEMS", "Smart process that has items cannot be deleted"))
    portal.store.tables["type"].delete(int(row["id"]))
    portal.store.drop_type(int(row["entityTypeId"]))
    call.changes.append(Change("ONCRMTYPEDELETE", {"ID": row["id"]}))
    return Reply([])


async def _fields(portal: Portal, call: Call) -> Reply:
    return Reply(
        {
            "fields": {
                name: {
                    "type": "boolean" if name in _SWITCHES else field.type,
                    "isRequired": field.required,
                    "isReadOnly": field.readonly,
                    "isImmutable": name == "entityTypeId",
                    "isMultiple": False,
                    "isDynamic": False,
                    "title": name,
                }
                for name, field in TYPE.fields.items()
            }
        }
    )
