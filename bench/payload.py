"""The message of the benchmarks: 642 bytes of JSON, as in the measurements that the design was made from."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["SIZE", "message", "transform"]

SIZE = 642


def message(number: int) -> bytes:
    """A product event of exactly SIZE bytes."""
    event = {
        "ID": number,
        "XML_ID": f"0b4e7a3c-{number:012d}",
        "NAME": "Bolt M8x40 DIN 933 zinc plated",
        "ACTIVE": "Y",
        "IBLOCK_ID": 17,
        "PREVIEW_TEXT": "Hexagon head bolt, full thread",
        "PRICES": [{"PRICE": {"PRICE": "12.50", "CURRENCY": "RUB"}}, {"PRICE": {"PRICE": "11.90", "CURRENCY": "RUB"}}],
        "PROPERTY_VALUES": {
            "BRAND": {"NAME": "Brand", "CODE": "BRAND", "VALUE": {"XML_ID": "maxonor", "VALUE": "Maxonor"}},
            "COLLECTION": {"NAME": "Collection", "CODE": "COLLECTION", "VALUE": "Fasteners"},
        },
        "PAD": "",
    }
    event["PAD"] = "x" * (SIZE - len(orjson.dumps(event)))
    return orjson.dumps(event)


def transform(raw: bytes) -> bytes:
    """Half of the fields rebuilt, as a flow would."""
    event: dict[str, Any] = orjson.loads(raw)
    return orjson.dumps(
        {
            "id": event["ID"],
            "xml_id": event["XML_ID"],
            "name": event["NAME"].upper(),
            "active": event["ACTIVE"] == "Y",
            "price": float(event["PRICES"][0]["PRICE"]["PRICE"]),
            "brand": event["PROPERTY_VALUES"]["BRAND"]["VALUE"]["XML_ID"],
            "preview": event["PREVIEW_TEXT"],
            "pad": event["PAD"],
        }
    )
