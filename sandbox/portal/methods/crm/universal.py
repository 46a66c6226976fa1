"""The universal view's side of names and values: `crm.item.*` speaks camelCase and typed values."""

from functools import partial
from typing import Any

from sandbox.portal.entities import item_name
from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import TYPES, Field, integer
from sandbox.portal.fields.casts import scalar, yes
from sandbox.portal.listing import Rules
from sandbox.portal.methods.checks import not_iterable, wrong_type
from sandbox.portal.methods.crm.files import take_file
from sandbox.portal.methods.crm.old import check_emails
from sandbox.portal.methods.crm.stages import not_valid
from sandbox.portal.multifields import KINDS, merge_fm
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Store, Table

SYSTEM = {"contacts": ("contactIds", "crm_contact"), "companies": ("companyIds", "crm_company")}
"""Fields that `crm.item.fields` names beside another one and that do not work over REST; and their types."""
_PRIMARY = Problem(400, 0, "Setting value for Primary ID is not allowed, it is read-only field")
_NO_FILE = Problem(400, "FILE_NOT_FOUND", "File not found")
_NOT_FOUND = Problem(400, "NOT_FOUND", "Smart process not found")
_NOT_SUPPORTED = Problem(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
_OTHER_TYPES = {5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}
"""CRM types that exist but have no universal methods: old invoices, activities, requisites, orders, .."""


def table_of(portal: Portal, type_id: int) -> Table:
    """The table of an `entityTypeId`; raises `RestError` 400 NOT_FOUND or ENTITY_TYPE_NOT_SUPPORTED."""
    table = portal.store.of_type(type_id)
    if table is None:
        raise RestError(_NOT_SUPPORTED if type_id in _OTHER_TYPES else _NOT_FOUND)
    return table


def own_name(store: Store, table: Table, name: str) -> str | None:
    """The own name of a universal one (`stageId` -> `STATUS_ID` of a lead); own names are taken too. None = unknown."""
    entity = table.entity
    known = entity.items.get(name)
    if known is not None:
        return known
    if name.startswith("ufCrm"):
        return store.original(name)
    if name.startswith("parentId") and name[8:].isdecimal():
        return f"PARENT_ID_{name[8:]}"
    field = table.field(name)
    return name if field is not None and item_name(entity, name) is not None else None


def rules(store: Store) -> Rules:
    """The list rules of `crm.item.list`: strict, with logic."""

    def resolve(table: Table, name: str) -> str | None:
        if name == "fm":
            raise RestError(Problem(400, 100, "Field 'fm' is not supported in filter and order"))
        return own_name(store, table, name)

    return Rules(resolve, strict=True, logic=True, wrong_array=partial(wrong_type, value="string", wanted="array"))


def take(portal: Portal, table: Table, given: dict[str, Any], row: Row, system: tuple[str, ...] = ()) -> Row:
    """The given fields in their kept form; unknown and read-only ones are left out, except those in `system`.

    `row` is the object that is changed, empty for a new one. Raises `RestError` 400.
    """
    taken: Row = {}
    for name, value in given.items():
        if name == "id" and row:
            raise RestError(_PRIMARY)
        if name in SYSTEM:
            raise RestError(not_iterable(value))
        if name == "fm":
            held = {kind: row.get(kind) or [] for kind in KINDS}
            merged = merge_fm(held, value, portal.store.next_multifield_id)
            check_emails(merged.get("EMAIL", []))
            taken.update({kind: values for kind, values in merged.items() if kind in table.entity.fields})
            continue
        own = own_name(portal.store, table, name)
        field = None if own is None else table.field(own)
        if own is None or field is None or ((field.item_readonly or field.response_only) and name not in system):
            continue
        if field.immutable and row:
            continue
        if own.startswith("UF_"):
            portal.store.remember(own)
        taken[own] = _taken(portal, name, field, value, row.get(own))
    return taken


def _taken(portal: Portal, name: str, field: Field, value: Any, held: Any) -> Any:
    if field.multiple and value is not None and as_map(value) is None:
        raise RestError(not_iterable(value))
    if field.type == "char":
        return "Y" if yes(value) else "N"
    if field.type == "file":
        return take_file(portal.store, value, held, multiple=field.multiple)
    if field.type == "picture":
        number = integer(value)
        if number is None and value not in (None, "", []):
            raise RestError(_NO_FILE)
        return number or None
    kind = TYPES[field.type]
    if field.multiple:
        kept = [kind.take(part, portal.zone) for part in (as_map(value) or {}).values()]
        return [part for part in kept if part not in (None, "")]
    if field.type == "bit":
        return 1 if yes(value) or scalar(value) == "1" else 0
    kept_value = kind.take(value, portal.zone)
    if field.type in ("date", "datetime") and kept_value is None and value not in (None, "", []):
        raise RestError(not_valid(name))
    return kept_value
