"""The typed view of a row: numbers are numbers; `crm.item.*` in its universal names, catalog and sale in their own."""

from collections.abc import Iterable
from datetime import tzinfo
from typing import Any

from sandbox.portal.entities import item_name
from sandbox.portal.fields import TYPES, Field
from sandbox.portal.store import Row, Table

_FIRST = {
    "email": ("EMAIL", None),
    "emailHome": ("EMAIL", "HOME"),
    "emailWork": ("EMAIL", "WORK"),
    "emailMailing": ("EMAIL", "MAILING"),
    "phone": ("PHONE", None),
    "phoneMobile": ("PHONE", "MOBILE"),
    "phoneWork": ("PHONE", "WORK"),
    "phoneMailing": ("PHONE", "MAILING"),
    "imol": ("IM", "IMOL"),
}
MULTIFIELDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")


def typed_value(field: Field, kept: Any, zone: tzinfo) -> Any:
    """One kept value as a typed view shows it; an empty multiple field is `[]`."""
    kind = TYPES[field.type]
    if field.multiple:
        return [kind.typed(part, zone) for part in kept] if isinstance(kept, list) else []
    return None if kept is None else kind.typed(kept, zone)


def plain_view(table: Table, row: Row, zone: tzinfo, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The row of a catalog or sale entity under its own names; `names` limits the fields."""
    wanted = table.entity.fields if names is None else names
    return {name: typed_value(table.entity.fields[name], row.get(name), zone) for name in wanted}


def item_view(
    table: Table, row: Row, zone: tzinfo, names: Iterable[str] | None = None, *, original: bool = False
) -> dict[str, Any]:
    """The row as `crm.item.*` shows it; `names` (own names) limits the fields, None = everything.

    `original` leaves the names of user fields as they are (`useOriginalUfNames`).
    """
    shown: dict[str, Any] = {}
    for name in _everything(table, row) if names is None else names:
        field = table.field(name)
        shown_as = item_name(table.entity, name, original=original)
        if field is not None and shown_as:
            shown[shown_as] = typed_value(field, row.get(name), zone)
    if names is None:
        if "PHONE" in table.entity.fields:
            shown.update({name: _first(row, *where) for name, where in _FIRST.items()})
            shown["fm"] = multifields(row)
        shown["entityTypeId"] = table.entity.type_id
    return shown


def multifields(row: Row) -> list[dict[str, Any]]:
    """`fm`: all phones, e-mails, sites in one list."""
    return [
        {"id": item["ID"], "typeId": name, "valueType": item["VALUE_TYPE"], "value": item["VALUE"]}
        for name in MULTIFIELDS
        for item in row.get(name) or []
    ]


def _everything(table: Table, row: Row) -> list[str]:
    own = [name for name, field in table.entity.fields.items() if field.item]
    return list(dict.fromkeys([*own, *table.custom, *(name for name in row if name not in table.entity.fields)]))


def _first(row: Row, name: str, value_type: str | None) -> str | None:
    return next((v["VALUE"] for v in row.get(name) or [] if value_type in (None, v["VALUE_TYPE"])), None)
