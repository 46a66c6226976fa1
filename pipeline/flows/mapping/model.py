"""What `mapping.toml` may say, one documented field each (docs/mapping.md is held to it by a test).

Everything that differs from portal to portal stands here: ids, information blocks, price types, dictionaries, user
fields (issue 5, section 2). Dictionaries go from the sender's word to the portal's.
"""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "CatalogMapping",
    "CollectionMapping",
    "CompanyMapping",
    "DealMapping",
    "Mapping",
    "OrderMapping",
    "PaymentMapping",
    "PortalMapping",
    "ShipmentMapping",
]


Id = Annotated[int, Field(ge=1)]
"""Of an object in the portal."""
Text = Annotated[str, Field(min_length=1)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class _Table(BaseModel):
    # strict: a text that looks like a number, or true for 1, is a mistake in a file with types of its own
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PortalMapping(_Table):
    """Where the effects go."""

    name: Text = Field(default="default", description="The portal's name in pipeline.toml.")
    credential: str = Field(default="", description="Its credential; empty = the only one that it has.")
    timezone: str = Field(default="Europe/Moscow", description="Zone of moments that come without one.")

    @property
    def zone(self) -> ZoneInfo:
        """The zone."""
        return ZoneInfo(self.timezone)


class CompanyMapping(_Table):
    """Users of the site become companies."""

    originator: str = Field(
        default="site", description="ORIGINATOR_ID of companies, deals; empty = found by ORIGIN_ID alone."
    )
    title: Text = Field(default="{NAME}", description="TITLE of a company.")
    stub_title: Text = Field(default="Компания {XML_ID}", description="TITLE until its user event comes.")
    fields: dict[str, Text] = Field(
        default={}, description="Further fields: key of the message -> field of the company."
    )
    constants: dict[str, str] = Field(default={}, description="Fields that every company gets.")
    phone_type: Literal["WORK", "MOBILE", "FAX", "HOME", "PAGER", "MAILING", "OTHER"] = Field(
        default="WORK", description="VALUE_TYPE of phones."
    )
    email_type: Literal["WORK", "HOME", "MAILING", "OTHER"] = Field(
        default="WORK", description="VALUE_TYPE of e-mails."
    )
    keep_contacts: bool = Field(default=True, description="Phones and e-mails that the message does not have stay.")
    address_field: str = Field(default="ADDRESS", description="Field for the address; empty = it is not written.")
    requisite_preset: Id | None = Field(
        default=None, description="Preset of the requisite with INN, KPP, OGRN; none = no."
    )


class CollectionMapping(_Table):
    """COLLECTION as an element of its own, linked from the product."""

    iblock: Id = Field(description="Information block of the collections.")
    property: Text = Field(default="COLLECTION_ELEMENT_ID", description="Code of the product's property that links it.")
    source: Text = Field(default="COLLECTION", description="Property of the message with the collection's name.")
    default: str = Field(default="", description="Collection of products without one; empty = none.")


class CatalogMapping(_Table):
    """A catalogue: products and sections of the queues that name it."""

    iblock: Id = Field(description="Information block of products and sections.")
    price_type: Id = Field(default=1, description="Price type (catalogGroupId) of a price that names none.")
    price_types: dict[str, Id] = Field(default={}, description="Price type of the message -> catalogGroupId.")
    currency: Currency = Field(default="RUB", description="Currency of a price that names none.")
    code: Literal["name", "message", "xml_id", "none"] = Field(
        "name",
        description="Symbolic code: name = transliterated, with a suffix; message = CODE as it is; xml_id; none.",
    )
    properties: Literal["create", "existing", "none"] = Field(
        default="create",
        description="create = made on demand; existing = only those that are there; none = not written.",
    )
    ignore_properties: list[str] = Field(
        default=[], description="Codes of properties that are not written to the portal."
    )
    pictures: bool = Field(default=False, description="Addresses of pictures are written to the fields below.")
    preview_picture_property: Text = Field(
        default="PREVIEW_PICTURE_URL", description="Property for the preview's address."
    )
    detail_picture_property: Text = Field(
        default="DETAIL_PICTURE_URL", description="Property for the picture's address."
    )
    section_wait: float = Field(
        600.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that a section waits for its parent before it goes to root.",
    )
    collection: CollectionMapping | None = Field(
        default=None, description="See the table [catalogs.<name>.collection]."
    )
    portal: bool = Field(default=True, description="Its products go to the portal.")
    index: str = Field(
        default="catalog", description="Alias of the search index; empty = its products are not indexed."
    )
    index_fields: dict[str, str] = Field(
        default={"brand": "BRAND", "sntinvest_articul": "SNTINVEST_ARTICUL", "fac_articul": "FAC_ARTICUL"},
        description="Field of the document -> code of the product's property that fills it.",
    )
    deactivated: Literal["remove", "flag"] = Field(default="remove", description="Inactive products in the index.")


class DealMapping(_Table):
    """Settlements become deals."""

    title: Text = Field(default="Заказ №{NUMBER}", description="TITLE of a deal.")
    category: int = Field(default=0, ge=0, description="Pipeline (CATEGORY_ID).")
    stages: dict[str, Text] = Field(default={}, description="STATUS -> STAGE_ID.")
    unknown_status: Text = Field(
        default="dead-letter", description="STATUS that is in no dictionary: dead-letter, or the stage to take."
    )
    currency: Currency = Field(default="RUB", description="CURRENCY_ID.")
    assigned_by: Id = Field(default=1, description="ASSIGNED_BY_ID when the message names nobody.")
    users: dict[str, Id] = Field(
        default={}, description="ASSIGNED_BY_ID or USER_ID of the message -> user of the portal."
    )
    sources: dict[str, Text] = Field(default={}, description="SOURCE -> SOURCE_ID; others as they come.")
    fields: dict[str, Text] = Field(default={}, description="Further fields: key of the message -> field of the deal.")
    unknown_good: Text = Field(
        default="Товар {XML_ID}", description="Name of a row whose product is not in the catalogue."
    )
    complete: bool = Field(default=True, description="Rows of unknown goods are completed when the product comes.")
    catalog: Text = Field(default="default", description="Catalogue in which goods are looked for.")


class OrderMapping(_Table):
    """Orders become orders of the online shop module."""

    enabled: bool = Field(default=True, description="Orders, payments and shipments are written.")
    site: Text = Field(default="s1", description="Site of the portal (lid).")
    person_type: Id = Field(default=3, description="Person type (personTypeId).")
    statuses: dict[str, Text] = Field(default={}, description="STATUS -> statusId.")
    unknown_status: Text = Field(default="dead-letter", description="As in [deal].")
    user: Id | None = Field(default=None, description="userId when the message names nobody.")
    properties: dict[str, Id] = Field(
        default={}, description="Key of the order (CACHBACK) -> id of the order's property."
    )


class PaymentMapping(_Table):
    """Payments of orders."""

    system: Id = Field(default=1, description="Pay system (paySystemId).")
    paid: dict[str, bool] = Field(
        default={"Y": True, "N": False, "1": True, "0": False}, description="STATUS -> paid or not."
    )
    unknown_status: Literal["dead-letter", "paid", "unpaid"] = Field(default="dead-letter", description="As in [deal].")
    removed: Literal["delete", "keep"] = Field(
        default="delete", description="Payments that are no longer in the message."
    )


class ShipmentMapping(_Table):
    """Shipments of orders."""

    delivery: Id = Field(default=1, description="Delivery service (deliveryId).")
    statuses: dict[str, Text] = Field(default={}, description="STATUS -> statusId.")
    unknown_status: Text = Field(default="dead-letter", description="As in [deal].")
    removed: Literal["delete", "keep"] = Field(
        default="keep", description="Shipments that are no longer in the message."
    )


class Mapping(_Table):
    """The whole file."""

    portal: PortalMapping = PortalMapping()
    company: CompanyMapping = CompanyMapping()
    catalogs: dict[str, CatalogMapping] = Field(description="Catalogues by name; `default` is the one of most queues.")
    deal: DealMapping = DealMapping()
    order: OrderMapping = OrderMapping()
    payment: PaymentMapping = PaymentMapping()
    shipment: ShipmentMapping = ShipmentMapping()
