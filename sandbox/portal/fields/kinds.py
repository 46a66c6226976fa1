"""Field types: how a value is taken in, kept, and shown in both views (bitrix24.md, section 3.1).

Kept values are typed (int, float, str, unix seconds), so that a second view over the same store needs no parsing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any

from sandbox.portal.fields import casts
from sandbox.portal.fields.casts import integer, scalar


@dataclass(frozen=True, slots=True)
class FieldType:
    """`take(value, zone)` gives the kept form (None = empty), `show` its old view, `typed` its universal view.

    `text` types can be searched by a part; `rest` is the name of the type in `crm.item.fields`, if it differs.
    """

    take: Callable[[Any, tzinfo], Any]
    show: Callable[[Any, tzinfo], Any]
    typed: Callable[[Any, tzinfo], Any]
    text: bool = False
    rest: str | None = None


def _take_integer(value: Any, _zone: tzinfo) -> int | None:
    whole = integer(value)
    if whole is not None:
        return whole
    number = casts.number(value)
    # What does not fit into 64 bits is no number that a database keeps.
    return None if number is None else int(number) if abs(number) < 2**63 else 0


def _take_reference(value: Any, zone: tzinfo) -> int | None:
    return _take_integer(value, zone) or None


def _take_double(value: Any, _zone: tzinfo) -> float | None:
    number = casts.number(value)
    # PHP's (float) of a text without a number is 0; only what is empty stays empty.
    return 0.0 if number is None and scalar(value) else number


def _take_string(value: Any, _zone: tzinfo) -> str | None:
    return scalar(value)


def _take_code(value: Any, _zone: tzinfo) -> str | None:
    return scalar(value) or None


def _take_flag(value: Any, _zone: tzinfo) -> str:
    return casts.flag(value)


def _take_bit(value: Any, _zone: tzinfo) -> int:
    return 1 if casts.flag(value) == "Y" or value == "true" else 0


def _take_datetime(value: Any, zone: tzinfo) -> int | None:
    moment = casts.moment(value, zone)
    return None if moment is None else int(moment.timestamp())


def _take_date(value: Any, zone: tzinfo) -> str | None:
    moment = casts.moment(value, zone)
    return None if moment is None else moment.date().isoformat()


# Rows made within one second show the same text, and a list shows hundreds of them.
@lru_cache(maxsize=65536)
def _show_datetime(kept: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(kept, zone).isoformat()


@lru_cache(maxsize=4096)
def _show_date(kept: str, zone: tzinfo) -> str:
    # Portals show a date as midnight UTC in their own offset: 2024-08-30T03:00:00+03:00.
    day = date.fromisoformat(kept)
    return datetime(day.year, day.month, day.day, tzinfo=UTC).astimezone(zone).isoformat()


def _take_custom(value: Any, zone: tzinfo) -> Any:
    """A user field that nobody declared: scalars as text, several values as a list, anything else as it came."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return [_take_custom(item, zone) for item in value]
    return value if isinstance(value, dict) else scalar(value)


def _text(kept: Any, _zone: tzinfo) -> str:
    return str(kept)


def _same(kept: Any, _zone: tzinfo) -> Any:
    return kept


def _money(kept: float, _zone: tzinfo) -> str:
    return f"{kept:.2f}"


def _plain_number(kept: float, _zone: tzinfo) -> float | int:
    # PHP writes a float without a fraction as a whole number.
    return int(kept) if kept.is_integer() and abs(kept) < 2**63 else kept


def _file_old(kept: Any, _zone: tzinfo) -> dict[str, Any]:
    address = f"/rest/crm.controller.item.getFile?fileId={kept}"
    return {"id": kept, "showUrl": address, "downloadUrl": address}


def _file_typed(kept: Any, _zone: tzinfo) -> dict[str, Any]:
    address = f"/rest/crm.controller.item.getFile?fileId={kept}"
    return {"id": kept, "url": address, "urlMachine": address}


_REFERENCE = FieldType(_take_reference, _text, _same)
_STRING = FieldType(_take_string, _same, _same, text=True)
_CODE = FieldType(_take_code, _same, _same)

TYPES: dict[str, FieldType] = {
    "integer": FieldType(_take_integer, _text, _same),
    "double": FieldType(_take_double, _money, _plain_number),
    "string": _STRING,
    "text": _STRING,
    "char": FieldType(_take_flag, _same, _same, rest="boolean"),
    # A flag with a third value: subscribe and quantityTrace of a product know D (default).
    "choice": _STRING,
    "date": FieldType(_take_date, _show_date, _show_date),
    "datetime": FieldType(_take_datetime, _show_datetime, _show_datetime),
    "user": _REFERENCE,
    "employee": _REFERENCE,
    "crm_company": _REFERENCE,
    "crm_contact": _REFERENCE,
    "crm_lead": _REFERENCE,
    "crm_deal": _REFERENCE,
    "crm_quote": _REFERENCE,
    "crm_entity": _REFERENCE,
    "enumeration": _REFERENCE,
    "crm_category": FieldType(_take_integer, _text, _same),
    "crm_status": FieldType(_take_string, _same, _same),
    "crm_currency": _CODE,
    "location": _CODE,
    "bit": FieldType(_take_bit, _text, lambda kept, _zone: "Y" if kept else "N", rest="boolean"),
    # Standard file fields and file user fields keep the number of a file in the store.
    "picture": FieldType(_take_reference, _file_old, _same, rest="file"),
    "file": FieldType(_take_reference, _file_old, _file_typed),
    "object": FieldType(lambda value, _zone: value, _same, _same),
    "custom": FieldType(_take_custom, _same, _same, text=True, rest="string"),
    "crm_multifield": FieldType(lambda value, _zone: value, _same, _same),
}
