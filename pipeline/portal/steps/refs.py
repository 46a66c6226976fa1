"""References to results of earlier steps: `{"$ref": "company.id"}` (the wire form of plans, portal/plan.py)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["REF", "paths", "resolve"]

REF = "$ref"


def paths(value: Any) -> Iterator[str]:
    """Paths of all references within a value."""
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(path := value.get(REF), str):
            yield path
            return
        for item in value.values():
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
        return {key: resolve(item, results) for key, item in value.items()}
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


def _place(part: str) -> int:
    """An index of a list; one beyond all lists when it is none."""
    return int(part) if part.isascii() and part.isdigit() and len(part) < 10 else sys.maxsize
