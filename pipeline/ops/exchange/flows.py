"""Which flows have a say about an item: the run is over for it when each of them has written its outcome."""

from __future__ import annotations

from pipeline.flows.mapping.model import Mapping

__all__ = ["expected_flows"]

_FLOWS = {"user": "companies", "section": "catalog-sections", "settlement": "settlements"}


def expected_flows(event: str, catalog: str, mapping: Mapping, *, searches: bool = True) -> frozenset[str]:
    """Names of the flows that write an outcome for such an item (topology.py, agents).

    A product goes where its catalogue says. One of a catalogue that the mapping does not know becomes a dead letter of
    the flow for the portal. `searches`: there is an Elasticsearch (settings).
    """
    if event != "product":
        return frozenset({_FLOWS[event]})
    known = mapping.catalogs.get(catalog or "default")
    if known is None:
        return frozenset({"catalog-products"})
    places = {"catalog-products": known.portal, "search": searches and bool(known.index)}
    return frozenset(flow for flow, wanted in places.items() if wanted)
