"""Phones, e-mails, sites: lists of values with ids of their own (crm_multifield of the documentation)."""

from collections.abc import Callable
from typing import Any

from sandbox.portal.fields import integer
from sandbox.portal.php import as_map

Value = dict[str, Any]
"""`{"ID": int, "VALUE_TYPE": str, "VALUE": str, "TYPE_ID": str}`."""

KINDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")


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


def merge_fm(kept: dict[str, list[Value]], given: Any, new_id: Callable[[], int]) -> dict[str, list[Value]]:
    """All multifields after a write of `fm` (bitrix24.md, section 6.1): only the fields that it touches are returned.

    An array appends its items `{typeId, valueType, value}`; a map is keyed by the id of a value, which an empty
    value removes; `n0`, and an id that is not known, add. A text is dropped without a word, and nothing replaces all.
    """
    if isinstance(given, list):
        pairs = [("", item) for item in given]
    elif isinstance(given, dict):
        pairs = [(key, item) for key, item in given.items()]
    else:
        return {}
    written: dict[str, list[dict[str, Any]]] = {}
    owners = {value["ID"]: name for name, values in kept.items() for value in values}
    for key, raw in pairs:
        item = as_map(raw)
        if item is None:
            continue
        value_id = integer(key)
        name = owners.get(value_id) if value_id is not None else None
        old = {"VALUE": item.get("value"), "VALUE_TYPE": item.get("valueType")}
        change = {field: value for field, value in old.items() if value is not None}
        if name is not None:
            written.setdefault(name, []).append({"ID": value_id, **change})
        elif item.get("typeId") in KINDS:
            written.setdefault(str(item["typeId"]), []).append(change)
    return {name: merge_multifield(name, kept.get(name) or [], items, new_id) for name, items in written.items()}
