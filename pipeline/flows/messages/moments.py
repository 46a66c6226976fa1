"""Dates and times in every form that PHP and 1C write (reference of forms: docs/messages.md)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.flows.messages.faults import Unfit
from pipeline.flows.messages.values import is_nothing

__all__ = ["to_moment"]

_NO_DATE = "is no date: expected for example 2024-01-31T12:30:00+03:00 or 31.01.2024 12:30:00"
_ENDLESS = (3999, 9999)
_YEARS = range(1900, 2200)

_TIME = r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
_ZONE = r"(?:\s*(Z|UTC|GMT|MSK|[+-]\d{2}(?::?\d{2})?)|\s+([A-Z]\w+(?:/[A-Z][\w+-]+){1,2}))?"
_FLAGS = re.ASCII | re.IGNORECASE
_YEAR_FIRST = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})" + _TIME + _ZONE, _FLAGS)
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})" + _TIME + _ZONE, _FLAGS)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T?(\d{2}):?(\d{2}):?(\d{2})()" + _ZONE + ")?", _FLAGS)
_MAIL = re.compile(r"(?:[A-Z]{3,9},?\s+)?(\d{1,2})[ -]([A-Z]{3})[ -](\d{4})" + _TIME + _ZONE, _FLAGS)
_UNIX = re.compile(r"@(-?\d{1,11})(?:\.\d{1,9})?", re.ASCII)
_SECONDS = re.compile(r"[12]\d{9}", re.ASCII)
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}


def to_moment(value: Any, zone: tzinfo) -> datetime | None:
    """An aware moment; `zone` is of those that come without one. Raises Unfit.

    None = nothing: also `0001-01-01` (1C's empty date), `0000-00-00`, `{}` (Bitrix' own DateTime in JSON), and the
    years 3999 and 9999 (without end). Relative words (`now`, `+1 day`) are refused: they mean another moment each time
    that a message is read.
    """
    if isinstance(value, dict):
        return _from_object(value, zone) if value else None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
        if value == "0":
            return None
    if is_nothing(value):
        return None
    if not isinstance(value, str) or len(value) > 100:
        raise Unfit(_NO_DATE)
    text = value.strip()
    return _from_text(text, zone) if text else None


def _from_object(value: dict[str, Any], zone: tzinfo) -> datetime | None:
    """PHP's DateTime in JSON: {"date": "2024-01-02 03:04:05.000000", "timezone": "Europe/Moscow", ..}."""
    date, name = value.get("date"), value.get("timezone")
    if not isinstance(date, str) or len(date) > 100 or not isinstance(name, str | None):
        raise Unfit(_NO_DATE)
    return _from_text(date.strip(), _zone(name) if name else zone)


def _from_text(text: str, zone: tzinfo) -> datetime | None:
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day, *clock = match.groups()
        return _moment(year, month, day, clock, zone)
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year, *clock = match.groups()
        return _moment(year, month, day, clock, zone)
    if match := _UNIX.fullmatch(text) or _SECONDS.fullmatch(text):
        return _from_seconds(int(text.lstrip("@").partition(".")[0]))
    if match := _COMPACT.fullmatch(text):
        year, month, day, *clock = match.groups()
        return _moment(year, month, day, clock, zone)
    if (match := _MAIL.fullmatch(text)) and (number := _MONTHS.get(match[2].lower())):
        day, _, year, *clock = match.groups()
        return _moment(year, str(number), day, clock, zone)
    raise Unfit(_NO_DATE)


def _from_seconds(seconds: int) -> datetime:
    try:
        return _in_range(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError):
        raise Unfit(_NO_DATE) from None


def _moment(year: str, month: str, day: str, clock: list[str | None], zone: tzinfo) -> datetime | None:
    hour, minute, second, fraction, offset, name = clock
    date = int(year), int(month), int(day)
    if date in ((1, 1, 1), (0, 0, 0)):
        return None
    if offset or name:
        zone = _zone(offset or name or "")
    microsecond = int(f"{fraction:0<6}"[:6]) if fraction else 0
    try:
        moment = datetime(*date, int(hour or 0), int(minute or 0), int(second or 0), microsecond, zone)
    except ValueError:
        raise Unfit(_NO_DATE) from None
    return None if moment.year in _ENDLESS else _in_range(moment)


def _in_range(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise Unfit(f"is no date of this time: expected a year from {_YEARS[0]} to {_YEARS[-1]}")
    return moment


def _zone(name: str) -> tzinfo:
    word = name.upper()
    if word in ("Z", "UTC", "GMT"):
        return UTC
    if word == "MSK":
        return timezone(timedelta(hours=3))
    if word[0] in "+-":
        digits = word[1:].replace(":", "")
        hours, minutes = digits[:2], digits[2:] or "0"
        if not (digits.isascii() and digits.isdigit()) or int(hours) > 14 or int(minutes) > 59:
            raise Unfit(f"has no time zone of this world: {word[:10]}")
        return timezone((1 if word[0] == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Unfit("has an unknown time zone") from None
