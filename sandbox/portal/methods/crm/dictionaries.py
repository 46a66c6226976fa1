"""`crm.status.*`, `crm.category.*`, `crm.dealcategory.*`: dictionaries, pipelines and their stages."""

from collections.abc import Iterator
from typing import Any

from sandbox.portal import listing
from sandbox.portal.errors import ID_INVALID, NOT_FOUND, Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.fields.model import camel, upper
from sandbox.portal.methods.crm.plain import Resource, not_defined, resource_methods, take_plain
from sandbox.portal.methods.crm.stages import stages_of
from sandbox.portal.methods.crm.universal import table_of
from sandbox.portal.methods.given import defaults, new_fields, new_id, old_fields, start
from sandbox.portal.methods.spec import Call, Method, Reply, read_params
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row
from sandbox.portal.store.seeds import add_stages, stage_entity
from sandbox.portal.views import plain_view

_DEAL = 2
_MAIN: Row = {"ID": 0, "NAME": "General", "SORT": 300, "ENTITY_TYPE_ID": _DEAL, "IS_DEFAULT": "Y"}
"""The first pipeline of deals has the number 0 and is no row of the table."""
_NO_CATEGORY = Problem(400, "NOT_FOUND", "Category not found")
_MEANINGS = {"S": "success", "F": "failure"}


def _check_status(portal: Portal, row: Row) -> None:
    entity = str(row["ENTITY_ID"])
    if entity.startswith("DEAL_STAGE_") and not str(row["STATUS_ID"]).startswith("C"):
        row["STATUS_ID"] = f"C{entity.removeprefix('DEAL_STAGE_')}:{row['STATUS_ID']}"
    for other in portal.store.tables["status"].where("ENTITY_ID", entity):
        if other["STATUS_ID"] == row["STATUS_ID"] and other["ID"] != row.get("ID"):
            raise RestError(Problem(400, "", f"Status '{row['STATUS_ID']}' already exists."))


def _with_extra(portal: Portal, row: Row, shown: dict[str, Any]) -> dict[str, Any]:
    meaning = _MEANINGS.get(str(row.get("SEMANTICS")), "process")
    return {**shown, "EXTRA": {"SEMANTICS": meaning, "COLOR": row.get("COLOR")}}


_STATUS = Resource(
    "crm.status", "status", check=_check_status, show=_with_extra, paged=False, frozen=("ENTITY_ID", "STATUS_ID")
)


def methods() -> Iterator[Method]:
    """The methods of this file."""
    yield from resource_methods(_STATUS)
    yield Method("crm.status.entity.types", _types, scope="crm", result="rows")
    yield Method("crm.status.entity.items", _items, scope="crm", result="rows")
    for verb, run, params, result in (
        ("list", _categories, "", "{categories}"),
        ("get", _category, "id int", "{category}"),
        ("add", _add_category, "fields array", "{category}"),
        ("update", _update_category, "id int, fields array", "{category}"),
        ("delete", _delete_category, "id int", "null"),
        ("fields", _category_fields, "", "{fields}"),
    ):
        checked = read_params(f"entityTypeId int, {params}")
        yield Method(f"crm.category.{verb}", run, scope="crm", adds=verb == "add", params=checked, result=result)
    for name, old_run, shape in (
        ("list", _old_list, "rows"),
        ("get", _old_get, "row"),
        ("add", _old_add, "id"),
        ("update", _old_update, "true"),
        ("delete", _old_delete, "true"),
        ("default.get", _old_default, "row"),
        ("status", _old_status, "value"),
        ("stage.list", _old_stages, "rows"),
    ):
        yield Method(f"crm.dealcategory.{name}", old_run, scope="crm", adds=name == "add", result=shape)


async def _types(portal: Portal, call: Call) -> Reply:
    rows = portal.store.tables["status"].rows.values()
    return Reply([{"ID": name, "NAME": name} for name in dict.fromkeys(row["ENTITY_ID"] for row in rows)])


async def _items(portal: Portal, call: Call) -> Reply:
    entity = call.param("entityId")
    if not isinstance(entity, str) or not entity:
        raise RestError(Problem(400, "", "The parameter entityId is not defined or invalid"))
    rows = portal.store.tables["status"].where("ENTITY_ID", entity)
    return Reply(_stage_rows(sorted(rows, key=lambda row: int(row.get("SORT") or 0))))


def _stage_rows(rows: list[Row]) -> list[dict[str, Any]]:
    return [{"NAME": row["NAME"], "SORT": row["SORT"], "STATUS_ID": row["STATUS_ID"]} for row in rows]


def _rows(portal: Portal, type_id: int) -> list[Row]:
    own = portal.store.tables["category"].where("ENTITY_TYPE_ID", type_id)
    return [_MAIN, *own] if type_id == _DEAL else own


def _type(portal: Portal, call: Call) -> int:
    return table_of(portal, integer(call.param("entityTypeId")) or 0).entity.type_id


def _shown(portal: Portal, row: Row) -> dict[str, Any]:
    view = plain_view(portal.store.tables["category"], row, portal.zone)
    return {camel(name): value for name, value in view.items() if name != "CREATED_DATE"}


def _found(portal: Portal, call: Call) -> Row:
    number = new_id(call)
    row = next((row for row in _rows(portal, _type(portal, call)) if row["ID"] == number), None)
    if row is None:
        raise RestError(_NO_CATEGORY)
    return row


async def _categories(portal: Portal, call: Call) -> Reply:
    rows = _rows(portal, _type(portal, call))
    return Reply({"categories": [_shown(portal, row) for row in rows]}, len(rows))


async def _category(portal: Portal, call: Call) -> Reply:
    return Reply({"category": _shown(portal, _found(portal, call))})


def _insert(portal: Portal, call: Call, type_id: int, given: dict[str, Any]) -> Row:
    table = portal.store.tables["category"]
    row = {**defaults(table, portal, call), **take_plain(portal, table, given), "ENTITY_TYPE_ID": type_id}
    if not row.get("NAME"):
        raise RestError(not_defined("NAME"))
    row["IS_DEFAULT"] = "N" if type_id == _DEAL else row["IS_DEFAULT"]
    row_id = table.insert(row)
    add_stages(portal.store.tables["status"], type_id, row_id)
    call.touched["ID"] = row_id
    return row


def _upper(given: dict[str, Any]) -> dict[str, Any]:
    return {upper(name): value for name, value in given.items()}


async def _add_category(portal: Portal, call: Call) -> Reply:
    row = _insert(portal, call, _type(portal, call), _upper(new_fields(call)))
    return Reply({"category": _shown(portal, row)})


def _changed(portal: Portal, row: Row, given: dict[str, Any]) -> None:
    table = portal.store.tables["category"]
    if row["ID"]:
        table.update(int(row["ID"]), take_plain(portal, table, given, without=("ENTITY_TYPE_ID", "IS_DEFAULT")))


async def _update_category(portal: Portal, call: Call) -> Reply:
    row = _found(portal, call)
    _changed(portal, row, _upper(new_fields(call)))
    return Reply({"category": _shown(portal, row)})


async def _delete_category(portal: Portal, call: Call) -> Reply:
    _drop(portal, _found(portal, call))
    return Reply(None)


def _drop(portal: Portal, row: Row) -> None:
    if row["IS_DEFAULT"] == "Y":
        raise RestError(Problem(400, "REMOVING_DISABLED", "Default category cannot be deleted"))
    store = portal.store
    store.tables["category"].delete(int(row["ID"]))
    name = stage_entity(int(row["ENTITY_TYPE_ID"]), int(row["ID"]))
    for status in store.tables["status"].where("ENTITY_ID", name):
        store.tables["status"].delete(int(status["ID"]))


async def _category_fields(portal: Portal, call: Call) -> Reply:
    _type(portal, call)
    fields = portal.store.tables["category"].entity.fields
    return Reply(
        {
            "fields": {
                camel(name): {"type": field.type, "isRequired": field.required, "isReadOnly": field.readonly}
                for name, field in fields.items()
                if name != "CREATED_DATE"
            }
        }
    )


def _old_view(portal: Portal, row: Row) -> dict[str, Any]:
    created = row.get("CREATED_DATE")
    return {
        "ID": str(row["ID"]),
        "CREATED_DATE": None if created is None else portal.stamps.iso(created),
        "NAME": row["NAME"],
        "IS_LOCKED": "N",
        "SORT": str(row["SORT"]),
    }


async def _old_list(portal: Portal, call: Call) -> Reply:
    table = portal.store.tables["category"]
    given = listing.pages.array("filter", call.param("filter"))
    page = listing.find(table, {**given, "ENTITY_TYPE_ID": _DEAL}, call.param("order"), start(call), portal.zone)
    return Reply([_old_view(portal, row) for row in page.rows], page.total, page.next)


def _old_row(portal: Portal, call: Call) -> Row:
    number = integer(call.param("id"))
    if number is None or number < 0:
        raise RestError(ID_INVALID)
    call.touched["ID"] = number
    row = next((row for row in _rows(portal, _DEAL) if row["ID"] == number), None)
    if row is None:
        raise RestError(NOT_FOUND)
    return row


async def _old_get(portal: Portal, call: Call) -> Reply:
    return Reply(_old_view(portal, _old_row(portal, call)))


async def _old_add(portal: Portal, call: Call) -> Reply:
    return Reply(_insert(portal, call, _DEAL, old_fields(call))["ID"])


async def _old_update(portal: Portal, call: Call) -> Reply:
    _changed(portal, _old_row(portal, call), old_fields(call))
    return Reply(True)


async def _old_delete(portal: Portal, call: Call) -> Reply:
    _drop(portal, _old_row(portal, call))
    return Reply(True)


async def _old_default(portal: Portal, call: Call) -> Reply:
    return Reply({"ID": "0", "NAME": _MAIN["NAME"]})


async def _old_status(portal: Portal, call: Call) -> Reply:
    return Reply(stage_entity(_DEAL, int(_old_row(portal, call)["ID"])))


async def _old_stages(portal: Portal, call: Call) -> Reply:
    return Reply(_stage_rows(stages_of(portal, _DEAL, integer(call.param("id")) or 0)))
