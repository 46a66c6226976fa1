"""What the rules `payments` and `shipments` have in common: documents of an order, by their external ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.portal.plan import CallStep, Key, UpsertStep
from pipeline.portal.reconciling.compare import changed, external_rows, number_of

__all__ = ["made_as_wanted", "no_longer_wanted"]


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
            always = {name: item["fields"].get(name, row.get(name)) for name in given.get("always", ())}
            emptied = {name: "" if value is None else value for name, value in differing.items()}
            params = {"id": number_of(row), "fields": {**_said(always), **emptied}}
            yield CallStep(name=f"change{place}", method=f"sale.{entity}.update", params=params)


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def no_longer_wanted(current: list[Any], given: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows with an external id of ours that `given["keep"]`, or its items, do not name; doubles as well."""
    held, doubles = external_rows(current)
    named = set(given["keep"]) if "keep" in given else {item["xmlId"] for item in given["items"]}
    return [*(row for external, row in held.items() if external not in named), *doubles]
