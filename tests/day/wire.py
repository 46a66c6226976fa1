"""Reads what messages say: ids, sums, dates of every form that the generator writes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from sandbox.site.message import Message

__all__ = ["bodies", "identity", "moment", "number", "version"]

_FORMS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d",
    "%Y%m%d",
)
_EMPTY_YEAR = 1


def bodies(message: Message) -> list[dict[str, Any]]:
    """The objects of a message: one, or each application of an envelope."""
    body = orjson.loads(message.body)
    return list(body.values()) if message.exchange == "mutualsettlements" else [body]


def identity(value: Any) -> str:
    """An id as a text, "" for none; 0 is none too."""
    text = "" if value is None else str(value).strip()
    return "" if text == "0" else text


def number(value: Any) -> Decimal | None:
    """A sum or a quantity; None for nothing."""
    if value is None or value == "":
        return None
    text = str(value)
    for blank in ("\u00a0", "\u202f", " "):
        text = text.replace(blank, "")
    return Decimal(text.replace(",", ".")).normalize()


def moment(value: Any, zone: ZoneInfo) -> datetime | None:
    """A date with its zone; None for nothing. Raises ValueError."""
    text = "" if value is None else str(value)
    if not text:
        return None
    if text.startswith("@"):
        return datetime.fromtimestamp(int(text[1:]), UTC)
    for form in _FORMS:
        try:
            found = datetime.strptime(text.replace("Z", "+0000"), form)
        except ValueError:
            continue
        if found.year == _EMPTY_YEAR:
            return None
        return found if found.tzinfo else found.replace(tzinfo=zone)
    return parsedate_to_datetime(text)


def version(body: dict[str, Any], message: Message, zone: ZoneInfo) -> datetime | None:
    """How new the message is: by itself, else by AMQP's time."""
    said = [found for name in ("DATE_UPDATE", "TIMESTAMP_X") if (found := moment(body.get(name), zone))]
    return max(said) if said else message.timestamp
