"""The wire format of a product's properties (docs/messages.md#properties)."""

from __future__ import annotations

from typing import Any

from pipeline.flows.messages.faults import Faults, Unfit
from pipeline.flows.messages.model import Property, PropertyValue
from pipeline.flows.messages.reader import Reader
from pipeline.flows.messages.values import is_nothing, to_body, to_id

__all__ = ["read_properties"]

_KINDS = frozenset("SNLEFG")
_OF_A_PROPERTY = frozenset(
    (
        "NAME",
        "ACTIVE",
        "CODE",
        "PROPERTY_TYPE",
        "LIST_TYPE",
        "MULTIPLE",
        "IS_REQUIRED",
        "VALUE_XML_ID",
        "VALUE",
        "VALUES",
    )
)
_OF_A_VALUE = ("XML_ID", "VALUE", "TEXT", "VALUE_XML_ID", "VALUE_ENUM")


def read_properties(reader: Reader) -> tuple[Property, ...]:
    """The properties by code: objects as the sender writes them, or plain values; also a list of objects with CODE."""
    data: Any = reader.data.get("PROPERTY_VALUES")
    path = reader.at("PROPERTY_VALUES")
    if is_nothing(data) or not reader.faults.fits(path, data):
        return ()
    if isinstance(data, list):
        rows = [(f"{path}[{place}]", "", item) for place, item in enumerate(data) if item is not None]
    elif isinstance(data, dict):
        rows = [(f"{path}.{key[:40]}", key.strip(), item) for key, item in data.items()]
    else:
        reader.faults.value(path, data, "is no object: expected properties by code")
        return ()
    found: dict[str, Property] = {}
    for place, key, item in rows:
        one = _property(reader, place, key, item)
        if one is None:
            continue
        if found.setdefault(one.code.casefold(), one) != one:
            reader.faults.note(f"{place}: the code {one.code[:40]} is given twice with different content")
    return tuple(found.values())


def _property(reader: Reader, path: str, key: str, item: Any) -> Property | None:
    if not isinstance(item, dict) or _OF_A_PROPERTY.isdisjoint(item):
        if not key:
            reader.faults.value(path, item, "is no property: expected an object with CODE")
            return None
        values = read_values(item, path, reader.faults)
        return Property(code=key, name=key, kind=_kind_of(values), multiple=isinstance(item, list), values=values)
    one = Reader(item, path, reader.faults, reader.zone)
    code = one.line("CODE") or key
    if not code:
        reader.faults.missing(one.at("CODE"), "the property's code")
        return None
    value_key = "VALUE" if "VALUE" in item else "VALUES"
    values = read_values(item.get(value_key), f"{path}.{value_key}", reader.faults)
    if "VALUE_XML_ID" in item:
        values = _with_xml_ids(one, values)
    kind = (one.line("PROPERTY_TYPE") or _kind_of(values))[:1].upper()
    if kind not in _KINDS:
        reader.faults.value(one.at("PROPERTY_TYPE"), item["PROPERTY_TYPE"], "is no type: expected S, N, L, E, F or G")
    return Property(
        code=code,
        name=one.line("NAME") or code,
        kind=kind,
        list_type=(one.line("LIST_TYPE") or "L").upper(),
        multiple=one.flag("MULTIPLE", False),
        required=one.flag("IS_REQUIRED", False),
        active=one.flag("ACTIVE", True),
        values=values,
    )


def _kind_of(values: tuple[PropertyValue, ...]) -> str:
    """A value with an XML_ID of its own is one of a list."""
    return "L" if any(value.xml_id for value in values) else "S"


def read_values(value: Any, path: str, faults: Faults) -> tuple[PropertyValue, ...]:
    """The values under VALUE: a text, a number, a bool, `{XML_ID, VALUE}`, `{TEXT, TYPE}`, or a list of any of them."""
    if not faults.fits(path, value):
        return ()
    if isinstance(value, dict) and not any(key in value for key in _OF_A_VALUE):
        rows = [(f"{path}.{key[:40]}", item) for key, item in value.items()]
    elif isinstance(value, list):
        rows = [(f"{path}[{place}]", item) for place, item in enumerate(value)]
    else:
        rows = [(path, value)]
    found = []
    for place, item in rows:
        try:
            one = _value(item)
        except Unfit as error:
            faults.value(place, item, str(error))
            continue
        if one is not None:
            found.append(one)
    return tuple(found)


def _value(item: Any) -> PropertyValue | None:
    if isinstance(item, dict) and item:
        text, xml_id = _plain(item), to_id(item.get("XML_ID", item.get("VALUE_XML_ID")))
        text = text or xml_id
        return PropertyValue(text=text, xml_id=xml_id) if text else None
    text = "Y" if item is True else to_body(item)
    return PropertyValue(text=text) if text else None


def _plain(item: dict[str, Any]) -> str | None:
    """The text of `{VALUE}`, `{TEXT, TYPE}` or of one in the other, as properties with HTML have it."""
    for key in ("VALUE", "TEXT", "VALUE_ENUM"):
        if key in item:
            inner = item[key]
            if isinstance(inner, dict) and "TEXT" in inner:
                inner = inner["TEXT"]
            return "Y" if inner is True else to_body(inner)
    if "XML_ID" in item or "VALUE_XML_ID" in item:
        return None
    raise Unfit("is no value: expected a text, a number or {XML_ID, VALUE}")


def _with_xml_ids(one: Reader, values: tuple[PropertyValue, ...]) -> tuple[PropertyValue, ...]:
    """VALUE_XML_ID beside VALUE: of the values that have none of their own, place by place."""
    given = one.data.get("VALUE_XML_ID")
    ids = list(given.values()) if isinstance(given, dict) else given if isinstance(given, list) else [given]
    if is_nothing(given) or len(ids) != len(values):
        return values
    try:
        return tuple(
            value if value.xml_id else PropertyValue(text=value.text, xml_id=to_id(xml_id))
            for value, xml_id in zip(values, ids, strict=True)
        )
    except Unfit as error:
        one.faults.value(one.at("VALUE_XML_ID"), given, str(error))
        return values
