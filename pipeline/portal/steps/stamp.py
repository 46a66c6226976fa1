"""Stamps: an add that brings no external id is given one, so that it can be looked up (design, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.portal.entities import Entity, field_of, fields_of

__all__ = ["ORIGINATOR", "external_in", "stamped"]

#: originator of stamps
ORIGINATOR = "bus"


def external_in(kind: Entity, params: Mapping[str, Any]) -> tuple[str, str] | None:
    """`(originator, external id)` that an add brings; None when it brings no external id."""
    fields = fields_of(params) or {}
    external = field_of(fields, kind.external_field)
    if isinstance(external, bool) or not isinstance(external, str | int) or str(external).strip() == "":
        return None
    originator = field_of(fields, kind.originator_field) if kind.originator_field else ""
    return str(originator or ""), str(external)


def stamped(kind: Entity, params: Mapping[str, Any], external: str) -> tuple[dict[str, Any], str]:
    """The parameters with our external id in them, and its originator: the client's own one stays."""
    place = next(name for name in params if name.lower() == "fields")
    taken = {kind.external_field.lower()}
    fields = {name: value for name, value in params[place].items() if name.lower() not in taken}
    fields[kind.external_field] = external
    originator = ""
    if kind.originator_field:
        given = field_of(fields, kind.originator_field)
        originator = str(given) if isinstance(given, str | int) and not isinstance(given, bool) and given != "" else ""
        if not originator:
            fields = {name: value for name, value in fields.items() if name.lower() != kind.originator_field.lower()}
            originator = fields[kind.originator_field] = ORIGINATOR
    return {**params, place: fields}, originator
