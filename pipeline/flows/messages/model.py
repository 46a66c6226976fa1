"""Messages as the flows see them: our names, our types. Wire names stay at the edge (wire_*.py; docs/messages.md).

Amounts and quantities are `Decimal`, moments are aware `datetime`s. `version` is when the sender last changed the
object (DATE_UPDATE, TIMESTAMP_X), None when the message does not say. `extra` holds unknown keys as they came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

__all__ = [
    "Good",
    "Order",
    "Payment",
    "Picture",
    "Price",
    "Product",
    "Property",
    "PropertyValue",
    "Section",
    "SectionRef",
    "Settlement",
    "Shipment",
    "User",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the site. None (or an empty tuple) = the event does not carry it: an event may be partial.

    `notes`: what was left out because it is wrong (addresses of mail, INN, KPP, OGRN), a text each, persons masked.
    """

    xml_id: str
    name: str | None = None
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    login: str | None = None
    sale_spot_parent: str | None = None
    address: str | None = None
    inn: str | None = None
    kpp: str | None = None
    ogrn: str | None = None
    version: datetime | None = None
    notes: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionRef:
    """A section by its XML_ID, or by the site's own number where the message has only that."""

    xml_id: str | None = None
    site_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the catalogue. `parent` None = it stands at the root."""

    xml_id: str
    name: str
    site_id: str | None = None
    iblock_id: str | None = None
    code: str | None = None
    active: bool = True
    sort: int | None = None
    description: str | None = None
    parent: SectionRef | None = None
    version: datetime | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyValue:
    """One value. `xml_id` is set for values of lists."""

    text: str
    xml_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A property of a product. `kind` is Bitrix' PROPERTY_TYPE: S, N, L (list), E (element), F, G."""

    code: str
    name: str
    kind: str = "S"
    list_type: str = "L"
    multiple: bool = False
    required: bool = False
    active: bool = True
    values: tuple[PropertyValue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """`type`: name or id of the price type as the message says it, None = it does not."""

    amount: Decimal
    currency: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture by reference: an address or a path of the site."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product. `section` None = the message does not say, or it stands at the root."""

    xml_id: str
    name: str
    site_id: str | None = None
    iblock_id: str | None = None
    active: bool = True
    code: str | None = None
    preview_text: str | None = None
    preview_html: bool = False
    detail_text: str | None = None
    detail_html: bool = False
    section: SectionRef | None = None
    properties: tuple[Property, ...] = ()
    prices: tuple[Price, ...] = ()
    preview_picture: Picture | None = None
    detail_picture: Picture | None = None
    version: datetime | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def property(self, code: str) -> Property | None:
        """A property by its code, whatever the case."""
        return next((one for one in self.properties if one.code.casefold() == code.casefold()), None)

    def brand(self) -> PropertyValue | None:
        """The brand; its `xml_id` is what the routing key `property.brand.<XML_ID>` has."""
        found = self.property("BRAND")
        return found.values[0] if found is not None and found.values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """A line of goods. `name` only where the message has one."""

    xml_id: str
    quantity: Decimal
    price: Decimal
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """A shipment; `delivered` = DELEVERY above 0."""

    xml_id: str
    number: str = ""
    status: str | None = None
    created: datetime | None = None
    delivered: bool = False
    goods: tuple[Good, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment; `status` as it came (a dictionary of the mapping makes PAID of it)."""

    xml_id: str
    number: str = ""
    sum: Decimal
    status: str | None = None
    created: datetime | None = None
    paid_at: datetime | None = None
    pay_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. `goods`: lines that name no shipment (older flat variants); its basket is `goods_of`, not their sum.

    `has_shipments`, `has_payments`, `has_goods`: whether the message carries them, at the order or beside it; what it
    does not carry is unknown, not empty (docs/messages.md#what-is-not-carried). `has_goods`: its whole basket.
    """

    xml_id: str
    number: str = ""
    status: str | None = None
    created: datetime | None = None
    user_id: str | None = None
    cashback: Decimal | None = None
    shipments: tuple[Shipment, ...] = ()
    payments: tuple[Payment, ...] = ()
    goods: tuple[Good, ...] = ()
    has_shipments: bool = True
    has_payments: bool = True
    has_goods: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """An application (заявка) with its orders. `kind`: the key of the envelope that it came under.

    `has_orders`: whether the message carries them; without them it says nothing of orders, goods and sum.
    """

    kind: str
    xml_id: str
    number: str = ""
    status: str | None = None
    created: datetime | None = None
    company_xml_id: str | None = None
    source: str | None = None
    assigned_by: str | None = None
    orders: tuple[Order, ...] = ()
    has_orders: bool = True
    version: datetime | None = None
    extra: dict[str, Any] = field(default_factory=dict)
