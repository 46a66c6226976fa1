"""Prices of a product: those of the message are set, those of other types stay (rule `prices`)."""

from __future__ import annotations

from typing import Any

from pipeline.flows.mapping.model import CatalogMapping
from pipeline.flows.messages.faults import shown
from pipeline.flows.messages.model import Product
from pipeline.flows.texts import written
from pipeline.portal.plan import Part
from pipeline.portal.plan_builder import Made, PlanBuilder
from pipeline.portal.reconciling import prices as rule

__all__ = ["add_prices", "by_group"]

_SELECT = ("id", "productId", "catalogGroupId", "price", "currency", "quantityFrom", "quantityTo")


def add_prices(steps: PlanBuilder, wanted: list[dict[str, Any]], product: Made, part: Part) -> None:
    """A message without prices leaves those of the portal."""
    if not wanted:
        return
    params = {"filter": {"productId": product.id}, "select": list(_SELECT), "order": {"id": "ASC"}}
    steps.reconcile(
        "prices",
        "catalog.price.list",
        params,
        rule=rule.NAME,
        wanted={"product": product.id, "prices": wanted},
        part=part,
        unless_new=product.name,
    )


def by_group(product: Product, settings: CatalogMapping, catalog: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The first price of each catalogGroupId, and a fault for every type that is in no dictionary.

    Without a dictionary of types the first price is the one of `price_type`, as the original took it.
    """
    found: dict[int, dict[str, Any]] = {}
    faults = []
    for place, price in enumerate(product.prices):
        group: int | None = settings.price_type
        if settings.price_types and price.type is not None:
            group = settings.price_types.get(price.type)
        if group is None:
            known = ", ".join(sorted(settings.price_types))
            table = f"[catalogs.{catalog}.price_types] of mapping.toml"
            faults.append(f"PRICES[{place}]: type {shown(price.type)} is in no dictionary: {table} knows {known}")
            continue
        amounts = {"price": written(price.amount), "currency": price.currency or settings.currency}
        found.setdefault(group, {"catalogGroupId": group, **amounts})
    return list(found.values()), faults
