"""XML_ID and the record's key, from the bytes of a message, whatever they are.

Numbers keep their digits: `"XML_ID": 00012` is no JSON, `12345678901234567890123` is, and no float may round it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson

__all__ = ["NO_XML_ID", "id_in", "key_of", "shown_id", "text_of", "xml_id_of"]

#: begins the key of a message that shows no XML_ID; its flow makes a dead letter of it
NO_XML_ID = b"?"
#: between XML_ID and catalogue in a key: one product in two catalogues is two objects
_CATALOG = "\x1f"
_BOM = b"\xef\xbb\xbf"
_XML_ID = "XML_ID"
#: a key of a compacted topic need not be as long as a stranger's id
_LONGEST = 1024


#: reads what orjson does not (NaN, numbers of any length, halves of surrogates), and keeps numbers as written
_LENIENT = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def text_of(body: bytes) -> str:
    """The body as text, without a byte order mark. Raises ValueError: it is no UTF-8."""
    return body.removeprefix(_BOM).decode()


def xml_id_of(body: bytes) -> str:
    """XML_ID of the object in a body: a text without blanks around it, or a number's digits; "" = it shows none."""
    try:
        value = orjson.loads(body.removeprefix(_BOM))
        # orjson rounds what has more than 64 bits
        exact = not (isinstance(value, dict) and isinstance(value.get(_XML_ID), float))
    except orjson.JSONDecodeError:
        value, exact = None, False
    if not exact:
        try:
            value = _LENIENT.decode(text_of(body))
        except (ValueError, RecursionError):
            return ""
    return id_in(value)


def id_in(value: Any) -> str:
    """XML_ID of a decoded object, "" = it has none."""
    found = value.get(_XML_ID) if isinstance(value, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    return str(found).strip()


def key_of(xml_id: str, catalog: str, body: bytes) -> bytes:
    """The record's key: XML_ID, with the catalogue where it is not the default one; never empty.

    A body without XML_ID has its hash: a compacted topic takes no record without a key, and the same body the same.
    """
    if not xml_id:
        return NO_XML_ID + hashlib.sha256(body).hexdigest().encode()
    text = f"{xml_id}{_CATALOG}{catalog}" if catalog and catalog != "default" else xml_id
    key = text.encode(errors="backslashreplace")
    return key if len(key) <= _LONGEST else NO_XML_ID + hashlib.sha256(key).hexdigest().encode()


def shown_id(key: bytes) -> str:
    """XML_ID in a key of `key_of`, for people."""
    return key.decode(errors="backslashreplace").partition(_CATALOG)[0]
