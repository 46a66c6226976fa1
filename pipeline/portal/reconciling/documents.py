"""What the rules `payments` and `shipments` have in common: documents of an order, by their external ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.portal.plan import CallStep, Key, UpsertStep
from pipeline.portal.reconciling.compare import changed, external_rows, number_of

__all__ = ["SHIPMENT", "kept", "made_as_wanted", "no_longer_wanted"]

#: what each sale.shipment.update must say (its page): the first three are needed, and without the others a portal
#: puts the status back to DN and the price of the delivery to 0
SHIPMENT = ("allowDelivery", "deducted", "deliveryId", "statusId", "priceDelivery")


def kept(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those fields of a row that say something."""
    return {name: row[name] for name in names if row.get(name) is not None}


def made_as_wanted(entity: str, current: list[Any], given: dict[str, Any]) -> Iterator[CallStep | UpsertStep]:
    """Additions and changes. `given`: {"order": id, "key": XML_ID of the order, "items": [{"xmlId", "fields"}]}.

    `always`: fields that each update must have (the method's page). Of an item `new` are fields of the add alone; a
    field that is None is to be empty.
    """
    held, _ = external_rows(current)
    for place, item in enumerate(given["items"]):
        row = held.get(item["xmlId"])
        if row is None:
            yield UpsertStep(
                name=f"add{place}",
                entity=entity,
                key=Key(id=item["xmlId"], originator=given["key"]),
                within={"orderId": int(given["order"])},
                fields=_said(item["fields"]) | item.get("new", {}),
                new=True,
            )
            continue
        differing = changed(row, item["fields"])
        if differing:
            # in the order of the item: a payment's sum before it is paid
            always = given.get("always", ())
            fields = kept(row, (name for name in always if name not in item["fields"])) | {
                name: "" if value is None else value
                for name, value in item["fields"].items()
                if name in differing or (name in always and value is not None)
            }
            params = {"id": number_of(row), "fields": fields}
            yield CallStep(name=f"change{place}", method=f"sale.{entity}.update", params=params)


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def no_longer_wanted(current: list[Any], given: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows with an external id of ours that `given["keep"]`, or its items, do not name; doubles as well."""
    held, doubles = external_rows(current)
    named = set(given["keep"]) if "keep" in given else {item["xmlId"] for item in given["items"]}
    return [*(row for external, row in held.items() if external not in named), *doubles]
