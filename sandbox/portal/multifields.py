"""Phones, e-mails, sites: lists of values with ids of their own (crm_multifield of the documentation)."""

from collections.abc import Callable
from typing import Any

from sandbox.portal.fields import integer
from sandbox.portal.php import as_map

Value = dict[str, Any]
"""`{"ID": int, "VALUE_TYPE": str, "VALUE": str, "TYPE_ID": str}`."""


def merge_multifield(name: str, kept: list[Value], given: Any, new_id: Callable[[], int]) -> list[Value]:
    """The values of field `name` after a write of `given`, a list of `{VALUE, VALUE_TYPE, ID?, DELETE?}`.

    An item with a known ID changes that value, an empty VALUE or DELETE=Y removes it, the rest is added: so a
    repeated write without IDs piles up duplicates, as on a portal.
    """
    values = {item["ID"]: item for item in kept}
    for raw in (as_map(given) or {}).values():
        item = {"VALUE": raw} if isinstance(raw, str) else as_map(raw) or {}
        text = str(item.get("VALUE") or "")
        value_id = integer(item.get("ID")) or 0
        if value_id in values:
            if item.get("DELETE") == "Y" or ("VALUE" in item and not text):
                del values[value_id]
                continue
            changed = {key: str(item[key]) for key in ("VALUE", "VALUE_TYPE") if key in item}
            values[value_id] = {**values[value_id], **changed}
        elif text:
            value_id = new_id()
            kind = str(item.get("VALUE_TYPE") or "WORK")
            values[value_id] = {"ID": value_id, "VALUE_TYPE": kind, "VALUE": text, "TYPE_ID": name}
    return list(values.values())
