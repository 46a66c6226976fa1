"""Symbolic codes: transliterated names with a suffix that makes them unique, the same in any order of arrival."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

__all__ = ["code_of", "code_of_property", "short_hash", "transliterated"]

_SOUNDS = "a b v g d e ye zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya"
_LETTERS = {
    letter: sound.strip("_") for letter, sound in zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", _SOUNDS.split(), strict=True)
}
_OTHER = re.compile(r"[^a-z0-9]+")
#: catalog.productProperty.add: Latin letters, digits, _, and no digit at the beginning
_OF_A_PROPERTY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,49}")
#: CODE of iblock elements and sections holds 255; addresses stay short
_LONGEST = 80


def transliterated(text: str) -> str:
    """`Болт М6×20` -> `bolt_m6_20`: Bitrix' own table (ё = ye), lower case, at most 80 characters."""
    latin = "".join(_LETTERS.get(letter, letter) for letter in text.lower())
    return _OTHER.sub("_", latin).strip("_")[:_LONGEST].rstrip("_")


def short_hash(text: str) -> str:
    """Eight hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def code_of_property(code: str) -> str:
    """The code as it is where a portal takes it; else `Цвет` -> `P_TSVET_1c8a39f2`."""
    if _OF_A_PROPERTY.fullmatch(code):
        return code
    parts = ("p", transliterated(code)[:38].rstrip("_"), short_hash(code))
    return "_".join(part for part in parts if part).upper()


def code_of(
    rule: Literal["name", "message", "xml_id", "none"], name: str, xml_id: str, given: str | None
) -> str | None:
    """The code of an object by the mapping's rule; None = none is written.

    A portal refuses a code twice. The suffix comes from the XML_ID, not from a count: two objects of one name have the
    same codes whichever comes first.
    """
    if rule == "name":
        return "_".join(part for part in (transliterated(name), short_hash(xml_id)) if part)
    if rule == "xml_id":
        return xml_id
    return (given or None) if rule == "message" else None
