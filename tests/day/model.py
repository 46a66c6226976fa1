"""What the messages of a day must leave in the portal and in the index (issue 5, section 2).

The newest message of an object counts; where messages do not say how new they are, the last one. Events of users may
be partial: there the newest one that carries a field counts for it; so it is with lists of
settlements. The order in which the messages came is not asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.site.message import Message
from tests.day import wire
from tests.day.companies import company_of
from tests.day.goods import document_of, product_of, section_of
from tests.day.partial import newest_goods, whole
from tests.day.sales import deal_of, orders_of
from tests.day.state import State

__all__ = ["expected"]

_KINDS = {"users": "user", "section": "section", "products": "product", "mutualsettlements": "settlement"}
_BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)


def expected(messages: Iterable[Message], mapping: dict[str, Any]) -> State:
    """The state at the day's end; `messages` in the order in which they were sent."""
    zone = ZoneInfo(mapping["portal"]["timezone"])
    told = _told(messages, zone)
    newest = {kind: {key: events[-1] for key, events in of_kind.items()} for kind, of_kind in told.items()}
    state = State(documents={})
    for key, events in told["user"].items():
        state.companies[key] = company_of(key, events, mapping["company"])
    by_number = {wire.identity(body.get("ID")): key for key, body in newest["section"].items()}
    for key, body in newest["section"].items():
        state.sections[key] = section_of(body, by_number)
    catalog = mapping["catalogs"]["default"]
    for key, body in newest["product"].items():
        state.products[key] = product_of(body, by_number, catalog)
        if state.products[key].active or catalog["deactivated"] == "flag":
            assert state.documents is not None
            state.documents[key] = document_of(body, state.products[key], catalog)
    unsold = {key for key, bodies in told["product"].items() if any(body["ACTIVE"] == "N" for body in bodies)}
    for key, events in told["settlement"].items():
        body = whole(events)
        company = wire.identity(body.get("COMPANY"))
        if company:
            state.companies.setdefault(company, company_of(company, [], mapping["company"]))
        state.deals[key] = deal_of(body, newest_goods(events), state.products, mapping, zone)
        state.orders |= orders_of(key, body, state.products, mapping, zone, unsold)
    return state


def _told(messages: Iterable[Message], zone: ZoneInfo) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Kind -> XML_ID -> bodies, the newest last."""
    found: dict[str, dict[str, list[tuple[datetime, dict[str, Any]]]]] = {
        kind: defaultdict(list) for kind in _KINDS.values()
    }
    for message in messages:
        if message.wrong:
            continue
        for body in wire.bodies(message):
            at = wire.version(body, message, zone) or _BEFORE_ALL
            found[_KINDS[message.exchange]][wire.identity(body.get("XML_ID"))].append((at, body))
    # a stable sort: without versions the order stays
    return {
        kind: {key: [body for _, body in sorted(events, key=lambda pair: pair[0])] for key, events in of_kind.items()}
        for kind, of_kind in found.items()
    }
