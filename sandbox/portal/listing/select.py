"""Which fields a `select` asks for, by their own names."""

from typing import Any

from sandbox.portal.php import as_map
from sandbox.portal.store import Table


def columns(table: Table, select: Any) -> list[str] | None:
    """The old methods' choice; None is the default: all fields and user fields, no multifields."""
    names = [str(name) for name in (as_map(select) or {}).values()]
    if not names:
        return None
    wanted: dict[str, None] = {} if table.key is None else {table.key: None}
    for name in names:
        if name == "*":
            wanted.update(dict.fromkeys(_plain(table)))
        elif name == "UF_*":
            wanted["UF_*"] = None
        else:
            known = table.field(name)
            if known is not None and known.old:
                wanted[name] = None
    return list(wanted)


def _plain(table: Table) -> list[str]:
    return [name for name, field in table.entity.fields.items() if field.old and field.type != "crm_multifield"]
