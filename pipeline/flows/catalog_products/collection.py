"""The collection of a product: an element of an information block of its own, linked from the product (mapping)."""

from __future__ import annotations

from typing import Any

from pipeline.flows.catalog_products.properties import PropertySteps
from pipeline.flows.codes import code_of
from pipeline.flows.mapping.model import CatalogMapping
from pipeline.flows.messages.model import Product, Property
from pipeline.portal.plan import Key

__all__ = ["collection_field"]


def collection_field(properties: PropertySteps, product: Product, settings: CatalogMapping) -> dict[Any, Any]:
    """The product's field with the link; nothing where the mapping wants no collections. The element is made once."""
    collection = settings.collection
    if collection is None:
        return {}
    source = product.property(collection.source)
    name = source.values[0].text.strip() if source is not None and source.values else ""
    name = name or collection.default
    link = properties.property(
        Property(code=collection.property, name=collection.property, kind="E"), linkIblockId=collection.iblock
    )
    if link is None:
        return {}
    elements: list[Any] = []
    if name:
        code = code_of("name" if settings.code == "name" else "none", name, name, None)
        fields = {"name": name, **({"code": code} if code else {})}
        made = properties.steps.upsert(
            "collection",
            f"product:{collection.iblock}",
            Key(id=name[:500]),
            fields,
            once=True,
            after=(),
            title=name[:500],
        )
        elements.append(made.id)
    return {("property", link): properties.written(elements, link)}
