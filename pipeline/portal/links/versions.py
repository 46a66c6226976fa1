"""Versions of content: which there are, and which of two is the older one (docs/plans.md, Versions).

    integer            3, "3", "-7": compared by value
    date-time          "2024-08-30T15:29:05+03:00", "...Z": compared as instants
    local date-time    "2024-08-30T15:29:05", no offset: compared with each other as they stand

Versions of two kinds cannot be compared: neither is older. Any other text has no order that could be relied on
("v9", "v10"; hashes), so it is refused where it comes in.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

__all__ = ["Version", "is_older", "kind_of"]

_DIGITS = re.compile(r"-?[0-9]{1,1000}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
)
#: what JSON and the table's rows can carry
_LEAST, _MOST = -(2**63), 2**63 - 1


def _checked(value: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if (_LEAST <= value <= _MOST) if whole else (isinstance(value, str) and _read(value) is not None):
        return value
    raise PydanticCustomError("version", "wanted: an integer, digits, or a date-time as 2024-08-30T15:29:05+03:00")


#: As it comes in from outside; for pydantic.
Version = Annotated[int | str, BeforeValidator(_checked)]


def is_older(version: int | str | None, applied: int | str | None) -> bool | None:
    """Is `version` before the one that was applied? None: they are of two kinds, nobody can tell."""
    if version is None or applied is None:
        return False
    one, other = _read(version), _read(applied)
    if isinstance(one, int) and isinstance(other, int):
        return one < other
    if isinstance(one, datetime) and isinstance(other, datetime) and (one.tzinfo is None) == (other.tzinfo is None):
        return one < other
    return None


def kind_of(version: int | str) -> str:
    """`integer`, `date-time`, `local date-time`; `text` for what an earlier release took."""
    read = _read(version)
    if isinstance(read, datetime):
        return "local date-time" if read.tzinfo is None else "date-time"
    return "text" if read is None else "integer"


def _read(version: int | str) -> int | datetime | None:
    if isinstance(version, int):
        return version
    if _DIGITS.fullmatch(version):
        return int(version)
    if not _TIME.fullmatch(version):
        return None
    try:
        return datetime.fromisoformat(version)
    except ValueError:
        return None
