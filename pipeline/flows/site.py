"""The flows from the site's events to plans, for a worker that has a mapping."""

from __future__ import annotations

from pipeline.delivery.flow import Flow
from pipeline.flows import catalog_sections, companies
from pipeline.flows.catalog_products import product
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.settlements import settlement

__all__ = ["site_flows"]


def site_flows(mapping: Mapping) -> tuple[Flow, ...]:
    """Those that make plans; each is an agent of topology.py that needs a mapping."""
    return tuple(module.flow(mapping) for module in (companies, catalog_sections, product, settlement))
