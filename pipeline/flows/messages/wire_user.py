"""The wire format of users (docs/messages.md#user): whitelist of the sender, plus INN, KPP, OGRN."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pipeline.flows.messages.faults import Unfit, shown
from pipeline.flows.messages.model import User
from pipeline.flows.messages.reader import Reader
from pipeline.flows.messages.values import is_nothing, to_line

__all__ = ["KEYS", "read_user"]

_INN = ("INN", "UF_INN", "UF_CRM_INN", "RQ_INN")
_KPP = ("KPP", "UF_KPP", "UF_CRM_KPP", "RQ_KPP")
_OGRN = ("OGRN", "UF_OGRN", "UF_CRM_OGRN", "RQ_OGRN", "OGRNIP", "UF_OGRNIP", "RQ_OGRNIP")
_VERSION = ("DATE_UPDATE", "TIMESTAMP_X")
_OTHER = ("NAME", "EMAIL", "XML_ID", "LOGIN", "PERSONAL_PHONE", "UF_SALE_SPOT_PARENT", "UF_PHYSICAL_ADDRESS")

KEYS = frozenset(_OTHER + _INN + _KPP + _OGRN + _VERSION)
"""Keys that are read; others are in `extra`."""

_ADDRESS = re.compile(r"[^@\s<>\"'(),;:]+@[^@\s<>\"'(),;:.]+(?:\.[^@\s<>\"'(),;:.]+)+")
_IN_BRACKETS = re.compile(r"<([^<>]*)>")
#: of a text with several addresses or phones
_LONGEST = 10_000
_KPP_FORM = re.compile(r"\d{4}[\dA-Z]{2}\d{3}", re.ASCII)


def read_user(reader: Reader) -> User:
    """A user; faults are in the reader."""
    notes: list[str] = []
    return User(
        xml_id=reader.xml_id(),
        name=reader.line("NAME"),
        emails=_emails(reader, notes),
        phones=tuple(dict.fromkeys(_texts(reader, "PERSONAL_PHONE", r"[,;\r\n]"))),
        login=reader.line("LOGIN"),
        sale_spot_parent=", ".join(_texts(reader, "UF_SALE_SPOT_PARENT", None)) or None,
        address=", ".join(_texts(reader, "UF_PHYSICAL_ADDRESS", None)) or None,
        inn=_number_of(reader, _INN, (10, 12), "10 or 12 digits", notes),
        kpp=_code(reader, _KPP, _kpp, "9 characters", notes),
        ogrn=_number_of(reader, _OGRN, (13, 15), "13 or 15 digits", notes),
        version=reader.latest(*_VERSION),
        notes=tuple(notes),
        extra=reader.others(KEYS),
    )


def _texts(reader: Reader, key: str, separators: str | None) -> list[str]:
    """The texts of a key: one or a list of them, each taken apart at the separators."""
    value: Any = reader.data.get(key)
    if not reader.faults.fits(reader.at(key), value):
        return []
    if isinstance(value, dict):
        value = list(value.values())
    found: list[str] = []
    for place, item in enumerate(value if isinstance(value, list) else [value]):
        try:
            text = to_line(item)
        except Unfit as error:
            path = f"{reader.at(key)}[{place}]" if isinstance(value, list) else reader.at(key)
            reader.faults.value(path, item, str(error))
            continue
        if separators and text and len(text) > _LONGEST:
            reader.faults.note(f"{reader.at(key)} is too long: expected at most {_LONGEST} characters")
            continue
        parts = re.split(separators, text or "") if separators else [text or ""]
        found += [part.strip() for part in parts if part.strip()]
    return found


def _emails(reader: Reader, notes: list[str]) -> tuple[str, ...]:
    """Addresses of mail. A wrong one is left out with a note: the portal would refuse the whole company for it."""
    found: dict[str, str] = {}
    for text in _texts(reader, "EMAIL", r"[,;\r\n]"):
        inner = _IN_BRACKETS.search(text)
        parts = [inner[1].strip()] if inner else text.split()
        for part in parts:
            address = part.removeprefix("mailto:")
            if len(address) <= 254 and _ADDRESS.fullmatch(address):
                found.setdefault(address.casefold(), address)
            else:
                notes.append(f"EMAIL: {shown(part)} is no address of mail: left out")
    return tuple(found.values())


def _number_of(
    reader: Reader, keys: tuple[str, ...], lengths: tuple[int, ...], expected: str, notes: list[str]
) -> str | None:
    """INN or OGRN. As a JSON number an INN has lost its leading zero: it is put back."""

    def check(text: str) -> str | None:
        digits = text.replace(" ", "").replace("\u00a0", "")
        if len(digits) + 1 in lengths and isinstance(reader.take(keys)[1], int):
            digits = f"0{digits}"
        return digits if digits.isascii() and digits.isdigit() and len(digits) in lengths and int(digits) else None

    return _code(reader, keys, check, expected, notes)


def _kpp(text: str) -> str | None:
    code = text.replace(" ", "").upper()
    return code.zfill(9) if len(code) >= 8 and _KPP_FORM.fullmatch(code.zfill(9)) else None


def _code(
    reader: Reader, keys: tuple[str, ...], check: Callable[[str], str | None], expected: str, notes: list[str]
) -> str | None:
    """A code of the requisite. A wrong one is left out with a note, as an address of mail is."""
    key, value = reader.take(keys)
    if is_nothing(value):
        return None
    text = reader.line(key)
    if not text:
        return None
    found = check(text)
    if found is None:
        notes.append(f"{key}: {shown(text)} is left out: expected {expected}")
    return found
