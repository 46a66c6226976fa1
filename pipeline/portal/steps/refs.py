"""References to results of earlier steps, as plans write them (portal/plan.py).

{"$ref": "company.id"}                              the value at that place
{"$if": "goods.found.0", "then": ..., "else": ...}  one or the other: is there anything at that place?
{"property${brand.id}": ...}                        a field whose name ends with a value
{"$omit": true}                                     this field, or this entry of a list, is left out
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

__all__ = ["IF", "OMIT", "REF", "faults", "paths", "resolve"]

REF = "$ref"
IF = "$if"
OMIT = {"$omit": True}
_IN_NAME = re.compile(r"\$\{([^}]+)\}")
_CHOICE = frozenset({IF, "then", "else"})
#: stands for what is left out; no value of a portal is taken for it
_NOTHING = object()


def paths(value: Any) -> Iterator[str]:
    """Paths of all references within a value."""
    found: list[str] = []
    if _has_words(value):
        _gather_paths(value, found)
    return iter(found)


def _has_words(value: Any) -> bool:
    """A look that costs a hundredth of a walk: most contents have none of the words."""
    try:
        return b"$" in orjson.dumps(value)
    except TypeError:
        return True


def _gather_paths(value: Any, found: list[str]) -> None:
    # no generator: plans are long, and each of their values would pass through one for every level above it
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(path := value.get(REF), str):
            found.append(path)
            return
        if IF in value and _is_choice(value):
            found.append(value[IF])
            _gather_paths([value["then"], value["else"]], found)
            return
        for key, item in value.items():
            if "$" in key:
                found += _IN_NAME.findall(key)
            if isinstance(item, dict | list):
                _gather_paths(item, found)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                _gather_paths(item, found)


def faults(value: Any) -> Iterator[str]:
    """What looks like one of the words above and is none: it would go to the portal as it stands."""
    found: list[str] = []
    if _has_words(value):
        _gather_faults(value, found)
    return iter(found)


def _gather_faults(value: Any, found: list[str]) -> None:
    if isinstance(value, dict):
        if IF in value and not _is_choice(value):
            found.append(f"{IF} is an object with {IF} (the path of a result), then and else, and nothing else")
        elif REF in value and not (len(value) == 1 and isinstance(value[REF], str)):
            found.append(f"{REF} is an object with the path of a result, and nothing else")
        for item in value.values():
            if isinstance(item, dict | list):
                _gather_faults(item, found)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                _gather_faults(item, found)


def resolve(value: Any, results: Mapping[str, Any]) -> Any:
    """`value` with every reference replaced by what stands there in `results` (step name -> result).

    What is left out as a whole is None.

    Raises:
        LookupError: there is nothing at that place; the text names it.
    """
    resolved = _resolved(value, results)
    return None if resolved is _NOTHING else resolved


def _resolved(value: Any, results: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(path := value.get(REF), str):
            return _look_up(path, results)
        if _is_choice(value):
            return _resolved(value["then"] if _is_there(value[IF], results) else value["else"], results)
        if value == OMIT:
            return _NOTHING
        items = ((key, _resolved(item, results)) for key, item in value.items())
        return {_resolved_name(key, results): item for key, item in items if item is not _NOTHING}
    if isinstance(value, list):
        return [item for item in (_resolved(item, results) for item in value) if item is not _NOTHING]
    return value


def _look_up(path: str, results: Mapping[str, Any]) -> Any:
    found: Any = results
    for part in path.split("."):
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, Sequence) and not isinstance(found, str) and _place(part) < len(found):
            found = found[_place(part)]
        else:
            raise LookupError(f"nothing is at {path!r}")
    return found


def _is_choice(value: Mapping[str, Any]) -> bool:
    return value.keys() == _CHOICE and isinstance(value[IF], str)


def _is_there(path: str, results: Mapping[str, Any]) -> bool:
    try:
        return _look_up(path, results) is not None
    except LookupError:
        return False


def _resolved_name(name: str, results: Mapping[str, Any]) -> str:
    return _IN_NAME.sub(lambda found: _in_name(found[1], results), name) if "${" in name else name


def _in_name(path: str, results: Mapping[str, Any]) -> str:
    value = _look_up(path, results)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LookupError(f"no text and no number is at {path!r}, so it can be in no name")
    return str(value)


def _place(part: str) -> int:
    """An index of a list; one beyond all lists when it is none."""
    return int(part) if part.isascii() and part.isdigit() and len(part) < 10 else sys.maxsize
