"""The old view of a row: upper-case names, every scalar a string (bitrix24.md, section 3.1)."""

from datetime import tzinfo
from typing import Any

from sandbox.portal.entities import Entity
from sandbox.portal.fields import TYPES
from sandbox.portal.store import Row


def old_view(entity: Entity, row: Row, zone: tzinfo, names: list[str] | None = None, *, multi: bool) -> dict[str, Any]:
    """The row as `crm.*.get` and `crm.*.list` show it.

    `names` limits the fields (`UF_*` = all user fields), None means all; multifields appear when `multi` or
    when named, and only if they hold something.
    """
    if names is None:
        wanted = [name for name, field in entity.fields.items() if multi or not field.multiple]
        customs = True
    else:
        wanted = [name for name in names if name != "UF_*"]
        customs = "UF_*" in names
    shown: dict[str, Any] = {}
    for name in wanted:
        field = entity.find(name)
        if field is None:
            continue
        kept = row.get(name)
        if field.multiple:
            if kept:
                shown[name] = [{**item, "ID": str(item["ID"])} for item in kept]
        else:
            shown[name] = None if kept is None else TYPES[field.type].show(kept, zone)
    if customs:
        for name, kept in row.items():
            if name not in entity.fields and name not in shown:
                field = entity.find(name)
                shown[name] = None if kept is None or field is None else TYPES[field.type].show(kept, zone)
    return shown
