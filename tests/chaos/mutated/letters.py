"""Texts of dead letters: does one name a place, and does it hold more of a message than it must?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import orjson

__all__ = ["names_a_place", "personal", "secrets", "shape"]

#: `ORDERS[2].GOODS[0].QUANTITY: ..`, `XML_ID is missing`; a refused plan names its step: `step 'deal': ..`
_KEY = r"[^\s:;'\[\].]{1,64}"
_PATH = re.compile(rf"(?!\w*(?:Error|Exception): ){_KEY}(?:\[\d+\]|\.{_KEY})*(?:: | is | differs | has | refers )")
_WHOLE = re.compile(r"no JSON: |no UTF-8|message: |message has |longer than the topic takes|header \w+: ")
_STEP = re.compile(r"step '?[a-zA-Z][\w-]*'?")

_QUOTED = re.compile(r"'[^']*'")
_BYTE = re.compile(r"0x[0-9a-f]{2}")
_PROPERTY = re.compile(r"PROPERTY_VALUES\.\w+")
_NUMBER = re.compile(r"\d+")
_PLACE = re.compile(r"\[\d+\]")
_PERSONAL = ("NAME", "EMAIL", "PERSONAL_PHONE", "UF_PHYSICAL_ADDRESS", "LOGIN", "INN", "KPP", "OGRN")
_SHORT = 6


def names_a_place(text: str, *, plan: bool) -> bool:
    """A path of the message, or what is wrong with the message as a whole; a plan's text names the step."""
    if plan:
        return _STEP.search(text) is not None
    return _PATH.match(text) is not None or _WHOLE.match(text) is not None


def shape(text: str) -> Iterator[str]:
    """The faults of a text without their values."""
    for fault in _QUOTED.sub("'…'", text).split("; "):
        told, _, _ = fault.partition(": expected ")
        yield _NUMBER.sub("N", _PLACE.sub("[n]", _PROPERTY.sub("PROPERTY_VALUES.*", _BYTE.sub("N", told))))[:120]


def personal(text: str, body: bytes) -> list[str]:
    """Keys whose personal value stands in a text that is not about them."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(message, dict):
        return []
    told = []
    for name in _PERSONAL:
        value = message.get(name)
        value = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if len(value) >= _SHORT and any(value in fault and not fault.startswith(name) for fault in text.split("; ")):
            told.append(name)
    return told


def secrets(headers: Mapping[str, str], known: Mapping[str, str]) -> list[str]:
    """Names of headers in which one of the `known` secrets stands (name -> text)."""
    return [f"{header} holds {name}" for header, text in headers.items() for name, one in known.items() if one in text]
