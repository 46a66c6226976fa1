"""Prices of a product: those of the message are set, those of other types stay (rule `prices`)."""

from __future__ import annotations

from pipeline.delivery.errors import BadInput
from pipeline.flows.mapping.model import CatalogMapping
from pipeline.flows.messages.faults import shown
from pipeline.flows.messages.model import Product
from pipeline.flows.texts import written
from pipeline.portal.plan import Key, Part
from pipeline.portal.plan_builder import Made, PlanBuilder
from pipeline.portal.reconciling import prices as rule

__all__ = ["add_prices", "by_group"]


def add_prices(
    steps: PlanBuilder,
    product: Product,
    settings: CatalogMapping,
    made: Made,
    entity: str,
    key: Key,
    version: str | None,
    catalog: str,
) -> None:
    """A message without prices leaves those of the portal. Raises BadInput, see `by_group`."""
    wanted = by_group(product, settings, catalog)
    if not wanted:
        return
    select = ["id", "productId", "catalogGroupId", "price", "currency", "quantityFrom", "quantityTo"]
    steps.reconcile(
        "prices",
        "catalog.price.list",
        {"filter": {"productId": made.id}, "select": select, "order": {"id": "ASC"}},
        rule=rule.NAME,
        wanted={"product": made.id, "prices": list(wanted.values())},
        part=Part(name="prices", entity=entity, key=key, version=version),
        unless_new=made.name,
    )


def by_group(product: Product, settings: CatalogMapping, catalog: str) -> dict[int, dict[str, object]]:
    """Prices by catalogGroupId, the first of each.

    Without a dictionary of types the first price is the one of `price_type`, as the original took it. Raises BadInput
    that lists every type which is in no dictionary.
    """
    found: dict[int, dict[str, object]] = {}
    unknown = []
    for place, price in enumerate(product.prices):
        group: int | None = settings.price_type
        if settings.price_types and price.type is not None:
            group = settings.price_types.get(price.type)
        if group is None:
            unknown.append(f"PRICES[{place}]: type {shown(price.type)}")
            continue
        amounts = {"price": written(price.amount), "currency": price.currency or settings.currency}
        found.setdefault(group, {"catalogGroupId": group, **amounts})
    if unknown:
        known = ", ".join(sorted(settings.price_types))
        table = f"[catalogs.{catalog}.price_types] of mapping.toml"
        raise BadInput(f"{'; '.join(unknown)}: is in no dictionary: {table} knows {known}")
    return found
