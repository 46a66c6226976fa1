"""Names every difference between what must be and what is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.day.state import Company, Deal, Line, Order, Product, Shipment, State

__all__ = ["differences"]

#: Portals keep sums with two digits; quantities with four.
_CENT = Decimal("0.01")


def differences(must: State, held: State) -> list[str]:
    """One line each: what is missing, too much, doubled, or another value; empty = equal."""
    lines = list(held.faults)
    kinds: tuple[tuple[str, str, Callable[[str, Any, Any], Iterator[str]]], ...] = (
        ("company", "companies", _company),
        ("section", "sections", _plain),
        ("product", "products", _product),
        ("deal", "deals", _deal),
        ("order", "orders", _order),
        ("document", "documents", _plain),
    )
    for kind, name, compare in kinds:
        wanted, found = getattr(must, name), getattr(held, name)
        if wanted is not None and found is not None:
            lines += _each(kind, wanted, found, compare)
    return lines


def _each(
    kind: str, must: Mapping[str, Any], held: Mapping[str, Any], compare: Callable[[str, Any, Any], Iterator[str]]
) -> Iterator[str]:
    for key in sorted(must.keys() | held.keys()):
        if key not in held:
            yield f"{kind} {key}: is missing"
        elif key not in must:
            yield f"{kind} {key}: must not be there"
        else:
            yield from compare(f"{kind} {key}", must[key], held[key])


def _plain(what: str, must: Any, held: Any, but: tuple[str, ...] = ()) -> Iterator[str]:
    """All fields of two objects of one class, without those in `but`."""
    for field in fields(must):
        if field.name not in but:
            one, other = getattr(must, field.name), getattr(held, field.name)
            if not _equal(one, other):
                yield f"{what}: {field.name} must be {_shown(one)}, is {_shown(other)}"


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return abs(one - other) < _CENT
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return all(_equal(value, other[key]) for key, value in one.items())
    return bool(one == other)


def _shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple | frozenset):
        return "(" + ", ".join(sorted(_shown(item) for item in value)) + ")"
    return repr(value)


def _company(what: str, must: Company, held: Company) -> Iterator[str]:
    yield from _plain(what, must, held, ("phones", "emails", "may"))
    for name in ("phones", "emails"):
        wanted, found = getattr(must, name), getattr(held, name)
        if wanted - found:
            yield f"{what}: {name} lack {_shown(wanted - found)}"
        if found - wanted - must.may:
            yield f"{what}: {name} have {_shown(found - wanted - must.may)} from nowhere"


def _product(what: str, must: Product, held: Product) -> Iterator[str]:
    """Properties that the message does not name are nobody's business."""
    yield from _plain(what, must, held, ("properties",))
    for code, wanted in must.properties.items():
        found = held.properties.get(code, ())
        if tuple(sorted(wanted)) != tuple(sorted(found)):
            yield f"{what}: {code} must be {_shown(wanted)}, is {_shown(found)}"


def _deal(what: str, must: Deal, held: Deal) -> Iterator[str]:
    yield from _plain(what, must, held, ("rows",))
    yield from _each(f"{what}: row", must.rows, held.rows, _plain)


def _order(what: str, must: Order, held: Order) -> Iterator[str]:
    unsaid = tuple(name for name in ("user", "cashback") if getattr(must, name) is None)
    yield from _plain(what, must, held, ("goods", "payments", "shipments", *unsaid))
    yield from _each(f"{what}: good", must.goods, held.goods, _good)
    yield from _each(f"{what}: payment", must.payments, held.payments, _payment)
    yield from _each(f"{what}: shipment", must.shipments, held.shipments, _shipment)


def _good(what: str, must: Line, held: Line) -> Iterator[str]:
    yield from _plain(what, must, held, ("may_be_named", *(("name",) if must.may_be_named else ())))


def _payment(what: str, must: Any, held: Any) -> Iterator[str]:
    # a portal puts a date of its own on what is paid without one
    yield from _plain(what, must, held, () if must.paid and must.paid_at else ("paid_at",))


def _shipment(what: str, must: Shipment, held: Shipment) -> Iterator[str]:
    yield from _plain(what, must, held, ("goods",))
    for good in sorted(must.goods.keys() | held.goods.keys()):
        one, other = must.goods.get(good, Decimal(0)), held.goods.get(good, Decimal(0))
        if not _equal(one, other):
            yield f"{what}: quantity of {good} must be {one:f}, is {other:f}"
