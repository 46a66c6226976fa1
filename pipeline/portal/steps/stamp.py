"""Stamps: an add that brings no external id is given one, so that it can be looked up (design, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.portal.entities import Entity, field_of, fields_name, fields_of

__all__ = ["ORIGINATOR", "brings_none", "exactly_named", "external_in", "stamped"]

#: originator of stamps
ORIGINATOR = "bus"


def external_in(kind: Entity, params: Mapping[str, Any]) -> tuple[str, str] | None:
    """`(originator, external id)` that an add brings; None when it brings no external id."""
    fields = fields_of(params) or {}
    external = _text(field_of(fields, kind.external_field))
    if not external.strip():
        return None
    originator = _text(field_of(fields, kind.originator_field)) if kind.originator_field else ""
    return originator, external


def brings_none(kind: Entity, params: Mapping[str, Any]) -> bool:
    """Is the place of the external id free? A list or 1.5 there is the client's mistake, and stays."""
    value = field_of(fields_of(params) or {}, kind.external_field)
    return value is None or (isinstance(value, str) and not value.strip())


def exactly_named(kind: Entity, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with the names of external id and originator as portals know them.

    Portals leave out fields of another case without a word, so the object could not be found by its id.
    """
    place = fields_name(params)
    assert place is not None
    fields = dict(params[place])
    for name in (kind.external_field, kind.originator_field):
        if name is not None and name not in fields:
            for other in [other for other in fields if other.lower() == name.lower()]:
                fields[name] = fields.pop(other)
    return {**params, place: fields}


def stamped(kind: Entity, params: Mapping[str, Any], external: str) -> dict[str, Any]:
    """The parameters with our external id in them, and our originator unless the client has its own."""
    place = fields_name(params)
    assert place is not None
    fields = {name: value for name, value in params[place].items() if name.lower() != kind.external_field.lower()}
    fields[kind.external_field] = external
    if kind.originator_field and not _text(field_of(fields, kind.originator_field)).strip():
        fields = {name: value for name, value in fields.items() if name.lower() != kind.originator_field.lower()}
        fields[kind.originator_field] = ORIGINATOR
    return exactly_named(kind, {**params, place: fields})


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
