"""Reading mapping.toml: every fault in a line of its own, with table, key, what was given and what is wanted."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.flows.mapping.checks import Fault, checked
from pipeline.flows.mapping.model import Mapping

__all__ = ["MappingError", "load", "loads"]

#: pydantic's own words for these say nothing to an operator
_WANTS = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "string_too_short": "a text that is not empty",
    "greater_than_equal": "{ge} or more",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
}
_PATTERNS = {"^[A-Z]{3}$": "a currency of three capital letters, for example RUB"}


class MappingError(Exception):
    """The file cannot be used; the text has a line for each fault, each begins with the file's name."""

    def __init__(self, path: Path, faults: list[Fault]) -> None:
        super().__init__("\n".join(f"{path}: {fault}" for fault in faults))
        self.faults = faults


def load(path: Path) -> Mapping:
    """The mapping in a file. Raises MappingError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise MappingError(path, [_whole(f"a file that can be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise MappingError(path, [_whole("a file in UTF-8")]) from None
    return loads(text, path)


def loads(text: str, path: Path = Path("mapping.toml")) -> Mapping:
    """The mapping in a text; `path` is for the faults. Raises MappingError."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingError(path, [_whole(f"TOML: {str(error) or 'nested too deep'}")]) from None
    try:
        mapping = Mapping.model_validate(data)
    except ValidationError as error:
        raise MappingError(path, [_fault(one) for one in error.errors(include_url=False)]) from None
    if faults := checked(mapping):
        raise MappingError(path, faults)
    return mapping


def _whole(wanted: str) -> Fault:
    """A fault of the file as a whole."""
    return Fault("", "", None, wanted)


def _fault(error: Any) -> Fault:
    *table, key = map(str, error["loc"])
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return Fault(".".join(table), key, None, _unknown(table, key))
    if kind == "missing":
        return Fault(".".join(table), key, None, "a value, it is missing")
    context = error.get("ctx") or {}
    wanted = _WANTS.get(kind, error["msg"])
    if kind == "string_pattern_mismatch":
        wanted = _PATTERNS.get(context.get("pattern", ""), wanted)
    shown = None if isinstance(given, dict | list) else given
    return Fault(".".join(table), key, shown, wanted.format(**context) if "{" in wanted else wanted)


def _unknown(table: list[str], key: str) -> str:
    """There is no such key: the nearest one that there is, else all of them."""
    known = list(_model_at(table).model_fields)
    near = difflib.get_close_matches(key, known, 1)
    return f"nothing here, there is no such key; {f'is {near[0]} meant?' if near else 'there are ' + ', '.join(known)}"


def _model_at(table: list[str]) -> type[BaseModel]:
    """The model of a table of the file."""
    model: type[BaseModel] = Mapping
    names = list(table)
    while names:
        annotation: Any = model.model_fields[names.pop(0)].annotation
        inner = [*getattr(annotation, "__args__", ()), annotation]
        if getattr(annotation, "__origin__", None) is dict and names:
            names.pop(0)
        model = next(one for one in inner if isinstance(one, type) and issubclass(one, BaseModel))
    return model
