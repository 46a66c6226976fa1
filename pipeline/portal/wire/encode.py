"""A REST call as one command of a `batch`: `crm.deal.add?fields%5BTITLE%5D=Text`.

The portal reads a command as PHP reads a query string, so it sees texts only, and bends some names. A call that it
would see otherwise than the same call on its own is unfit for a batch. What the portal must see is what PHP's
`json_decode` makes of the call, each scalar as PHP's text; tests hold that against PHP itself.
Sources: Bitrix24's batch.md and data-encoding.md; PHP's manual, parse_str and "Variables from external sources".
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from pipeline.portal.methods import canonical, is_valid
from pipeline.portal.wire.schema import Schema, goes_alone, schema_of

__all__ = ["DEEPEST", "LONGEST", "MOST_VALUES", "Unfit", "command", "fits"]

#: Characters of one command; no limit is documented, so far below any body limit of a server.
LONGEST = 64 * 1024
#: Values in one command; PHP drops what is beyond max_input_vars, 1000 unless an administrator changed it.
MOST_VALUES = 900
#: Levels of brackets and the name; PHP drops what is beyond max_input_nesting_level, 64.
DEEPEST = 32

_INT64 = range(-(2**63), 2**63)
#: Digits of a number that PHP shows as text (`precision`).
_PRECISION = 14
#: Inside a batch such text is replaced by an earlier result (batch.md); the exact forms are not documented.
_REFERENCE = re.compile(r"\$result", re.IGNORECASE)
_BLANKS = " \t\n\v\f\r"
_FILE_KEYS = frozenset({"filedata", "filecontent", "files"})
_FILE_NAME = re.compile(r"[^\n]{1,255}\.[A-Za-z0-9]{1,10}")
#: In lines or not; blanks make it prose.
_BASE64 = re.compile(r"[A-Za-z0-9+/\r\n]+={0,2}[\r\n]*")
#: Characters; a longer text of base64's letters alone is no prose.
_LONGEST_WORD = 2048
_CREDENTIALS = frozenset({"auth", "access_token"})


class Unfit(Exception):
    """The call cannot be a command of a batch. The text says why, in short, and holds no value and no name."""


def fits(method: str, params: Any) -> bool:
    """Can the call be a command of a batch? Does not raise."""
    try:
        command(method, params)
    except Unfit:
        return False
    return True


def command(method: str, params: Any) -> str:
    """The call as a command, url-encoded once, as a batch in JSON needs it; ASCII.

    Args:
        method: REST method in any case, with or without `.json`.
        params: parsed JSON parameters; numbers may be Decimal, which is written as it is, without an exponent.

    Raises:
        Unfit: a query string would change the call.
    """
    if not is_valid(method):
        raise Unfit("no method name")
    name = canonical(method)
    if goes_alone(name):
        raise Unfit("the method cannot be in a batch")
    if not isinstance(params, dict):
        if params == [] or params is None:
            return name
        raise Unfit("parameters without names")
    pairs = _Pairs(schema_of(name))
    for key, value in params.items():
        pairs.add_parameter(key, value)
    text = f"{name}?{'&'.join(pairs.written)}" if pairs.written else name
    if len(text) > LONGEST:
        raise Unfit("too long")
    return text


class _Pairs:
    """The `name=value` pairs of one command."""

    __slots__ = ("_length", "_schema", "written")

    def __init__(self, schema: Schema) -> None:
        self.written: list[str] = []
        self._schema = schema
        self._length = 0

    def add_parameter(self, key: Any, value: Any) -> None:
        name = _key(key)
        if "." in key or " " in key:
            raise Unfit("a parameter's name with a dot or a space")
        lowered = key.lower()
        if lowered in _CREDENTIALS:
            raise Unfit("a credential among the parameters")
        if lowered in self._schema.optional and isinstance(value, dict | list) and not value:
            return
        self._add(name, value, (lowered,))

    def _add(self, name: str, value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, dict | list):
            self._add_array(name, value, path)
            return
        text = self._scalar(value, path)
        pair = f"{name}={text}"
        self._length += len(pair) + 1
        if len(self.written) >= MOST_VALUES:
            raise Unfit("too many values")
        if self._length > LONGEST:
            raise Unfit("too long")
        self.written.append(pair)

    def _add_array(self, name: str, value: dict[Any, Any] | list[Any], path: tuple[str, ...]) -> None:
        if not value:
            raise Unfit("an empty list or object")
        if len(path) >= DEEPEST:
            raise Unfit("too deep")
        if isinstance(value, list):
            if _is_file(value):
                raise Unfit("a file")
            inside = (*path, "*")
            for position, item in enumerate(value):
                self._add(f"{name}%5B{position}%5D", item, inside)
            return
        for key, item in value.items():
            self._add(f"{name}%5B{_key(key)}%5D", item, (*path, key.lower()))

    def _scalar(self, value: Any, path: tuple[str, ...]) -> str:
        if isinstance(value, str):
            return _text(value)
        if value is None:
            raise Unfit("null")
        if isinstance(value, bool):
            flag = self._schema.flags.get(path)
            if flag is None:
                raise Unfit("a boolean")
            return flag[0] if value else flag[1]
        if isinstance(value, int):
            if value in _INT64:
                return str(value)
            raise Unfit("an integer beyond 64 bits")
        if isinstance(value, float):
            return _float(value)
        if isinstance(value, Decimal):
            return _decimal(value)
        raise Unfit("a value that JSON does not have")


def _key(key: Any) -> str:
    """A key, encoded. PHP cuts, bends or drops the ones that are refused."""
    if not isinstance(key, str):
        raise Unfit("a key that is no text")
    if not key or key[0] in _BLANKS or "[" in key or "]" in key:
        raise Unfit("a key that is empty, begins with a blank or has brackets")
    if key.lower() in _FILE_KEYS:
        raise Unfit("a file")
    return _quoted(key)


def _text(value: str) -> str:
    if value.startswith("data:") or (len(value) > _LONGEST_WORD and _BASE64.fullmatch(value)):
        raise Unfit("a file")
    return _quoted(value)


def _quoted(text: str) -> str:
    if "\0" in text:
        raise Unfit("text with a NUL")
    if "$" in text and _REFERENCE.search(text):
        raise Unfit("a reference to a result")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise Unfit("text that is no Unicode") from None


def _is_file(value: list[Any]) -> bool:
    """`["name.ext", "base64"]`, as file fields take it."""
    if len(value) != 2 or not (isinstance(value[0], str) and isinstance(value[1], str)):
        return False
    name, content = value
    return len(content) >= 4 and _FILE_NAME.fullmatch(name) is not None and _BASE64.fullmatch(content) is not None


def _float(value: float) -> str:
    """As PHP shows it: 1.0 is 1. What PHP would round or write with an exponent goes alone."""
    if not math.isfinite(value):
        raise Unfit("a number that JSON does not have")
    text = f"{value:.{_PRECISION}g}"
    if "e" in text or float(text) != value:
        raise Unfit("a number that PHP rounds or writes with an exponent")
    return text


def _decimal(value: Decimal) -> str:
    if not value.is_finite() or not -30 <= value.adjusted() <= 30:
        raise Unfit("a decimal number out of bounds")
    return format(value, "f")
