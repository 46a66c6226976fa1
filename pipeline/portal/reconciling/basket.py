"""The rule `basket`: lines of an order become what is wanted, by their external ids.

    wanted = {"order": 7, "key": "<XML_ID of the order>", "currency": "RUB",
              "items": [{"xmlId", "productId", "productXmlId", "price", "quantity"}, ...],
              "names": [{"xmlId", "name"}, ...]}

A line keeps the name that it was added with, as the order was made with it; a product may be renamed since.
Lines that the portal or a manager has added (no external id of ours) stay. The product of a line cannot be changed
(sale.basketitem.update): a line whose product has come into the catalogue since is replaced.

A product that is not sold any more cannot be added: the line is made by its name, without a product, and says in
`catalogXmlId` which one was refused. It stays so, whatever becomes of that product.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.portal.plan import CallStep, Key, UpsertStep
from pipeline.portal.plan_steps import Fallback
from pipeline.portal.reconciling.compare import changed, checked, external_rows, number_of
from pipeline.portal.rules import rule

__all__ = ["NAME", "basket"]

NAME = "basket"
#: "invalid product identifier, or the product is inactive" (page of sale.basketitem.add)
_NOT_SOLD = "200140400007"


@rule(NAME)
def basket(current: list[Any], wanted: Any) -> Iterable[CallStep | UpsertStep]:
    """Deletions first: a line that is replaced must not be found by its external id."""
    given = checked(NAME, wanted, "order", "key", "currency", "items", "names")
    held, doubles = external_rows(current)
    gone = list(doubles)
    changes: list[CallStep | UpsertStep] = []
    names = {item["xmlId"]: item["name"] for item in given["names"]}
    left = dict(held)
    for place, item in enumerate(given["items"]):
        row = left.pop(item["xmlId"], None)
        if row is not None and not _is_of(row, int(item["productId"] or 0)):
            gone.append(row)
            row = None
        if row is None:
            changes.append(_added(given, place, item, names[item["xmlId"]]))
            continue
        fields = {**_priced(item), "quantity": item["quantity"]}
        fields.pop("customPrice")
        differing = changed(row, fields)
        if differing:
            # a portal that gets one of the amounts alone works out the others
            differing |= {name: fields[name] for name in ("price", "basePrice", "discountPrice")}
            changes.append(
                CallStep(
                    name=f"line{place}",
                    method="sale.basketitem.update",
                    params={"id": number_of(row), "fields": differing},
                )
            )
    gone += left.values()
    deletions = [
        CallStep(name=f"gone{place}", method="sale.basketitem.delete", params={"id": number_of(row)})
        for place, row in enumerate(gone)
    ]
    return [*deletions, *changes]


def _is_of(row: dict[str, Any], product: int) -> bool:
    """Is it the line of this product, or made by name because the portal did not take it?"""
    held = int(row.get("productId") or 0)
    return held == product or (held == 0 and row.get("catalogXmlId") == _refused(product))


def _refused(product: int) -> str:
    return f"not sold: {product}"


def _priced(item: dict[str, Any]) -> dict[str, Any]:
    return {"price": item["price"], "basePrice": item["price"], "discountPrice": "0", "customPrice": "Y"}


def _added(given: dict[str, Any], place: int, item: dict[str, Any], name: str) -> UpsertStep:
    product = int(item["productId"] or 0)
    by_name = Fallback(codes=(_NOT_SOLD,), fields={"productId": 0, "catalogXmlId": _refused(product)})
    fields = {
        "productId": product,
        "productXmlId": item["productXmlId"],
        "currency": given["currency"],
        "name": name,
        "quantity": item["quantity"],
        **_priced(item),
    }
    return UpsertStep(
        name=f"line{place}",
        entity="basketitem",
        key=Key(id=item["xmlId"], originator=given["key"]),
        within={"orderId": int(given["order"])},
        fields=fields,
        new=True,
        fallback=by_name if product else None,
    )
