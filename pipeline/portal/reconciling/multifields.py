"""The rule `multifields`: phones, e-mails and the like of a company, contact or lead become what is wanted.

A portal adds every value that comes without an id, so a repeated update piles up doubles; the rule reads what is there,
and names by their ids the values that are to be changed or deleted (how-to-change-email-or-phone.md).

    {"name": "phones", "do": "reconcile", "method": "crm.company.get", "params": {"id": 5}, "rule": "multifields",
     "wanted": {"entity": "company", "id": 5, "PHONE": ["+7 495 000-00-00", {"VALUE": "+79", "VALUE_TYPE": "MOBILE"}]}}

Fields that `wanted` does not name stay as they are. Values that it does not name are deleted, unless it says
`"keep": true`; doubles of those that it names are deleted in any case. Phones are compared by their digits (a Russian
8 is a 7), other values without case. A type that is not given stays as it is, and is WORK for a new value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.delivery.errors import Permanent
from pipeline.portal.plan import CallStep
from pipeline.portal.rules import rule

__all__ = ["FIELDS", "NAME", "multifields"]

NAME = "multifields"
#: TYPE_ID of crm_multifield
FIELDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
_ENTITIES = ("company", "contact", "lead")
_OTHERS = frozenset({"entity", "id", "keep"})
_NEW_TYPE = "WORK"


@dataclass(slots=True)
class _Value:
    """`id` and `type` are "" when there is none; `same` is equal for values that mean the same."""

    id: str
    text: str
    type: str
    same: str


@rule(NAME)
def multifields(current: list[Any], wanted: Any) -> Iterable[CallStep]:
    """At most one update. `current`: what `crm.<entity>.get` returned.

    Raises:
        Permanent: `wanted` is none, or `current` is not the object that it names.
    """
    entity, number, keep = _checked(wanted)
    row = current[0] if len(current) == 1 and isinstance(current[0], dict) else {}
    if str(row.get("ID")) != number:
        raise Permanent(f"rule {NAME}: the method must be crm.{entity}.get of {number}")
    fields = {
        name: changes
        for name in FIELDS
        if name in wanted and (changes := _changes(_held(name, row.get(name)), _named(name, wanted[name]), keep=keep))
    }
    if not fields:
        return []
    params = {"id": int(number), "fields": fields}
    return [CallStep(name=NAME, method=f"crm.{entity}.update", params=params)]


def _checked(wanted: Any) -> tuple[str, str, bool]:
    given = wanted if isinstance(wanted, dict) else {}
    entity, number, keep = given.get("entity"), str(given.get("id") or ""), given.get("keep", False)
    if entity not in _ENTITIES:
        raise Permanent(f"rule {NAME}: entity {entity!r} is none of {', '.join(_ENTITIES)}")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Permanent(f"rule {NAME}: id {number!r} is no id")
    if not isinstance(keep, bool):
        raise Permanent(f"rule {NAME}: keep is true or false, not {keep!r}")
    unknown = sorted(set(given) - _OTHERS - set(FIELDS))
    if unknown:
        raise Permanent(f"rule {NAME}: {', '.join(unknown)}: known are {', '.join((*sorted(_OTHERS), *FIELDS))}")
    return entity, number, keep


def _held(name: str, entries: Any) -> list[_Value]:
    """What is there, oldest first."""
    if isinstance(entries, dict):  # the array rule of PHP
        entries = list(entries.values())
    values = [_value(name, entry) for entry in entries or () if isinstance(entry, dict)]
    return sorted((value for value in values if value.id.isdigit()), key=lambda value: int(value.id))


def _named(name: str, entries: Any) -> list[_Value]:
    """What is wanted, each once."""
    if not isinstance(entries, list) or not all(isinstance(entry, str | dict) for entry in entries):
        raise Permanent(f"rule {NAME}: {name} is a list of texts, or of objects with VALUE and VALUE_TYPE")
    values = [_value(name, {"VALUE": entry} if isinstance(entry, str) else entry) for entry in entries]
    return list({(value.same, value.type): value for value in reversed(values) if value.text}.values())[::-1]


def _value(name: str, entry: Mapping[str, Any]) -> _Value:
    text = str(entry.get("VALUE") or "").strip()
    return _Value(str(entry.get("ID") or ""), text, str(entry.get("VALUE_TYPE") or ""), _meaning(name, text))


def _meaning(name: str, text: str) -> str:
    digits = "".join(sign for sign in text if sign in "0123456789") if name == "PHONE" else ""
    if len(digits) == 11 and digits.startswith("8"):
        return f"7{digits[1:]}"
    return digits or text.casefold()


def _changes(held: list[_Value], wanted: list[_Value], *, keep: bool) -> list[dict[str, Any]]:
    """Changes of values that are there, new ones, and deletions."""
    left = list(held)
    found: dict[int, _Value] = {}
    for exactly in (True, False):
        for place, value in enumerate(wanted):
            fits = [one for one in left if one.same == value.same and (not exactly or one.type == value.type)]
            if place not in found and fits:
                found[place] = fits[0]
                left.remove(fits[0])
    changes: list[dict[str, Any]] = []
    for place, value in enumerate(wanted):
        one = found.get(place)
        if one is None:
            changes.append({"VALUE": value.text, "VALUE_TYPE": value.type or _NEW_TYPE})
        elif one.text != value.text or (value.type and one.type != value.type):
            changes.append({"ID": one.id, "VALUE": value.text, "VALUE_TYPE": value.type or one.type or _NEW_TYPE})
    meanings = {value.same for value in wanted}
    gone = [one for one in left if not keep or one.same in meanings]
    return [*changes, *({"ID": one.id, "VALUE": "", "DELETE": "Y"} for one in gone)]
