"""The tables [order], [payment] and [shipment] of a mapping against a portal."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pipeline.flows.mapping.asked import Asked, Row
from pipeline.flows.mapping.checks import Fault
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.mapping.names import named, number, word

__all__ = ["sale"]

_DEAD_LETTER = "dead-letter"


async def sale(mapping: Mapping, asked: Asked) -> AsyncIterator[Fault]:
    """Person type, pay system, delivery, statuses and properties of orders."""
    if not mapping.order.enabled:
        return
    persons = await asked.rows("sale.persontype.list", {"select": ["id", "name"]})
    for fault in number("order", "person_type", mapping.order.person_type, persons, "a person type"):
        yield fault
    systems = await asked.rows("sale.paysystem.list")
    for fault in number("payment", "system", mapping.payment.system, systems, "a pay system"):
        yield fault
    deliveries = await asked.rows("sale.delivery.getlist")
    for fault in number("shipment", "delivery", mapping.shipment.delivery, deliveries, "a delivery service"):
        yield fault
    for fault in _statuses(mapping, await asked.rows("sale.status.list", {"select": ["id", "type"]})):
        yield fault
    if mapping.order.properties:
        rows = await asked.rows("sale.property.list", {"select": ["id", "name", "personTypeId"]})
        for fault in _properties(mapping, rows):
            yield fault


def _statuses(mapping: Mapping, rows: list[Row] | None) -> list[Fault]:
    if rows is None:
        return []
    found: list[Fault] = []
    for table, kind, letter, statuses, unknown in (
        ("order", "a status of orders", "O", mapping.order.statuses, mapping.order.unknown_status),
        ("shipment", "a status of shipments", "D", mapping.shipment.statuses, mapping.shipment.unknown_status),
    ):
        own = [row for row in rows if row.get("type") in (letter, None)]
        found += word(f"{table}.statuses", statuses, own, "id", kind)
        if unknown != _DEAD_LETTER:
            found += word(table, {"unknown_status": unknown}, own, "id", kind)
    return found


def _properties(mapping: Mapping, rows: list[Row] | None) -> list[Fault]:
    if rows is None:
        return []
    person = str(mapping.order.person_type)
    own = [row for row in rows if str(row.get("personTypeId")) == person]
    known = {str(row.get("id")): row for row in rows}
    found: list[Fault] = []
    for key, given in mapping.order.properties.items():
        row = known.get(str(given))
        kind = f"a property of orders of person type {person}"
        if row is None:
            found.append(Fault("order.properties", key, given, f"{kind}: {named(own)}"))
        elif row not in own:
            wanted = f"{kind}: {named(own)}; this one is of person type {row.get('personTypeId')}"
            found.append(Fault("order.properties", key, given, wanted))
    return found
