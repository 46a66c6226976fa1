"""`crm.item.*`: one set of methods for all types, over the same objects as the old ones."""

from collections.abc import Iterator
from typing import Any

from sandbox.portal import listing
from sandbox.portal.entities import item_name
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import TYPES, Field
from sandbox.portal.fields.casts import yes
from sandbox.portal.methods.crm import bindings, writing
from sandbox.portal.methods.crm.universal import SYSTEM, own_name, rules, table_of, take
from sandbox.portal.methods.given import new_fields, new_id, note, start
from sandbox.portal.methods.spec import Call, Method, Reply, read_params
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Table
from sandbox.portal.store.seeds import stage_entity
from sandbox.portal.views import item_view

IMPORT_LIMIT = 20
_NOT_FOUND = Problem(400, "NOT_FOUND", "Item not found")
_TOO_MANY = Problem(400, "MAX_IMPORT_BATCH_SIZE_EXCEEDED", f"You cannot import more than {IMPORT_LIMIT} items")
_IMPORTED = ("createdTime", "updatedTime", "createdBy", "updatedBy", "movedTime", "movedBy")
_TYPE = "entityTypeId int"


def methods() -> Iterator[Method]:
    """The methods of this file."""
    for name, run, result, params, adds in (
        ("add", _add, "{item}", "fields array", True),
        ("get", _get, "{item}", "id int", False),
        ("list", _list, "{items}", "", False),
        ("update", _update, "{item}", "id int, fields array", False),
        ("delete", _delete, "empty", "id int", False),
        ("fields", _fields, "{fields}", "", False),
        ("import", _import, "{item}", "fields array", True),
        ("batchImport", _batch_import, "{items}", "data array", True),
    ):
        checked = read_params(f"{_TYPE}, {params}")
        yield Method(f"crm.item.{name}", run, scope="crm", adds=adds, params=checked, result=result)


def _table(portal: Portal, call: Call) -> Table:
    return table_of(portal, new_id_of(call, "entityTypeId"))


def new_id_of(call: Call, name: str) -> int:
    """A whole number among the parameters that is no object's id."""
    held = call.touched.get("ID")
    number = new_id(call, name)
    if held is None:
        call.touched.pop("ID")
    else:
        call.touched["ID"] = held
    return number


def _row(table: Table, call: Call) -> Row:
    row = table.rows.get(new_id(call))
    if row is None:
        raise RestError(_NOT_FOUND)
    return row


def _original(call: Call) -> bool:
    return yes(call.param("useOriginalUfNames"))


def _shown(portal: Portal, call: Call, table: Table, row: Row) -> dict[str, Any]:
    shown = item_view(table, row, portal.zone, original=_original(call))
    if table.entity.name == "company":
        shown["contactIds"] = bindings.contacts_of_company(portal.store, row["ID"])
    return shown


async def _add(portal: Portal, call: Call) -> Reply:
    table = _table(portal, call)
    given = new_fields(call)
    row_id = writing.add(portal, call, table, take(portal, table, given, {}), strict=True)
    _bind_company(portal, table, row_id, given)
    return Reply({"item": _shown(portal, call, table, table.rows[row_id])})


async def _get(portal: Portal, call: Call) -> Reply:
    table = _table(portal, call)
    return Reply({"item": _shown(portal, call, table, _row(table, call))})


async def _update(portal: Portal, call: Call) -> Reply:
    table = _table(portal, call)
    row = _row(table, call)
    row_id = int(row["ID"])
    given = new_fields(call)
    writing.change(portal, call, table, row_id, take(portal, table, given, row), strict=True, idle=False)
    _bind_company(portal, table, row_id, given)
    return Reply({"item": _shown(portal, call, table, row)})


async def _delete(portal: Portal, call: Call) -> Reply:
    table = _table(portal, call)
    writing.remove(call, table, int(_row(table, call)["ID"]))
    return Reply([])


async def _list(portal: Portal, call: Call) -> Reply:
    table = _table(portal, call)
    names = _selected(portal, table, call.param("select"))
    store = portal.store
    page = listing.find(table, call.param("filter"), call.param("order"), start(call), portal.zone, rules(store))
    if names is None:
        rows = [_shown(portal, call, table, row) for row in page.rows]
    else:
        rows = [item_view(table, row, portal.zone, names, original=_original(call)) for row in page.rows]
    return Reply({"items": rows}, page.total, page.next)


def _selected(portal: Portal, table: Table, select: Any) -> list[str] | None:
    """The own names that a `select` asks for; None = everything, which alone shows `fm` and `entityTypeId`."""
    names = [str(name) for name in (as_map(select) or {}).values()]
    if not names or names == ["*"]:
        return None
    wanted: dict[str, None] = {"ID": None}
    for name in names:
        if name == "*":
            wanted.update(dict.fromkeys([*table.entity.items.values(), *table.custom]))
            continue
        own = own_name(portal.store, table, name)
        if own is not None:
            wanted[own] = None
    return list(wanted)


async def _fields(portal: Portal, call: Call) -> Reply:
    table = _table(portal, call)
    original = _original(call)
    fields: dict[str, Any] = {}
    for name, field in (table.entity.fields | table.custom).items():
        shown_as = item_name(table.entity, name, original=original)
        if shown_as and not field.response_only:
            fields[shown_as] = _described(table, name, field)
    for name, (beside, kind) in SYSTEM.items():
        if beside in fields:
            fields[name] = _described(table, name.upper(), Field(kind, multiple=True))
    if "PHONE" in table.entity.fields:
        fields["fm"] = _described(table, "FM", Field("crm_multifield", multiple=True))
    return Reply({"fields": fields})


def _described(table: Table, name: str, field: Field) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": TYPES[field.type].rest or field.type if field.type in TYPES else field.type,
        "isRequired": field.required,
        "isReadOnly": field.item_readonly,
        "isImmutable": field.immutable,
        "isMultiple": field.multiple,
        "isDynamic": name in table.custom,
        "title": name,
        "upperName": name,
    }
    if field.deprecated:
        shown["isDeprecated"] = True
    if table.entity.items.get("stageId") == name:
        shown["statusType"] = stage_entity(table.entity.type_id, 0)
    return shown


async def _import(portal: Portal, call: Call) -> Reply:
    table = _table(portal, call)
    row_id = _imported(portal, call, table, new_fields(call))
    return Reply({"item": {"id": row_id}})


async def _batch_import(portal: Portal, call: Call) -> Reply:
    table = _table(portal, call)
    data = list((as_map(call.param("data")) or {}).values())
    if len(data) > IMPORT_LIMIT:
        raise RestError(_TOO_MANY)
    items: list[dict[str, Any]] = []
    for raw in data:
        try:
            given = as_map(raw)
            if given is None:
                raise RestError(Problem(400, 100, "Each item must be an array of fields"))
            note(call, given)
            items.append({"item": {"id": _imported(portal, call, table, given)}})
        except RestError as error:
            items.append(error.problem.body())
    call.touched["IDS"] = [item["item"]["id"] for item in items if "item" in item]
    return Reply({"items": items})


def _imported(portal: Portal, call: Call, table: Table, given: dict[str, Any]) -> int:
    """An import starts no robots and may set system fields, but nothing older than what is there (section 6.8)."""
    taken = take(portal, table, given, {}, system=_IMPORTED)
    created = table.entity.items["createdTime"]
    last = table.rows[table.ids[-1]].get(created) if table.ids else None
    if isinstance(last, int) and isinstance(taken.get(created), int) and taken[created] < last:
        raise RestError(Problem(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", 'Invalid value for field "createdTime"'))
    row_id = writing.add(portal, call, table, taken, strict=True)
    _bind_company(portal, table, row_id, given)
    return row_id


def _bind_company(portal: Portal, table: Table, row_id: int, given: dict[str, Any]) -> None:
    """`contactIds` of a company is kept with its contacts."""
    if table.entity.name == "company" and "contactIds" in given:
        bindings.set_contacts_of_company(portal.store, row_id, given["contactIds"])
