"""The wire format of a product's prices (docs/messages.md#prices)."""

from __future__ import annotations

import re
from typing import Any

from pipeline.flows.messages.faults import Unfit
from pipeline.flows.messages.model import Price
from pipeline.flows.messages.reader import Reader
from pipeline.flows.messages.values import is_nothing, to_line, to_number

__all__ = ["read_prices"]

_TYPE = ("CATALOG_GROUP_ID", "CATALOG_GROUP_CODE", "CATALOG_GROUP_NAME", "PRICE_TYPE", "PRICE_TYPE_ID", "TYPE")
_SINGLE = frozenset(("PRICE", "CURRENCY", *_TYPE))
_CURRENCY = re.compile(r"[A-Z]{3}")


def read_prices(reader: Reader) -> tuple[Price, ...]:
    """The prices, one of each type: the first that is not empty, as the original took them.

    A number; a list of numbers, `{"PRICE": 1}` or `{"PRICE": {"PRICE": 1, "CURRENCY": "RUB"}}`; an object of them by
    type of price (`{"BASE": 1}`). Keys that begin at "0" are places of a list, others are types.
    """
    found: dict[str | None, Price] = {}
    given = reader.data.get("PRICES")
    if not reader.faults.fits("PRICES", given):
        return ()
    for path, kind, value in _rows(given):
        price = _price(reader, path, kind, value)
        if price is not None:
            found.setdefault(price.type, price)
    return tuple(found.values())


def _rows(value: Any) -> list[tuple[str, str | None, Any]]:
    if isinstance(value, list):
        return [(f"PRICES[{place}]", None, item) for place, item in enumerate(value)]
    if is_nothing(value):
        return []
    if not isinstance(value, dict) or not _SINGLE.isdisjoint(value):
        return [("PRICES", None, value)]
    if "0" in value and all(key.isdigit() for key in value):
        return [(f"PRICES.{key[:40]}", None, item) for key, item in value.items()]
    return [(f"PRICES.{key[:40]}", key, item) for key, item in value.items()]


def _price(reader: Reader, path: str, kind: str | None, value: Any) -> Price | None:
    currency = None
    for _ in range(3):
        if not isinstance(value, dict):
            break
        if value and _SINGLE.isdisjoint(value):
            reader.faults.value(path, value, "without PRICE is no price")
            return None
        one = Reader(value, path, reader.faults, reader.zone)
        kind = next((found for key in _TYPE if (found := one.line(key))), kind)
        currency = one.read(_to_currency, ("CURRENCY",)) or currency
        path, value = one.at("PRICE"), value.get("PRICE")
    if isinstance(value, dict | list) and value:
        reader.faults.value(path, value, "is no number")
        return None
    try:
        amount = to_number(value)
    except Unfit as error:
        reader.faults.value(path, value, str(error))
        return None
    if amount is None:
        return None
    if amount < 0:
        reader.faults.value(path, value, "is below 0")
    return Price(amount=amount, currency=currency, type=kind)


def _to_currency(value: Any) -> str | None:
    text = (to_line(value) or "").upper()
    if text and not _CURRENCY.fullmatch(text):
        raise Unfit("is no currency: expected three letters such as RUB")
    return text or None
