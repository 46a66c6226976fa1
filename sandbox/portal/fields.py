"""Field types: how a value is taken in, kept, and shown in the old `crm.*` view (bitrix24.md, section 3.1).

Kept values are typed (int, float, str, unix seconds): another view over the same store needs no parsing.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity.

    `type` names an entry of `TYPES`; `readonly` fields are set by the portal alone; `default` is a value or
    one of the markers `@user`, `@now`, `@today`; `indexed` fields are found without a scan.
    """

    type: str
    readonly: bool = False
    default: Any = None
    indexed: bool = False
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class FieldType:
    """`take(value, zone)` gives the kept form (None = empty), `show(kept, zone)` its old view."""

    take: Callable[[Any, tzinfo], Any]
    show: Callable[[Any, tzinfo], Any]
    text: bool = False


def _scalar(value: Any) -> str | None:
    """PHP's text of a scalar: true is "1", false is ""; arrays have none."""
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


# PHP casts the longest numeric beginning: "12abc" is 12.
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)


def integer(value: Any) -> int | None:
    """A whole number, or its text of at most 18 digits, as an int; None for anything else."""
    text = _scalar(value)
    return int(text) if text and _INTEGER.fullmatch(text.strip()) else None


def _number(value: Any) -> float | None:
    found = _NUMBER.match(_scalar(value) or "")
    number = float(found[1]) if found else None
    return number if number is None or math.isfinite(number) else 0.0


def _take_integer(value: Any, _zone: tzinfo) -> int | None:
    whole = integer(value)
    if whole is not None:
        return whole
    number = _number(value)
    # What does not fit into 64 bits is no number that a database keeps.
    return None if number is None else int(number) if abs(number) < 2**63 else 0


def _take_reference(value: Any, zone: tzinfo) -> int | None:
    return _take_integer(value, zone) or None


def _take_double(value: Any, _zone: tzinfo) -> float | None:
    return _number(value)


def _take_string(value: Any, _zone: tzinfo) -> str | None:
    return _scalar(value)


def _take_flag(value: Any, _zone: tzinfo) -> str:
    return "Y" if value is True or _scalar(value) in ("Y", "y", "1") else "N"


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    text = (_scalar(value) or "").strip()
    if not text:
        return None
    for form in (None, "%d.%m.%Y %H:%M:%S", "%d.%m.%Y"):
        try:
            moment = datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)
        except ValueError:
            continue
        if not 1 < moment.year < 9999:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return None


def _take_datetime(value: Any, zone: tzinfo) -> int | None:
    moment = _moment(value, zone)
    return None if moment is None else int(moment.timestamp())


def _take_date(value: Any, zone: tzinfo) -> str | None:
    moment = _moment(value, zone)
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
    """A user field: scalars as text, several values as a list, anything else (a file) as it came."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return [_take_custom(item, zone) for item in value]
    return value if isinstance(value, dict) else _scalar(value)


def _show_text(kept: Any, _zone: tzinfo) -> str:
    return str(kept)


def _show_as_is(kept: Any, _zone: tzinfo) -> Any:
    return kept


_REFERENCE = FieldType(_take_reference, _show_text)
_STRING = FieldType(_take_string, _show_as_is, text=True)
_CODE = FieldType(_take_string, _show_as_is)

TYPES: dict[str, FieldType] = {
    "integer": FieldType(_take_integer, _show_text),
    "double": FieldType(_take_double, lambda kept, _zone: f"{kept:.2f}"),
    "string": _STRING,
    "char": FieldType(_take_flag, _show_as_is),
    "date": FieldType(_take_date, _show_date),
    "datetime": FieldType(_take_datetime, _show_datetime),
    "user": _REFERENCE,
    "crm_company": _REFERENCE,
    "crm_contact": _REFERENCE,
    "crm_lead": _REFERENCE,
    "crm_quote": _REFERENCE,
    "crm_entity": _REFERENCE,
    "crm_category": FieldType(_take_integer, _show_text),
    "crm_status": _CODE,
    "crm_currency": _CODE,
    "location": _CODE,
    "file": FieldType(lambda value, _zone: value or None, _show_as_is),
    "custom": FieldType(_take_custom, _show_as_is, text=True),
    "crm_multifield": FieldType(lambda value, _zone: value, _show_as_is),
}
