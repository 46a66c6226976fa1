"""How a few values that no query string can carry are written without a change of meaning.

A query string has texts only: no null, no boolean, no empty list. What is not listed here goes alone, as JSON: an
empty value that clears a field is nowhere documented for the two ways alike, so none is listed.
Names are in lower case and compared so; `*` in a path stands for any position of a list.
Sources: the pages of the methods in Bitrix24's documentation, `api-reference/crm`, `catalog` and `sale`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["Path", "Schema", "goes_alone", "schema_of"]

Path = tuple[str, ...]
#: What stands for true and for false.
Flag = tuple[str, str]

_YES_NO: Flag = ("Y", "N")
#: crm-contact-add.md: any other text than these two switches it on, N too.
_YES_ZERO: Flag = ("Y", "0")


@dataclass(frozen=True, slots=True)
class Schema:
    """`optional`: parameters that mean the same when they are empty and when they are absent;
    `flags`: where true and false have documented texts, and which."""

    optional: frozenset[str] = frozenset()
    flags: Mapping[Path, Flag] = field(default_factory=dict)


def goes_alone(method: str) -> bool:
    """Must a method (canonical name) never be a command of a batch? The portal refuses these (batch.md)."""
    return method == "batch" or method.rpartition(".")[2].startswith(("upload", "download"))


def schema_of(method: str) -> Schema:
    """Of a method, by its canonical name."""
    return _SCHEMAS.get(method, _NOTHING)


_NOTHING = Schema()
#: Lists that require a filter or a select are not here: they would complain of another thing.
_LISTS = {
    "crm": (
        *("activity", "category", "company", "contact", "deal", "invoice", "item", "lead", "quote", "requisite"),
        *("requisite.bankdetail", "requisite.preset", "status", "address", "currency"),
    ),
    "catalog": ("catalog", "measure", "price", "pricetype", "productproperty", "section", "vat"),
    "sale": ("basketitem", "order", "payment", "persontype", "property", "shipment", "status"),
}
_CRM_CARDS = {
    "company": ("opened", "is_my_company"),
    "contact": ("opened", "export"),
    "deal": (
        *("opened", "closed", "is_manual_opportunity"),
        *("is_recurring", "is_return_customer", "is_repeated_approach"),
    ),
    "lead": ("opened", "is_manual_opportunity"),
}
_FIELDS = {
    "crm.item": ("opened", "ismanualopportunity"),
    "crm.item.productrow": ("taxincluded",),
    "catalog.section": ("active",),
    "sale.order": ("canceled", "externalorder", "marked", "recountflag", "updated1c"),
    "sale.basketitem": ("canbuy", "customprice", "vatincluded"),
} | dict.fromkeys(
    ("catalog.product", "catalog.product.offer", "catalog.product.service", "catalog.product.sku"),
    ("active", "barcodemulti", "canbuyzero", "quantitytrace", "subscribe", "vatincluded", "withoutorder"),
)
_ORIGINAL_NAMES: Path = ("useoriginalufnames",)


def _flags(names: Iterable[str], *above: str) -> dict[Path, Flag]:
    return {(*above, name): _YES_NO for name in names}


def _schemas() -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for scope, entities in _LISTS.items():
        for entity in entities:
            found[f"{scope}.{entity}.list"] = Schema(optional=frozenset({"filter", "order", "select"}))
    for entity, names in _CRM_CARDS.items():
        flags = _flags(names, "fields") | {("params", "register_sonet_event"): _YES_NO}
        if entity == "contact":
            flags["params", "import"] = _YES_ZERO
        for verb in ("add", "update"):
            found[f"crm.{entity}.{verb}"] = Schema(frozenset({"params"}), flags)
    for entity, names in _FIELDS.items():
        for verb in ("add", "update"):
            found[f"{entity}.{verb}"] = Schema(flags=_flags(names, "fields"))
    for verb in ("add", "get", "list", "update"):
        known = found.get(f"crm.item.{verb}", _NOTHING)
        found[f"crm.item.{verb}"] = Schema(known.optional, {**known.flags, _ORIGINAL_NAMES: _YES_NO})
    for entity in ("deal", "lead"):
        found[f"crm.{entity}.productrows.set"] = Schema(flags=_flags(["tax_included"], "rows", "*"))
    found["crm.item.productrow.set"] = Schema(flags=_flags(["taxincluded"], "productrows", "*"))
    return found


_SCHEMAS = _schemas()
