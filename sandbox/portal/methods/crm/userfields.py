"""`crm.{deal,company,contact,lead}.userfield.*` and the lists of what user fields can be (bitrix24.md, section 6.7)."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.portal import listing
from sandbox.portal.entities import ENTITIES, Entity
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.fields.casts import flag, scalar
from sandbox.portal.methods.crm.plain import missing, take_plain
from sandbox.portal.methods.given import defaults, old_fields, old_id
from sandbox.portal.methods.spec import Call, Handler, Method, Reply
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row
from sandbox.portal.views import old_view

TYPES = {
    "string": "String",
    "integer": "Integer",
    "double": "Number",
    "boolean": "Yes/No",
    "date": "Date",
    "datetime": "Date/Time",
    "money": "Money",
    "url": "Link",
    "address": "Address",
    "enumeration": "List",
    "file": "File",
    "employee": "User",
    "crm_status": "CRM dictionary",
    "iblock_section": "Information block section",
    "iblock_element": "Information block element",
    "crm": "CRM object",
}
_PREFIX = "UF_CRM_"
_LENGTH = 50
_LABELS = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL", "ERROR_MESSAGE", "HELP_MESSAGE")


def methods() -> Iterator[Method]:
    """The methods of this file."""
    for entity in ENTITIES:
        for verb, (make, result) in _VERBS.items():
            name = f"crm.{entity.name}.userfield.{verb}"
            yield Method(name, make(entity), scope="crm", adds=verb == "add", result=result)
    yield Method("crm.userfield.types", _types, scope="crm", result="rows")
    yield Method("crm.userfield.fields", _fields, scope="crm", result="fields")
    yield Method("crm.userfield.enumeration.fields", _enumeration_fields, scope="crm", result="fields")


def _owner(entity: Entity) -> str:
    return f"CRM_{entity.name.upper()}"


def _refuse(text: str, code: str = "") -> RestError:
    return RestError(Problem(400, code, text))


def _full_name(given: Any) -> str:
    """`MANAGER_NOTE` and `UF_MANAGER_NOTE` become `UF_CRM_MANAGER_NOTE`; raises `RestError` 400."""
    text = (scalar(given) or "").strip().upper()
    if not text:
        raise _refuse("The 'FIELD_NAME' field is not found.")
    name = text if text.startswith(_PREFIX) else _PREFIX + text.removeprefix("UF_")
    if len(name) > _LENGTH:
        raise _refuse(f"Field name is too long (more than {_LENGTH} characters).", "ERROR_CORE")
    if not re.fullmatch(r"[A-Z0-9_]+", name):
        text = "Field name contains invalid characters. Allowed characters are: A-Z, 0-9, and _."
        raise _refuse(text, "ERROR_CORE")
    return name


def _items(portal: Portal, given: Any, held: list[Row]) -> list[Row]:
    """The items of an enumeration after a write; those with a known ID are changed or removed (DEL=Y)."""
    items = {item["ID"]: item for item in held}
    for raw in (as_map(given) or {}).values():
        item = as_map(raw) or {}
        number = integer(item.get("ID"))
        if number in items and item.get("DEL") == "Y":
            del items[number]
            continue
        if number is None or number not in items:
            if not scalar(item.get("VALUE")):
                continue
            number = portal.store.number("enumeration")
            items[number] = {"ID": number, "SORT": 500, "VALUE": "", "DEF": "N", "XML_ID": f"{number:032x}"}
        changed = dict(items[number])
        for name in ("VALUE", "XML_ID"):
            if scalar(item.get(name)):
                changed[name] = scalar(item[name])
        if "DEF" in item:
            changed["DEF"] = flag(item["DEF"])
        changed["SORT"] = integer(item.get("SORT")) or changed["SORT"]
        items[number] = changed
    seen: set[str] = set()
    for item in items.values():
        if item["XML_ID"] in seen:
            raise _refuse(f"List item with value XML_ID='{item['XML_ID']}' already exists", "ERROR_CORE")
        seen.add(item["XML_ID"])
    return list(items.values())


def _labelled(row: Row, label: Any) -> None:
    for name in _LABELS:
        text = row.get(name)
        if scalar(text):
            row[name] = {"en": scalar(text), "ru": scalar(text)}
        elif as_map(text) is None:
            row[name] = {"en": scalar(label), "ru": scalar(label)} if scalar(label) else {"en": "", "ru": ""}


def _add(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        given = old_fields(call)
        table = portal.store.tables["user_field"]
        kind = scalar(given.get("USER_TYPE_ID")) or ""
        if not kind:
            raise _refuse("The 'USER_TYPE_ID' field is not found.")
        name = _full_name(given.get("FIELD_NAME"))
        if kind not in TYPES:
            raise _refuse("Invalid custom type specified")
        owner = _owner(entity)
        if any(row["FIELD_NAME"] == name for row in table.where("ENTITY_ID", owner)):
            raise _refuse(f"The field {name} for object {owner} already exists.", "ERROR_CORE")
        row = {**defaults(table, portal, call), **take_plain(portal, table, given)}
        row |= {"ENTITY_ID": owner, "FIELD_NAME": name, "USER_TYPE_ID": kind}
        if kind == "boolean":
            row["MULTIPLE"] = "N"
        row["LIST"] = _items(portal, given.get("LIST"), []) if kind == "enumeration" else None
        row["SETTINGS"] = as_map(given.get("SETTINGS")) or {}
        _labelled(row, given.get("LABEL"))
        row_id = table.insert(row)
        portal.store.declare(portal.store.tables[entity.name], row)
        call.touched |= {"ID": row_id, "FIELD_NAME": name}
        return Reply(row_id)

    return run


def _row(portal: Portal, call: Call, entity: Entity) -> Row:
    table = portal.store.tables["user_field"]
    row_id = old_id(call)
    row = table.rows.get(row_id)
    if row is None or row["ENTITY_ID"] != _owner(entity):
        raise RestError(missing(table, row_id))
    return row


def _shown(portal: Portal, row: Row, *, whole: bool) -> dict[str, Any]:
    shown = old_view(portal.store.tables["user_field"], row, portal.zone, multi=False)
    shown["LIST"] = [{**item, "ID": str(item["ID"]), "SORT": str(item["SORT"])} for item in row.get("LIST") or []]
    shown["SETTINGS"] = row.get("SETTINGS") or []
    if row["USER_TYPE_ID"] != "enumeration":
        del shown["LIST"]
    if not whole:
        # A list shows labels only for a language that it is asked for.
        for name in _LABELS:
            del shown[name]
    return shown


def _get(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        return Reply(_shown(portal, _row(portal, call, entity), whole=True))

    return run


def _list(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        table = portal.store.tables["user_field"]
        given = listing.pages.array("filter", call.param("filter"))
        known = {name: value for name, value in given.items() if name != "LANG"}
        page = listing.find(table, {**known, "ENTITY_ID": _owner(entity)}, call.param("order"), 0, portal.zone)
        rows = [_shown(portal, row, whole="LANG" in given) for row in page.rows]
        return Reply(rows, page.total)

    return run


def _update(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row = _row(portal, call, entity)
        given = old_fields(call)
        table = portal.store.tables["user_field"]
        frozen = ("ENTITY_ID", "FIELD_NAME", "USER_TYPE_ID", "MULTIPLE", "LIST", "SETTINGS")
        changes = take_plain(portal, table, given, without=frozen)
        if "LIST" in given and row["USER_TYPE_ID"] == "enumeration":
            changes["LIST"] = _items(portal, given["LIST"], row.get("LIST") or [])
        if as_map(given.get("SETTINGS")):
            changes["SETTINGS"] = as_map(given["SETTINGS"])
        table.update(int(row["ID"]), changes)
        _labelled(row, given.get("LABEL"))
        portal.store.declare(portal.store.tables[entity.name], row)
        return Reply(True)

    return run


def _delete(entity: Entity) -> Handler:
    async def run(portal: Portal, call: Call) -> Reply:
        row = _row(portal, call, entity)
        portal.store.tables["user_field"].delete(int(row["ID"]))
        portal.store.tables[entity.name].custom.pop(str(row["FIELD_NAME"]), None)
        return Reply(True)

    return run


_VERBS: dict[str, tuple[Callable[[Entity], Handler], str]] = {
    "add": (_add, "id"),
    "get": (_get, "row"),
    "list": (_list, "rows"),
    "update": (_update, "true"),
    "delete": (_delete, "true"),
}


async def _types(portal: Portal, call: Call) -> Reply:
    return Reply([{"ID": name, "title": title} for name, title in TYPES.items()])


async def _fields(portal: Portal, call: Call) -> Reply:
    fields = portal.store.tables["user_field"].entity.fields
    return Reply({name: {"type": field.type, "title": name} for name, field in fields.items()})


async def _enumeration_fields(portal: Portal, call: Call) -> Reply:
    kinds = {"ID": "int", "SORT": "int", "VALUE": "string", "XML_ID": "string", "DEF": "string", "DEL": "string"}
    return Reply({name: {"type": kind, "title": name} for name, kind in kinds.items()})
