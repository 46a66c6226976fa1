"""Texts of the mapping filled with values of a message: `Заказ №{NUMBER}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

__all__ = ["filled", "plain_values", "written"]

_PLACE = re.compile(r"\{([A-Za-z0-9_]+)\}")


def filled(template: str, values: Mapping[str, Any]) -> str:
    """The template with `{KEY}` replaced; a key that the message does not have is nothing. Blanks are single."""
    text = _PLACE.sub(lambda place: _text(values.get(place[1])), template)
    return " ".join(text.split())


def plain_values(given: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Values that a field takes: texts, and lists of texts. Objects and nothing are left out."""
    found: dict[str, str | list[str]] = {}
    for key, value in given.items():
        if isinstance(value, list | tuple):
            found[key] = [_text(item) for item in value if not isinstance(item, dict | list)]
        elif value is not None and not isinstance(value, dict):
            found[key] = _text(value)
    return found


def written(number: Decimal) -> str:
    """A number as the portal reads it: `1500`, `0.005`; never with an exponent."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, Decimal):
        return written(value)
    return "" if value is None or isinstance(value, dict | list) else str(value)
