"""PHP's casts: what a text, a number, a flag or a moment is when it arrives as anything."""

import math
import re
from datetime import datetime, tzinfo
from typing import Any


def scalar(value: Any) -> str | None:
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
    text = scalar(value)
    return int(text) if text and _INTEGER.fullmatch(text.strip()) else None


def number(value: Any) -> float | None:
    """The number that a text begins with; None when there is none, 0.0 for what is not finite."""
    found = _NUMBER.match(scalar(value) or "")
    parsed = float(found[1]) if found else None
    return parsed if parsed is None or math.isfinite(parsed) else 0.0


def flag(value: Any) -> str:
    """`Y` or `N`: the old methods take `Y`, `1` and true for yes."""
    return "Y" if value is True or scalar(value) in ("Y", "y", "1") else "N"


def yes(value: Any) -> bool:
    """Whether the universal methods take this for a yes: `Y`, `y`, `true`, true (object fields of crm.item.*)."""
    return value is True or (isinstance(value, str) and value in ("Y", "y", "true"))


def moment(value: Any, zone: tzinfo) -> datetime | None:
    """ISO 8601 or `DD.MM.YYYY[ hh:mm:ss]`; a time without an offset is in the portal's `zone`."""
    text = (scalar(value) or "").strip()
    if not text:
        return None
    for form in (None, "%d.%m.%Y %H:%M:%S", "%d.%m.%Y"):
        try:
            found = datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)
        except ValueError:
            continue
        if not 1 < found.year < 9999:
            return None
        return found if found.tzinfo else found.replace(tzinfo=zone)
    return None
