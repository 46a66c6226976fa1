"""What a write of a CRM object means besides its fields: stage, title, bindings, sums, stamps, events.

Both views write through here, so an object is the same whoever made it.
"""

from typing import Any

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.methods.crm import stages
from sandbox.portal.methods.crm.rows import recalculated
from sandbox.portal.methods.given import defaults
from sandbox.portal.methods.spec import Call, Change
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Table

_BINDINGS = (("CONTACT_ID", "CONTACT_IDS"), ("COMPANY_ID", "COMPANY_IDS"))


def add(portal: Portal, call: Call, table: Table, taken: Row, *, strict: bool = False) -> int:
    """Make an object of the taken fields and return its id; `strict` refuses a stage that is not the pipeline's.

    Raises `RestError` 400 CRM_FIELD_ERROR_VALUE_NOT_VALID or CRM_FIELD_ERROR_REQUIRED, strict writes only.
    """
    row = defaults(table, portal, call)
    row.update(taken)
    stages.enter(portal, table, row, given=taken, strict=strict)
    if strict:
        _required(portal, table, row)
    _bind(table, row, taken)
    _flags(row)
    row_id = table.insert(row)
    entity = table.entity
    if entity.title and not any(row.get(name) for name in (entity.named, "TITLE", "NAME", "LAST_NAME")):
        table.update(row_id, {entity.named: entity.title.format(id=row_id)})
    call.touched["ID"] = row_id
    tell(call, table, row_id, "ADD")
    return row_id


def change(
    portal: Portal, call: Call, table: Table, row_id: int, taken: Row, *, strict: bool = False, idle: bool = True
) -> None:
    """Change an object; with `idle=False` a write that changes nothing saves nothing (crm.item.update).

    Raises KeyError for an unknown id, and `RestError` as `add`.
    """
    row = table.rows[row_id]
    _bind(table, taken, dict(taken), row)
    effective = {name: value for name, value in taken.items() if not _same(row.get(name), value)}
    if not effective and not idle:
        return
    moved = stages.move(portal, call, table, row, effective, strict=strict)
    if strict and moved:
        _required(portal, table, {**row, **effective})
    _flags(effective)
    manual = effective.get("IS_MANUAL_OPPORTUNITY", row.get("IS_MANUAL_OPPORTUNITY"))
    if manual == "N" and ("OPPORTUNITY" in effective or "IS_MANUAL_OPPORTUNITY" in effective):
        effective.update(recalculated(portal.store, table, row_id))
    table.update(row_id, {**effective, **stamps(portal, call, table)})
    # Moving a deal to another pipeline is another event, and one for applications only (section 5.1).
    tell(call, table, row_id, "MOVETOCATEGORY" if table.entity.type_id == 2 and moved == "category" else "UPDATE")


def remove(call: Call, table: Table, row_id: int) -> None:
    """Delete an object; raises KeyError for an unknown id."""
    table.delete(row_id)
    tell(call, table, row_id, "DELETE")


def stamps(portal: Portal, call: Call, table: Table) -> Row:
    """Who changed an object, and when."""
    names = table.entity.items
    return {names["updatedTime"]: int(portal.clock.now()), names["updatedBy"]: call.credential.user_id}


def tell(call: Call, table: Table, row_id: int, what: str) -> None:
    """Note the event of a write: ONCRMDEALADD, ONCRMDYNAMICITEMUPDATE_128, .."""
    entity = table.entity
    if entity.type_id >= 31:
        fields = {"ID": row_id, "ENTITY_TYPE_ID": entity.type_id}
        call.changes.append(Change(f"ONCRMDYNAMICITEM{what}", fields))
        call.changes.append(Change(f"ONCRMDYNAMICITEM{what}_{entity.type_id}", fields))
        return
    call.changes.append(Change(f"ONCRM{entity.name.upper()}{what}", {"ID": row_id}))


def _same(held: Any, given: Any) -> bool:
    if isinstance(held, str | list) or isinstance(given, str | list):
        return (held or None) == (given or None)
    return bool(held == given)


def _flags(row: Row) -> None:
    for name, flag in (("PHONE", "HAS_PHONE"), ("EMAIL", "HAS_EMAIL")):
        if name in row:
            row[flag] = "Y" if row[name] else "N"


def _bind(table: Table, row: Row, given: Row, held: Row | None = None) -> None:
    """Keep the first bound contact or company and the list of all of them in step."""
    for single, many in _BINDINGS:
        if many not in table.entity.fields or (single not in given and many not in given):
            continue
        everybody = list(dict.fromkeys(item for item in given.get(many) or [] if item))
        first = given.get(single) if single in given else None
        if many not in given:
            old = (held or {}).get(single)
            others = [item for item in (held or {}).get(many) or [] if item not in (old, first)]
            everybody = [first, *others] if first else others
        elif first and first not in everybody:
            everybody.insert(0, first)
        row[many] = everybody
        row[single] = first or (everybody[0] if everybody else None)


def _required(portal: Portal, table: Table, row: Row) -> None:
    for name in sorted(portal.store.required.get(table.entity.type_id, ())):
        if row.get(name) in (None, "", [], 0):
            field = table.entity.fields.get(name)
            text = f'The "{field.item if field and field.item else name}" field is required'
            raise RestError(Problem(400, "CRM_FIELD_ERROR_REQUIRED", text))
