"""What a day leaves behind, in one shape for what must be and for what is. Keys are the senders' XML_IDs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

__all__ = ["Company", "Deal", "Document", "Line", "Order", "Payment", "Product", "Section", "Shipment", "State"]


@dataclass
class Company:
    """Phones are their last ten digits, e-mails in lower case. `may` = contacts of earlier events, which may stay."""

    title: str
    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    address: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    #: INN, KPP, OGRN
    requisite: tuple[str, str, str] | None = None


@dataclass
class Section:
    """`parent` None = at the root."""

    name: str
    active: bool
    parent: str | None
    sort: int


@dataclass
class Product:
    """`properties`: code -> values, of lists their XML_IDs; `prices`: price type -> amount, currency."""

    name: str
    active: bool
    section: str | None
    preview: str
    detail: str
    html: tuple[bool, bool]
    prices: dict[int, tuple[Decimal, str]]
    properties: dict[str, tuple[str, ...]]
    collection: str | None = None


@dataclass
class Line:
    """Goods of a deal or an order. `amount` = the sum over rows; `name` only where the good is not in the catalogue.

    `may_be_named`: the good was not sold for a while, so the line may have been made by name then.
    """

    quantity: Decimal
    amount: Decimal
    name: str | None = None
    may_be_named: bool = False


@dataclass
class Payment:
    """A payment of an order."""

    sum: Decimal
    paid: bool
    paid_at: datetime | None
    pay_before: datetime | None


@dataclass
class Shipment:
    """`goods`: XML_ID of a good -> quantity."""

    status: str
    delivered: bool
    goods: dict[str, Decimal]


@dataclass
class Order:
    """`goods` by XML_ID. `user` None = the message names nobody, so it is not compared."""

    deal: str
    status: str
    user: int | None
    cashback: Decimal | None
    created: datetime | None
    goods: dict[str, Line]
    payments: dict[str, Payment]
    shipments: dict[str, Shipment]


@dataclass
class Deal:
    """`rows`: `product:<XML_ID>` or `name:<name>` -> line; `begun` is a date."""

    title: str
    stage: str
    company: str | None
    opportunity: Decimal
    source: str
    assigned: int
    begun: str
    rows: dict[str, Line]


@dataclass
class Document:
    """A document of the index."""

    name: str
    preview: str
    detail: str
    brand: str
    sntinvest_articul: str
    fac_articul: str
    price: Decimal | None


@dataclass
class State:
    """All of it. `faults`: what must not be at all, such as objects that are there twice. None = it was not read."""

    companies: dict[str, Company] = field(default_factory=dict)
    sections: dict[str, Section] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    deals: dict[str, Deal] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    documents: dict[str, Document] | None = None
    faults: list[str] = field(default_factory=list)
