"""Products become documents of the search index: events.product -> search.documents (docs/search.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from pipeline.delivery.dead_letters import describe
from pipeline.delivery.errors import BadInput, PipelineError
from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.delivery.runs import DONE, FAILED, outcome, passed_on
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.flows.messages.decoders import Decoders
from pipeline.flows.messages.model import Price, Product
from pipeline.search.documents import Document
from pipeline.search.version import external_version
from pipeline.topology import EVENTS_PRODUCT

__all__ = ["NAME", "aliases", "document", "flow", "source_of", "tell"]

NAME = "search"

_CATALOG = "catalog"
#: what the completion suggester keeps for itself, and what no title needs
_CONTROLS = dict.fromkeys(range(32), " ")


def flow(mapping: Mapping) -> Flow:
    """The flow of events.product."""
    decode = Decoders(mapping.portal.zone).product

    def handle(event: Event[Product]) -> Iterable[Record]:
        made = document(event, mapping)
        if made is not None:
            return [made.record(passed_on(event.headers))]
        told = outcome(event.headers, flow=NAME, status=DONE, action="its catalogue has no index")
        return [told] if told is not None else []

    return Flow(name=NAME, topics=(EVENTS_PRODUCT,), handler=handle, decode=decode)


def tell(event: Event[Any], error: BaseException | None) -> Record | None:
    """The outcome of a document that is in the index, or never will be; `event` is that of search.documents."""
    if error is None:
        return outcome(event.headers, flow=NAME, status=DONE, action="indexed")
    kind = error.error_class if isinstance(error, PipelineError) else "unexpected"
    return outcome(event.headers, flow=NAME, status=FAILED, error_class=kind, error=describe(error))


def aliases(mapping: Mapping) -> set[str]:
    """All search indices that the mapping names."""
    return {catalog.index for catalog in mapping.catalogs.values() if catalog.index}


def document(event: Event[Product], mapping: Mapping) -> Document | None:
    """The document of a product's event; None when its catalogue has no index.

    Raises:
        BadInput: the catalogue is not in the mapping.
    """
    name = event.headers.get(_CATALOG) or "default"
    catalog = mapping.catalogs.get(name)
    if catalog is None:
        raise BadInput(f"catalogue {name!r} is not in the mapping; there are: {', '.join(sorted(mapping.catalogs))}")
    if not catalog.index:
        return None
    product = event.value
    version = external_version(product.version, event.headers, event.timestamp, event.offset)
    source = orjson.dumps(source_of(product, catalog, name))
    return Document(catalog.index, product.xml_id, version, source)


def source_of(product: Product, catalog: CatalogMapping, name: str) -> dict[str, Any]:
    """The content of a product's document; `name` is the catalogue's. What is removed is a tombstone."""
    if not product.active and catalog.deactivated == "remove":
        return {"xml_id": product.xml_id, "catalog": name, "active": False, "removed": True}
    texts = {one.code: [value.text for value in one.values if value.text] for one in product.properties}
    by_code = {one.code.casefold(): one for one in product.properties}
    filling = {field: by_code.get(code.casefold()) for field, code in catalog.index_fields.items()}
    fields = {field: _single(texts[one.code]) for field, one in filling.items() if one is not None}
    brand = filling.get("brand")
    price = _main_price(product, catalog)
    source = {
        "xml_id": product.xml_id,
        "catalog": name,
        "name": product.name,
        "preview": product.preview_text,
        "detail": product.detail_text,
        **fields,
        "brand_xml_id": brand.values[0].xml_id if brand is not None and brand.values else None,
        "site_id": product.site_id,
        "code": product.code,
        "section": product.section.xml_id if product.section is not None else None,
        "section_site_id": product.section.site_id if product.section is not None else None,
        "section_path": _section_path(product.extra.get("SECTION_PATH")),
        "price": float(price.amount) if price is not None else None,
        "currency": (price.currency or catalog.currency) if price is not None else None,
        "prices": [_price(one, catalog) for one in product.prices] or None,
        "properties": {code: values for code, values in texts.items() if values} or None,
        "properties_text": list(dict.fromkeys(_searchable(product))) or None,
        "suggest": _suggestions(product, fields),
        "changed": product.version.isoformat() if product.version is not None else None,
    }
    return {field: value for field, value in source.items() if value is not None} | {
        "active": product.active,
        "removed": False,
    }


def _main_price(product: Product, catalog: CatalogMapping) -> Price | None:
    """The first price of the catalogue's own type."""
    for price in product.prices:
        if price.type is None or catalog.price_types.get(price.type) == catalog.price_type:
            return price
    return None


def _price(price: Price, catalog: CatalogMapping) -> dict[str, Any]:
    return {"type": price.type, "amount": float(price.amount), "currency": price.currency or catalog.currency}


def _searchable(product: Product) -> Iterator[str]:
    """Texts of properties that people read: strings and values of lists."""
    for one in product.properties:
        if one.kind in ("S", "L"):
            yield from (value.text for value in one.values if value.text)


def _suggestions(product: Product, fields: dict[str, Any]) -> list[str] | None:
    """What the completion suggester offers: the name and the articles."""
    articles = (fields.get(field) for field in ("sntinvest_articul", "fac_articul"))
    texts = [product.name, *(article for article in articles if isinstance(article, str))]
    return [clean for text in texts if (clean := text.translate(_CONTROLS).strip())] or None


def _section_path(given: Any) -> list[str] | None:
    """Names of the sections from the root on, where the message has them: a list, or a text with slashes."""
    parts = given.split("/") if isinstance(given, str) else given if isinstance(given, list) else []
    return [name for part in parts if isinstance(part, str) and (name := part.strip())] or None


def _single(values: list[str]) -> str | list[str] | None:
    """One value alone, several as a list."""
    return values[0] if len(values) == 1 else values or None
