"""Stages: where a new object begins, what a move means (STAGE_SEMANTIC_ID, CLOSED, MOVED_TIME)."""

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.methods.spec import Call
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Table
from sandbox.portal.store.seeds import stage_entity


def stages_of(portal: Portal, type_id: int, category: int) -> list[Row]:
    """The stages of a pipeline, in order."""
    rows = portal.store.tables["status"].where("ENTITY_ID", stage_entity(type_id, category))
    return sorted(rows, key=lambda row: int(row.get("SORT") or 0))


def enter(portal: Portal, table: Table, row: Row, given: Row, *, strict: bool) -> None:
    """Set the stage of a new object: the given one, else the first of its pipeline."""
    name = table.entity.items.get("stageId")
    if name is None:
        return
    type_id = table.entity.type_id
    if type_id >= 31 and not given.get("CATEGORY_ID"):
        row["CATEGORY_ID"] = first_category(portal, type_id)
    found = stages_of(portal, type_id, int(row.get("CATEGORY_ID") or 0))
    if not given.get(name):
        if found:
            row[name] = found[0]["STATUS_ID"]
    elif strict and found and given[name] not in {stage["STATUS_ID"] for stage in found}:
        raise RestError(not_valid("stageId"))
    row.update(_meaning(portal, table, found, row, row[name]))


def move(portal: Portal, call: Call, table: Table, row: Row, effective: Row, *, strict: bool) -> str | None:
    """Complete a change of the stage or the pipeline; returns `category`, `stage`, or None when neither changes."""
    name = table.entity.items.get("stageId")
    if name is None or (name not in effective and "CATEGORY_ID" not in effective):
        return None
    category = int(effective.get("CATEGORY_ID", row.get("CATEGORY_ID")) or 0)
    found = stages_of(portal, table.entity.type_id, category)
    if "CATEGORY_ID" in effective and name not in effective and found:
        effective[name] = found[0]["STATUS_ID"]
    stage = effective.get(name)
    if strict and found and stage is not None and stage not in {item["STATUS_ID"] for item in found}:
        raise RestError(not_valid("stageId"))
    explicit = {key: effective[key] for key in ("CLOSED",) if key in effective}
    effective.update(_meaning(portal, table, found, row, stage))
    effective.update(explicit)
    names = table.entity.items
    for key, value in (("movedTime", int(portal.clock.now())), ("movedBy", call.credential.user_id)):
        if key in names:
            effective[names[key]] = value
    if "previousStageId" in names:
        effective[names["previousStageId"]] = row.get(name)
    return "category" if "CATEGORY_ID" in effective else "stage"


def first_category(portal: Portal, type_id: int) -> int:
    """The pipeline of a type that new objects begin in; 0 for types without rows of their own."""
    rows = portal.store.tables["category"].where("ENTITY_TYPE_ID", type_id)
    chosen = next((row for row in rows if row.get("IS_DEFAULT") == "Y"), rows[0] if rows else None)
    return int(chosen["ID"]) if chosen else 0


def not_valid(name: str) -> Problem:
    """The universal methods' answer to a value that a field cannot have."""
    return Problem(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", f'Invalid value for field "{name}"')


def _meaning(portal: Portal, table: Table, found: list[Row], row: Row, stage: object) -> Row:
    semantics = next((item.get("SEMANTICS") for item in found if item["STATUS_ID"] == stage), None) or "P"
    meant: Row = {}
    name = table.entity.items.get("stageSemanticId")
    if name is not None:
        meant[name] = semantics
    if "CLOSED" in table.entity.fields:
        meant["CLOSED"] = "N" if semantics == "P" else "Y"
    if "DATE_CLOSED" in table.entity.fields:
        meant["DATE_CLOSED"] = None if semantics == "P" else row.get("DATE_CLOSED") or int(portal.clock.now())
    if "IS_NEW" in table.entity.fields:
        meant["IS_NEW"] = "Y" if found and found[0]["STATUS_ID"] == stage else "N"
    return meant
