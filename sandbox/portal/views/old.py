"""The old view of a row: upper-case names, every scalar a string (bitrix24.md, section 3.1)."""

from datetime import tzinfo
from typing import Any

from sandbox.portal.fields import TYPES, Field
from sandbox.portal.store import Row, Table


def old_view(table: Table, row: Row, zone: tzinfo, names: list[str] | None = None, *, multi: bool) -> dict[str, Any]:
    """The row as `crm.*.get` and `crm.*.list` show it.

    `names` limits the fields (`UF_*` = all user fields), None means all; multifields appear when `multi` or
    when named, and only if they hold something.
    """
    fields = table.entity.fields
    if names is None:
        wanted = [name for name, field in fields.items() if field.old and (multi or field.type != "crm_multifield")]
        customs = True
    else:
        wanted = [name for name in names if name != "UF_*"]
        customs = "UF_*" in names
    shown: dict[str, Any] = {}
    for name in wanted:
        field = table.field(name)
        if field is None:
            continue
        kept = row.get(name)
        if field.type == "crm_multifield":
            if kept:
                shown[name] = [{**item, "ID": str(item["ID"])} for item in kept]
        else:
            shown[name] = _shown(field, kept, zone)
    if customs:
        for name in (*table.custom, *row):
            if name not in fields and name not in shown:
                field = table.field(name)
                shown[name] = None if field is None else _shown(field, row.get(name), zone)
    return shown


def _shown(field: Field, kept: Any, zone: tzinfo) -> Any:
    kind = TYPES[field.type]
    if field.multiple:
        # A multiple user field that holds nothing is false in the old methods.
        return [kind.show(part, zone) for part in kept] if isinstance(kept, list) and kept else False
    return None if kept is None else kind.show(kept, zone)
