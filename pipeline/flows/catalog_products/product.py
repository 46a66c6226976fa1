"""Products become products of the portal's catalogue, with section, properties, collection and prices.

section (found) + properties and list values (made on demand) + collection -> product -> prices
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.delivery.errors import BadInput
from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.flows.catalog_products.collection import collection_field
from pipeline.flows.catalog_products.prices import add_prices, by_group
from pipeline.flows.catalog_products.properties import PropertySteps
from pipeline.flows.catalog_sections import ROOT, catalog_named, find_section
from pipeline.flows.codes import code_of
from pipeline.flows.making import catalog_of, done_without_plan, effect_flow, is_forced, records, version_of
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.flows.messages.decoders import Decoders
from pipeline.flows.messages.model import Product
from pipeline.portal.plan import Key, Part, Plan
from pipeline.portal.plan_builder import If, PlanBuilder
from pipeline.topology import EVENTS_PRODUCT

__all__ = ["NAME", "flow", "plan"]

NAME = "catalog-products"


def flow(mapping: Mapping) -> Flow:
    """The flow of events.product."""

    def handle(event: Event[Product]) -> Iterable[Record]:
        catalog = catalog_of(event.headers)
        if not catalog_named(mapping, catalog).portal:
            return done_without_plan(event, NAME, f"products of catalogue {catalog} do not go to the portal")
        version = version_of(event.value.version, event.headers)
        made = plan(event.value, mapping, version, is_forced(event.headers), catalog=catalog)
        return records(event, [made], mapping, NAME)

    return effect_flow(NAME, EVENTS_PRODUCT, Decoders(mapping.portal.zone).product, handle)


def plan(
    product: Product,
    mapping: Mapping,
    version: str | None = None,
    force: bool = False,
    *,
    catalog: str = "default",
) -> Plan:
    """What a product's event makes.

    Raises BadInput: no such catalogue; types of prices that are in no dictionary; numbers that are none.
    """
    settings = catalog_named(mapping, catalog)
    steps = PlanBuilder(subject=f"product:{catalog}:{product.xml_id}", force=force)
    key = Key(id=product.xml_id)
    entity = f"product:{settings.iblock}"
    fields = _own_fields(product, settings)
    section = find_section(steps, "section", product.section, settings.iblock)
    if section is not None:
        fields["iblockSectionId"] = If(section.found(0, ""), section.found(0), ROOT)
    elif product.section is not None:
        fields["iblockSectionId"] = ROOT
    properties = PropertySteps(steps, settings)
    fields |= properties.fields(product)
    fields |= collection_field(properties, product, settings)
    prices, faults = by_group(product, settings, catalog)
    if properties.faults or faults:
        raise BadInput("; ".join([*properties.faults, *faults]))
    made = steps.upsert(
        "product",
        entity,
        key,
        fields,
        version=version,
        alias=Key(id=product.site_id) if product.site_id else None,
        title=product.name[:500],
        after=(),
    )
    add_prices(steps, prices, made, Part(name="prices", entity=entity, key=key, version=version))
    return steps.build()


def _own_fields(product: Product, settings: CatalogMapping) -> dict[Any, Any]:
    fields: dict[Any, Any] = {"name": product.name, "active": "Y" if product.active else "N"}
    code = code_of(settings.code, product.name, product.xml_id, product.code)
    if code is not None:
        fields["code"] = code
    for name, text, is_html in (
        ("previewText", product.preview_text, product.preview_html),
        ("detailText", product.detail_text, product.detail_html),
    ):
        fields |= {name: text or "", f"{name}Type": "html" if is_html else "text"}
    return fields
