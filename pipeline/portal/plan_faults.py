"""What is wrong with a plan, for people: one sentence a fault, with its place and what was expected there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

__all__ = ["got", "quoted", "sentences"]

#: Longest text that a message repeats, in characters.
_LONGEST = 100
#: Longest name of a step that stands beside its number.
_LONGEST_NAME = 64
_DO = "call, upsert or reconcile"
#: By field of a plan, a step or a key.
_EXPECTED = {
    "v": "1",
    "keys": "a list of texts",
    "throttle": "the name of a throttle, at most 100 characters",
    "steps": "a list of 1 to 500 steps",
    "name": "a letter, then at most 63 letters, digits, _ or -",
    "after": "a list of names of earlier steps",
    "optional": "true or false",
    "do": _DO,
    "method": "a REST method such as crm.deal.list",
    "params": "an object",
    "entity": "the name of an entity such as deal",
    "key": 'an object with id and, if need be, originator, such as {"id": "7", "originator": "site"}',
    "key.id": "a text of 1 to 500 characters, none of them a control character",
    "key.originator": "a text of at most 200 characters, none of them a control character",
    "fields": "an object",
    "hash": "a text of at most 200 characters",
    "version": "an integer, digits, or an ISO date-time such as 2024-08-30T15:29:05+03:00",
    "rule": "the name of a rule",
}
#: Of one entry of a list.
_ENTRIES = {"keys": "a text", "after": "the name of an earlier step"}
#: Fields whose texts are names; what other fields hold is not repeated.
_NAMES = frozenset({"name", "after", "do", "method", "entity", "rule", "throttle", "version"})


def sentences(error: ValidationError, given: Mapping[str, Any], fields: Mapping[str, Iterable[str]]) -> str:
    """Every fault of the plan `given` (parsed JSON), joined by `; `. Each begins with its place: `plan.steps.0 'a': `.

    `fields`: the names of fields of a `plan`, of a step by its `do`, and of a `key`.
    """
    # a union, such as that of `version`, tells one fault for each of its kinds
    return "; ".join(dict.fromkeys(_sentence(fault, given, fields) for fault in error.errors(include_url=False)))


def got(value: Any, *, shown: bool = False) -> str:
    """What stood there instead. `shown`: a text is repeated."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if not isinstance(value, str):
        return "null" if value is None else str(value).lower()
    if not value.strip():
        return "blanks only" if value else "an empty text"
    return quoted(value) if shown else f"a text of {len(value)} character{'' if len(value) == 1 else 's'}"


def quoted(text: str) -> str:
    """A text in quotes, on one line, cut when it is long."""
    return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def _sentence(fault: Any, given: Mapping[str, Any], fields: Mapping[str, Iterable[str]]) -> str:
    place: tuple[Any, ...] = fault["loc"]
    if place[:1] == ("steps",) and len(place) > 1:
        # pydantic puts the `do` between a step's number and its field
        number, kind, path = place[1], "".join(place[2:3]), place[3:]
        step = given["steps"][number]
        return f"plan.steps.{number}{_named(step)}: {_fault(fault, kind, path, step, fields)}"
    if fault["type"] == "value_error":
        text = str(fault["ctx"]["error"])
        return f"plan{'.' if text.startswith('steps.') else ': '}{text}"
    return f"plan: {_fault(fault, 'plan', place, given, fields)}"


def _named(step: Any) -> str:
    name = step.get("name") if isinstance(step, dict) else None
    return f" {name!r}" if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME else ""


def _fault(fault: Any, kind: str, path: tuple[Any, ...], owner: Any, fields: Mapping[str, Iterable[str]]) -> str:
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    if not path and not isinstance(owner, dict):
        return f"expected an object with name and do, got {got(owner)}"
    if not path:
        return f"do: expected {_DO}, got {got(owner['do'], shown=True)}" if "do" in owner else _missing("do")
    if fault["type"] == "extra_forbidden":
        inner, kind = ("key: ", "key") if len(path) > 1 else ("", kind)
        return f"{inner}unknown field {quoted(str(path[-1]))}; known: {', '.join(fields[kind])}"
    field = ".".join(path[:2]) if path[0] == "key" else str(path[0])
    if fault["type"] == "missing":
        return _missing(field)
    entry = next((part for part in path[1:] if isinstance(part, int)), None)
    where, expected = (field, _EXPECTED[field]) if entry is None else (f"{field}.{entry}", _ENTRIES[field])
    return f"{where}: expected {expected}, got {got(fault['input'], shown=field in _NAMES)}"


def _missing(field: str) -> str:
    return f"{field} is missing: expected {_EXPECTED[field]}"
