"""`crm.duplicate.findbycomm` and `crm.entity.mergeBatch` (bitrix24.md, section 6.2)."""

from collections.abc import Iterator

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.fields.casts import scalar
from sandbox.portal.methods.crm import writing
from sandbox.portal.methods.spec import Call, Method, Reply
from sandbox.portal.php import as_map, php_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Table, digits

_TYPES = ("PHONE", "EMAIL")
_ENTITIES = ("LEAD", "CONTACT", "COMPANY")
_MOST = 20
_MANY = ("PHONE", "EMAIL", "WEB", "IM", "LINK", "CONTACT_IDS", "COMPANY_IDS")


def methods() -> Iterator[Method]:
    """The methods of this file."""
    yield Method("crm.duplicate.findbycomm", _find, scope="crm", result="value")
    yield Method("crm.entity.mergeBatch", _merge, scope="crm", result="{STATUS,ENTITY_IDS}")


async def _find(portal: Portal, call: Call) -> Reply:
    kind = (scalar(call.param("type")) or "").upper()
    if not kind:
        raise _refused("Communication type is not defined", "Parameter 'type' is required.")
    if kind not in _TYPES:
        raise _refused("", f"Communication type '{kind}' is not supported in current context")
    values = as_map(call.param("values"))
    if not values:
        raise _refused("Communication values is not defined", "Parameter 'values' is required.")
    # More values than are allowed are left out.
    texts = [text for value in list(values.values())[:_MOST] if (text := scalar(value))]
    keys = [f"#{digits(text)}" for text in texts if digits(text)] if kind == "PHONE" else texts
    only = (scalar(call.param("entity_type")) or "").upper()
    found: dict[str, list[int]] = {}
    for name in _ENTITIES:
        if only in ("", name):
            ids = portal.store.tables[name.lower()].with_value(kind, keys)
            if ids:
                found[name] = ids
    return Reply(php_map(found))


def _refused(code: str, text: str) -> RestError:
    return RestError(Problem(400, code, text))


async def _merge(portal: Portal, call: Call) -> Reply:
    given = as_map(call.param("params")) or {}
    type_id = integer(given.get("entityTypeId"))
    if not type_id:
        raise RestError(Problem(400, 0, "The parameter entityTypeId is required."))
    ids = [number for item in (as_map(given.get("entityIds")) or {}).values() if (number := integer(item))]
    if not ids:
        raise RestError(Problem(400, 0, "The parameter entityIds does not contains valid elements."))
    ids = list(dict.fromkeys(ids))
    if len(ids) < 2:
        raise RestError(Problem(400, 0, "The parameter entityIds must contains at least two elements."))
    table = portal.store.of_type(type_id)
    if table is None:
        raise RestError(Problem(400, 0, f"Entity type {type_id} is not supported"))
    if any(number not in table.rows for number in ids):
        raise RestError(Problem(400, 0, "Owner was not found"))
    first, *others = ids
    if _conflict(table, ids):
        return Reply({"STATUS": "CONFLICT", "ENTITY_IDS": []})
    for number in others:
        writing.change(portal, call, table, first, _missing(table.rows[first], table.rows[number], table))
        writing.remove(call, table, number)
    call.touched["ID"] = first
    return Reply({"STATUS": "SUCCESS", "ENTITY_IDS": others})


def _conflict(table: Table, ids: list[int]) -> bool:
    """Two different external ids cannot be merged by themselves."""
    known = {table.rows[number].get("ORIGIN_ID") for number in ids} - {None, ""}
    return len(known) > 1


def _missing(row: Row, other: Row, table: Table) -> Row:
    """What the surviving object takes from another one: what it has not, and lists as a whole."""
    taken: Row = {}
    for name, value in other.items():
        if name == table.key or value in (None, "", []):
            continue
        if name in _MANY:
            held = row.get(name) or []
            known = {part["VALUE"] if isinstance(part, dict) else part for part in held}
            more = [part for part in value if (part["VALUE"] if isinstance(part, dict) else part) not in known]
            if more:
                taken[name] = [*held, *more]
        elif row.get(name) in (None, "", []):
            taken[name] = value
    return taken
