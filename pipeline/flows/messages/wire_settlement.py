"""The wire format of mutual settlements (docs/messages.md#settlement): an application with its orders.

The misspelt keys PAYNEMTS, DELEVERY and CACHBACK are the wire format; their right spellings are taken too. Older flat
variants are put back into the tree first (wire_flat.py).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from decimal import Decimal
from typing import Any, TypeVar

from pipeline.flows.messages.faults import Unfit
from pipeline.flows.messages.model import Good, Order, Payment, Settlement, Shipment
from pipeline.flows.messages.reader import Reader
from pipeline.flows.messages.values import to_flag, to_id, to_number
from pipeline.flows.messages.wire_flat import DELIVERY, PAYMENTS, OrderParts, ShipmentParts, assemble

__all__ = ["CASHBACK", "KEYS", "ORDER_KEYS", "read_settlement"]

T = TypeVar("T", Payment, Shipment)

CASHBACK = ("CACHBACK", "CASHBACK")
_VERSION = ("DATE_UPDATE", "TIMESTAMP_X")

KEYS = frozenset(
    (
        *("XML_ID", "NUMBER", "STATUS", "DATE_CREATE", "COMPANY", "SOURCE", "ASSIGNED_BY_ID", "ORDERS"),
        *("SHIPMENTS", "GOODS", *PAYMENTS, *_VERSION),
    )
)
"""Keys of an application that are read; others are in `extra`."""

ORDER_KEYS = frozenset(("XML_ID", "NUMBER", "STATUS", "DATE_CREATE", "USER_ID", *CASHBACK))
"""Keys of an order that are read, without its lists."""


def read_settlement(reader: Reader, kind: str) -> Settlement:
    """An application that came under the key `kind`; faults are in the reader."""
    return Settlement(
        kind=kind,
        xml_id=reader.xml_id(),
        number=reader.line("NUMBER") or "",
        status=reader.read(_status, ("STATUS",)),
        created=reader.moment("DATE_CREATE"),
        company_xml_id=reader.reference("COMPANY"),
        source=reader.line("SOURCE"),
        assigned_by=reader.reference("ASSIGNED_BY_ID"),
        orders=tuple(_order(parts) for parts in assemble(reader)),
        has_orders=reader.has("ORDERS"),
        version=reader.latest(*_VERSION),
        extra=reader.others(KEYS),
    )


def _status(value: Any) -> str | None:
    """A status is a word of the sender; `true` is Y and `false` N, as PAID has them."""
    return ("Y" if value else "N") if isinstance(value, bool) else to_id(value)


def _order(parts: OrderParts) -> Order:
    reader = parts.reader
    return Order(
        xml_id=parts.xml_id,
        number=reader.line("NUMBER") or "",
        status=reader.read(_status, ("STATUS",)),
        created=reader.moment("DATE_CREATE"),
        user_id=reader.reference("USER_ID"),
        cashback=reader.number(*CASHBACK),
        shipments=_once(parts.shipments, lambda one: one.reader, _shipment),
        payments=_once(parts.payments, lambda one: one, _payment),
        goods=_goods(parts.goods),
        has_shipments=parts.has_shipments,
        has_payments=parts.has_payments,
        has_goods=parts.has_goods,
    )


P = TypeVar("P")


def _once(parts: list[P], reader_of: Callable[[P], Reader], build: Callable[[P], T]) -> tuple[T, ...]:
    """Each object once. The same twice is once; one id with two contents is a fault: nobody can say which is meant."""
    found: dict[str, tuple[T, str]] = {}
    for part in parts:
        one, reader = build(part), reader_of(part)
        earlier, path = found.setdefault(one.xml_id, (one, reader.path)) if one.xml_id else (one, "")
        if earlier != one:
            reader.faults.value(reader.at("XML_ID"), one.xml_id, f"is also in {path} with different content")
    return tuple(one for one, _ in found.values())


def _shipment(parts: ShipmentParts) -> Shipment:
    reader = parts.reader
    return Shipment(
        xml_id=parts.xml_id,
        number=reader.line("NUMBER") or "",
        status=reader.read(_status, ("STATUS",)),
        created=reader.moment("DATE_CREATE"),
        delivered=bool(reader.read(_delivered, DELIVERY)),
        goods=_goods(parts.goods),
    )


def _delivered(value: Any) -> bool:
    """A number above 0, or yes."""
    try:
        return bool(to_flag(value))
    except Unfit:
        pass
    try:
        return (to_number(value) or 0) > 0
    except Unfit:
        raise Unfit("says not whether it is delivered: expected a number") from None


def _payment(reader: Reader) -> Payment:
    return Payment(
        xml_id=reader.xml_id(),
        number=reader.line("NUMBER") or "",
        sum=reader.amount("SUM", negative=True),
        status=reader.read(_status, ("STATUS",)),
        created=reader.moment("DATE_CREATE"),
        paid_at=reader.moment("DATE_PAY"),
        pay_before=reader.moment("DATE_PAY_BEFORE"),
    )


def _goods(readers: list[Reader]) -> tuple[Good, ...]:
    """The lines: one product at one price is one line, quantities added up; a line with a quantity of 0 is none."""
    lines: dict[Hashable, tuple[str, Decimal, Decimal, str | None]] = {}
    for reader in readers:
        xml_id, quantity, price = reader.xml_id(), reader.amount("QUANTITY"), reader.amount("PRICE")
        name = reader.line("NAME")
        key = (xml_id, price, name)
        earlier = lines[key][1] if key in lines else Decimal(0)
        if quantity:
            lines[key] = (xml_id, earlier + quantity, price, name)
    return tuple(
        Good(xml_id=xml_id, quantity=quantity, price=price, name=name)
        for xml_id, quantity, price, name in lines.values()
    )
