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
_DO = "call, upsert, find or reconcile"
_KEY = 'an object with id and, if need be, originator, such as {"id": "7", "originator": "site"}'
_FLAG = "true or false"
#: By field; where it means another thing in a step, a key or a part, by that and the field.
_EXPECTED = {
    "v": "1",
    "keys": "a list of texts",
    "throttle": "the name of a throttle, at most 100 characters",
    "steps": "a list of 1 to 500 steps",
    "name": "a letter, then at most 63 letters, digits, _ or -",
    "after": "a list of names of earlier steps",
    "optional": _FLAG,
    "do": _DO,
    "method": "a REST method such as crm.deal.list",
    "params": "an object",
    "entity": "the name of an entity such as deal",
    "key": _KEY,
    "key.id": "a text of 1 to 500 characters, none of them a control character",
    "key.originator": "a text of at most 200 characters, none of them a control character",
    "fields": "an object",
    "hash": "a text of at most 200 characters",
    "version": "an integer, digits, or an ISO date-time such as 2024-08-30T15:29:05+03:00",
    "rule": "the name of a rule",
    "subject": "a text of 1 to 800 characters",
    "force": _FLAG,
    "within": 'an object such as {"orderId": {"$ref": "order.id"}}',
    "once": _FLAG,
    "new": _FLAG,
    "alias": _KEY,
    "title": "a text of at most 500 characters",
    "find.keys": "a list of at most 500 keys",
    "by_alias": _FLAG,
    "wait": "seconds, 0 to 86400",
    "watch": _FLAG,
    "part": "an object with name, entity, key and, if need be, version",
    "apart": "a list of names of fields of wanted",
    "fallback": "an object with codes and fields",
    "codes": "a list of 1 to 20 codes of answers",
    "fallback.fields": "an object with one field at least",
    "unless_new": "the name of an earlier upsert",
}
#: Of one entry of a list.
_ENTRIES = {
    "keys": "a text",
    "after": "the name of an earlier step",
    "find.keys": _KEY,
    "apart": "the name of a field of wanted",
    "codes": "a text of 1 to 100 characters",
}
#: Fields that hold a key or a part.
_INNER = {"key": "key", "alias": "key", "find.keys": "key", "part": "part", "fallback": "fallback"}
#: Fields whose texts are names; what other fields hold is not repeated.
_NAMES = frozenset({"name", "after", "do", "method", "entity", "rule", "throttle", "version", "unless_new"})


def sentences(error: ValidationError, given: Mapping[str, Any], fields: Mapping[str, Iterable[str]]) -> str:
    """Every fault of the plan `given` (parsed JSON), joined by `; `. Each begins with its place: `plan.steps.0 'a': `.

    `fields`: the names of fields of a `plan`, of a step by its `do`, of a `key`, a `part`, a `fallback`.
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
    if not path and fault["type"] != "value_error":
        if not isinstance(owner, dict):
            return f"expected an object with name and do, got {got(owner)}"
        return f"do: expected {_DO}, got {got(owner['do'], shown=True)}" if "do" in owner else _missing("do", "do")
    parents, kind, last = _walked(kind, path)
    if fault["type"] == "value_error":
        return ".".join((*parents, *last, str(fault["ctx"]["error"])))
    if fault["type"] == "extra_forbidden":
        inner = f"{'.'.join(parents)}: " if parents else ""
        return f"{inner}unknown field {quoted(str(path[-1]))}; known: {', '.join(fields[kind])}"
    name, *entry = last
    where, known = ".".join((*parents, *last)), _known(kind, name)
    if fault["type"] == "missing":
        return _missing(where, known)
    expected = (_ENTRIES if entry else _EXPECTED)[known]
    return f"{where}: expected {expected}, got {got(fault['input'], shown=name in _NAMES)}"


def _walked(kind: str, path: tuple[Any, ...]) -> tuple[list[str], str, list[str]]:
    """Where a fault is: the fields that lead there, what holds the last one, and that one with its place in a list."""
    parents: list[str] = []
    last: list[str] = []
    for part in path:
        if isinstance(part, int):
            last += [str(part)] if len(last) == 1 else []
        elif not last:
            last = [part]
        elif (inner := _INNER.get(_known(kind, last[0]))) is not None:
            parents, kind, last = [*parents, *last], inner, [part]
        else:
            break  # a kind of a union, or a place within a value
    return parents, kind, last


def _known(kind: str, field: str) -> str:
    """The name under which a field's meaning stands."""
    return f"{kind}.{field}" if f"{kind}.{field}" in _EXPECTED else field


def _missing(where: str, known: str) -> str:
    return f"{where} is missing: expected {_EXPECTED[known]}"
