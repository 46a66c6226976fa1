"""The envelope of mutual settlements: `{"<type>": <application>, ...}`, taken apart without touching what is in it.

Each application's text is cut out of the message as it came: written anew, a sum of 0.10 would become 0.1 and a long
number another one. A type may come twice (JSON allows it, a decoder would drop the first).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]

from pipeline.bridge.event_keys import id_in, text_of

__all__ = ["MOST", "Application", "applications"]

MOST = 10_000
"""Applications of a message that are taken apart. A million of them would hold the worker up for half a minute, and it
ends itself when it stands still; such a message stays whole, and the flow refuses it."""

_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_BLANKS = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Application:
    """`value`: a message with this application alone; `xml_id` "" = it shows none."""

    xml_id: str
    value: bytes


def applications(body: bytes) -> list[Application]:
    """The applications of a message, in their order; [] where its body is no envelope of several.

    An object whose values are objects is an envelope, and a list of objects is one too: PHP writes it so when its keys
    are 0, 1, .... An application without an envelope (it has XML_ID itself) is left whole; so is what is no JSON.
    A value that is no application is a record of its own: it must not hide the good ones beside it. More than `MOST`
    are not taken apart.
    """
    try:
        text = text_of(body)
        parts = _parts(text, _blanks(text, 0))
    except (ValueError, RecursionError, IndexError):
        return []
    if not any(isinstance(value, dict) for _, value, _ in parts):
        return []
    if any(name == '"XML_ID"' and not isinstance(value, dict) for name, value, _ in parts):
        return []
    if len(parts) == 1 and text.lstrip().startswith("{"):
        return [Application(id_in(parts[0][1]), body)]
    return [Application(id_in(value), f"{{{name}:{source}}}".encode()) for name, value, source in parts]


def _parts(text: str, place: int) -> list[tuple[str, object, str]]:
    """(name as written, value, value as written) of an object or list. Raises ValueError, IndexError: it is none."""
    opening = text[place]
    if opening not in "{[":
        return []
    closing = "}" if opening == "{" else "]"
    parts: list[tuple[str, object, str]] = []
    place = _blanks(text, place + 1)
    while text[place] != closing:
        if parts:
            place = _blanks(text, _after(text, place, ","))
        name = f'"{len(parts)}"'
        if opening == "{":
            end = scanstring(text, _after(text, place, '"'), False)[1]
            name = text[place:end]
            place = _blanks(text, _after(text, _blanks(text, end), ":"))
        if len(parts) == MOST:
            raise ValueError("too many applications")
        value, end = _DECODER.raw_decode(text, place)
        parts.append((name, value, text[place:end]))
        place = _blanks(text, end)
    if _blanks(text, place + 1) != len(text):
        raise ValueError("something follows")
    return parts


def _blanks(text: str, place: int) -> int:
    found = _BLANKS.match(text, place)
    assert found is not None
    return found.end()


def _after(text: str, place: int, sign: str) -> int:
    if text[place] != sign:
        raise ValueError(f"{sign} expected")
    return place + 1
