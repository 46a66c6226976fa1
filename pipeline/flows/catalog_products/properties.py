"""Properties of products, and values of list properties, made on demand (mapping: `properties`).

A property and a value of a list that are there stay as they are, whatever the message says of them: managers name and
sort them. Links to elements and sections (E, G) and files (F) are not written: their values are ids and files
of the site, which mean nothing in the portal.
"""

from __future__ import annotations

from typing import Any

from pipeline.flows.codes import code_of_property, short_hash
from pipeline.flows.mapping.model import CatalogMapping
from pipeline.flows.messages.faults import Unfit, shown
from pipeline.flows.messages.model import Picture, Product, Property, PropertyValue
from pipeline.flows.messages.values import to_number
from pipeline.flows.texts import written
from pipeline.portal.plan import Key
from pipeline.portal.plan_builder import OMIT, If, PlanBuilder, Ref

__all__ = ["PropertySteps"]

_WRITTEN = frozenset("SNL")
#: external ids of list values (XML_ID of b_iblock_property_enum)
_LONGEST_XML_ID = 200


class PropertySteps:
    """Adds the steps that a product's properties need; `fields` are the product's own."""

    def __init__(self, steps: PlanBuilder, settings: CatalogMapping) -> None:
        self.steps = steps
        self._settings = settings
        #: values that are none, for a dead letter that lists all of them
        self.faults: list[str] = []
        self._made = 0

    def fields(self, product: Product) -> dict[Any, Any]:
        """Fields `property<id>` of the product."""
        written = [*(one for one in product.properties if self._is_written(one)), *self._pictures(product)]
        found: dict[Any, Any] = {}
        for one in written:
            made = self.property(one)
            if made is not None:
                found["property", made] = self._value(one, made)
        return found

    def property(self, one: Property, **more: Any) -> Ref | None:
        """The id of a property; None: properties are not written. `more`: further fields of a new one."""
        if self._settings.properties == "none":
            return None
        entity, key = f"property:{self._settings.iblock}", Key(id=code_of_property(one.code))
        name = self._name("property")
        if self._settings.properties == "existing":
            return self.steps.find(name, entity, [key], after=()).found(0)
        fields = {
            "name": one.name,
            "propertyType": one.kind,
            "listType": one.list_type,
            "multiple": "Y" if one.multiple else "N",
            "isRequired": "Y" if one.required else "N",
            "active": "Y" if one.active else "N",
            **more,
        }
        return self.steps.upsert(name, entity, key, fields, once=True, after=()).id

    def written(self, values: list[Any], property_id: Ref, *, multiple: bool = False) -> Any:
        """The value of a field `property<id>` (catalog.product.update); none of them empties it."""
        rows = [{"value": value} for value in values] or [{"value": ""}]
        field = rows if multiple and values else rows[0]
        return If(property_id, field, OMIT) if self._settings.properties == "existing" else field

    def _value(self, one: Property, property_id: Ref) -> Any:
        values: list[Any] = [self._text(one, value.text) for value in one.values]
        if one.kind == "L":
            values = [self._enum(one, value, property_id) for value in one.values]
        return self.written(values if one.multiple else values[:1], property_id, multiple=one.multiple)

    def _text(self, one: Property, text: str) -> str:
        if one.kind != "N":
            return text
        try:
            number = to_number(text)
        except Unfit as error:
            self.faults.append(f"PROPERTY_VALUES.{one.code}.VALUE: {shown(text)} {error}")
            return ""
        return "" if number is None else written(number)

    def _enum(self, one: Property, value: PropertyValue, property_id: Ref) -> Any:
        xml_id = value.xml_id or value.text
        if len(xml_id) > _LONGEST_XML_ID:
            xml_id = f"{xml_id[:180]}-{short_hash(xml_id)}"
        entity = f"enum:{self._settings.iblock}"
        key = Key(id=xml_id, originator=code_of_property(one.code))
        name = self._name("value")
        if self._settings.properties == "existing":
            # optional: where there is no property, there is nothing to look in
            found = self.steps.find(name, entity, [key], within={"propertyId": property_id}, optional=True, after=())
            return If(found.found(0, ""), found.found(0), "")
        within = {"propertyId": property_id}
        return self.steps.upsert(name, entity, key, {"value": value.text}, within=within, once=True, after=()).id

    def _is_written(self, one: Property) -> bool:
        ignored = {code.casefold() for code in self._settings.ignore_properties}
        if self._settings.collection is not None:
            ignored.add(self._settings.collection.property.casefold())
        return one.kind in _WRITTEN and one.code.casefold() not in ignored

    def _pictures(self, product: Product) -> list[Property]:
        """Addresses of pictures, as properties of text."""
        if not self._settings.pictures:
            return []
        pairs: list[tuple[str, str, Picture | None]] = [
            (self._settings.preview_picture_property, "Preview picture", product.preview_picture),
            (self._settings.detail_picture_property, "Detail picture", product.detail_picture),
        ]
        return [
            Property(code=code, name=name, values=(PropertyValue(text=picture.url),))
            for code, name, picture in pairs
            if picture is not None
        ]

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind}{self._made}"
