"""References to results of earlier steps, as plans write them (portal/plan.py).

{"$ref": "company.id"}                              the value at that place
{"$if": "goods.found.0", "then": ..., "else": ...}  one or the other: is there anything at that place?
{"property${brand.id}": ...}                        a field whose name ends with a value
{"$omit": true}                                     as `then` or `else`: the field is left out
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["IF", "OMIT", "REF", "paths", "resolve"]

REF = "$ref"
IF = "$if"
OMIT = {"$omit": True}
_IN_NAME = re.compile(r"\$\{([^}]+)\}")


def paths(value: Any) -> Iterator[str]:
    """Paths of all references within a value."""
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(path := value.get(REF), str):
            yield path
            return
        if _is_choice(value):
            yield value[IF]
            yield from paths([value["then"], value["else"]])
            return
        for key, item in value.items():
            yield from _IN_NAME.findall(key)
            yield from paths(item)
    elif isinstance(value, list):
        for item in value:
            yield from paths(item)


def resolve(value: Any, results: Mapping[str, Any]) -> Any:
    """`value` with every reference replaced by what stands there in `results` (step name -> result).

    Raises:
        LookupError: there is nothing at that place; the text names it.
    """
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(path := value.get(REF), str):
            return _look_up(path, results)
        if _is_choice(value):
            return resolve(value["then"] if _is_there(value[IF], results) else value["else"], results)
        resolved = ((_resolved_name(key, results), resolve(item, results)) for key, item in value.items())
        return {key: item for key, item in resolved if item != OMIT}
    if isinstance(value, list):
        return [resolve(item, results) for item in value]
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
    return len(value) == 3 and isinstance(value.get(IF), str) and "then" in value and "else" in value


def _is_there(path: str, results: Mapping[str, Any]) -> bool:
    try:
        return _look_up(path, results) is not None
    except LookupError:
        return False


def _resolved_name(name: str, results: Mapping[str, Any]) -> str:
    return _IN_NAME.sub(lambda found: str(_look_up(found[1], results)), name) if "${" in name else name


def _place(part: str) -> int:
    """An index of a list; one beyond all lists when it is none."""
    return int(part) if part.isascii() and part.isdigit() and len(part) < 10 else sys.maxsize
