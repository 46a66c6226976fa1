"""What the search index holds at the day's end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx

from tests.day.state import Document, State

__all__ = ["read_index"]

_PAGE = 1000


async def read_index(url: str, alias: str, state: State) -> None:
    """Fills `state.documents` from Elasticsearch at `url`; raises httpx.HTTPError."""
    found: dict[str, Document] = {}
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
        refreshed = await http.post(f"/{alias}/_refresh")
        # no alias: no document was ever written
        hits = [] if refreshed.status_code == 404 else await _all(http, alias)
    for hit in hits:
        source = hit["_source"]
        key = str(source["xml_id"])
        if key in found:
            state.faults.append(f"document {key}: is there twice")
        price = source.get("price")
        found[key] = Document(
            name=source["name"],
            preview=source.get("preview") or "",
            detail=source.get("detail") or "",
            brand=source.get("brand") or "",
            sntinvest_articul=source.get("sntinvest_articul") or "",
            fac_articul=source.get("fac_articul") or "",
            price=None if price is None else Decimal(str(price)),
        )
    state.documents = found


async def _all(http: httpx.AsyncClient, alias: str) -> list[dict[str, Any]]:
    """All documents, by scrolling."""
    answer = (await http.post(f"/{alias}/_search?scroll=1m", json={"size": _PAGE})).raise_for_status().json()
    hits: list[dict[str, Any]] = []
    while page := answer["hits"]["hits"]:
        hits += page
        following = {"scroll": "1m", "scroll_id": answer["_scroll_id"]}
        answer = (await http.post("/_search/scroll", json=following)).raise_for_status().json()
    return hits
