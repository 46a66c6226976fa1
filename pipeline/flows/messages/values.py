"""Single values of a message: texts, ids, numbers, yes and no (docs/messages.md; forms: 1C and PHP write them all).

Each function returns None for nothing (`null`, `""`, PHP's `false` and empty array), and raises Unfit.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from pipeline.flows.messages.faults import Unfit

__all__ = ["DIGITS", "LONGEST", "is_nothing", "to_body", "to_flag", "to_id", "to_line", "to_number"]

DIGITS = 15
"""Significant digits of a number: what a double holds, and more than any sum has."""

LONGEST = 1_000_000
"""Characters of a text: more of them, twice in a plan, would not be taken by the gateway (`body_limit`)."""

_DROPPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")
_BREAKS = re.compile("[\t\r\n\u2028\u2029]+")
_NUMBER = re.compile(
    "([+\u2212-]?)(\\d{1,3}(?:[ \u00a0\u202f\u2009'’]\\d{3})+|\\d+|(?=[.,]\\d))(?:[.,](\\d*))?", re.ASCII
)
_GROUPS = re.compile("[ \u00a0\u202f\u2009'’]")
_YES = ("Y", "y", "yes", "1", "true", "да", "истина", "on")
_NO = ("N", "n", "no", "0", "false", "нет", "ложь", "off")
_WORDS = {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}


def is_nothing(value: Any) -> bool:
    """How PHP and 1C write that there is no value."""
    return value is None or value is False or (not value and isinstance(value, str | list | dict))


def to_body(value: Any) -> str | None:
    """A text of several lines: control characters are dropped, line ends stay. Numbers become texts."""
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise Unfit(f"is too long: expected at most {LONGEST} characters")
        if not value.isprintable():
            value = _DROPPED.sub("", value)
        return value.strip() or None
    if is_nothing(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit("is no text")
    return str(value)


def to_line(value: Any) -> str | None:
    """A text of one line: as `to_body`, and tabs and line ends become a blank."""
    if isinstance(value, str) and len(value) <= LONGEST and value.isprintable():
        return value.strip() or None
    text = to_body(value)
    if text is None or text.isprintable():
        return text
    return _BREAKS.sub(" ", text).strip() or None


def to_id(value: Any) -> str | None:
    """An id: a text, or digits as a number. A number with a fraction or an exponent is none: 12.0 was never an id."""
    if isinstance(value, float):
        raise Unfit("is no id: expected a text or a whole number")
    try:
        return to_line(value)
    except Unfit:
        raise Unfit("is no id: expected a text or a whole number") from None


def to_number(value: Any) -> Decimal | None:
    """A number without trailing zeros: 1 and "1,00" are equal to the letter.

    Texts may have a point or a comma, groups of thousands (blank, no-break blank, apostrophe), a minus of any kind, or
    brackets for it. A fraction that came as a JSON number is rounded to 15 digits, where PHP prints 30.299999999999997
    for 30.3; more digits than that in a text, or before the point, are a fault.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= 10**DIGITS:
            raise Unfit(f"has more than {DIGITS} digits")
        return Decimal(value)
    if isinstance(value, float):
        return _from_float(value)
    if is_nothing(value):
        return None
    if not isinstance(value, str):
        raise Unfit("is no number")
    return _from_text(value.strip("\x00\ufeff \t\r\n\u00a0\u202f"))


def _from_float(value: float) -> Decimal:
    if not abs(value) < 10**DIGITS:
        raise Unfit(f"has more than {DIGITS} digits")
    whole, _, fraction = f"{value:.{DIGITS}g}".partition(".")
    if "e" in whole or "e" in fraction:
        whole, _, fraction = f"{value:.{DIGITS}f}".partition(".")
    return _canonical(whole, fraction)


def _from_text(text: str) -> Decimal | None:
    if not text:
        return None
    if len(text) > 60:
        raise Unfit("is no number")
    negative = text[0] == "(" and text[-1] == ")"
    match = _NUMBER.fullmatch(text[1:-1].strip() if negative else text)
    if match is None or (negative and match[1]):
        raise Unfit("is no number")
    whole, fraction = _GROUPS.sub("", match[2]).lstrip("0"), (match[3] or "").rstrip("0")
    if len(whole) + len(fraction) > DIGITS:
        raise Unfit(f"has more than {DIGITS} digits")
    return _canonical(("-" if negative or match[1] in ("-", "\u2212") else "") + (whole or "0"), fraction)


def _canonical(whole: str, fraction: str) -> Decimal:
    fraction = fraction.rstrip("0")
    number = Decimal(f"{whole}.{fraction}" if fraction else whole)
    return number if number else Decimal(0)


def to_flag(value: Any) -> bool | None:
    """Yes or no: Y/N, 1/0, true/false, Да/Нет, Истина/Ложь, whatever the case. `false` is no, not nothing."""
    if isinstance(value, str):
        word = value if value in _WORDS else value.strip().casefold()
        if word in _WORDS:
            return _WORDS[word]
        if not word:
            return None
    elif isinstance(value, int) and value in (0, 1):
        return value == 1
    elif is_nothing(value):
        return None
    raise Unfit("is neither yes nor no: expected Y or N")
