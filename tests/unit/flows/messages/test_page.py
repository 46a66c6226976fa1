"""docs/messages.md says what the decoders do: its examples and tables are run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from pipeline.delivery.errors import BadInput
from pipeline.flows.messages import Decoders, decode_product, decode_section, decode_settlement, decode_user
from pipeline.flows.messages.faults import Faults, Unfit
from pipeline.flows.messages.model import PropertyValue
from pipeline.flows.messages.moments import to_moment
from pipeline.flows.messages.values import to_flag, to_id, to_number
from pipeline.flows.messages.wire_product import KEYS as PRODUCT_KEYS
from pipeline.flows.messages.wire_property import read_values
from pipeline.flows.messages.wire_section import KEYS as SECTION_KEYS
from pipeline.flows.messages.wire_settlement import KEYS as APPLICATION_KEYS
from pipeline.flows.messages.wire_user import KEYS as USER_KEYS

PAGE = (Path(__file__).parents[4] / "docs" / "messages.md").read_text()
MOSCOW = ZoneInfo("Europe/Moscow")


def part(heading: str) -> str:
    """The text under a heading, up to the next one."""
    return re.split(r"\n##+ ", PAGE.split(f"# {heading}\n", 1)[1])[0]


def blocks(heading: str, language: str = "json") -> list[bytes]:
    return [block.encode() for block in re.findall(rf"```{language}\n(.*?)```", part(heading), re.DOTALL)]


def rows(heading: str) -> list[tuple[str, str]]:
    """The rows of a table: JSON of the first cell, text of the second."""
    return [(one, other.strip()) for one, other in re.findall(r"^\| `(.+?)` \|(.*?)\|$", part(heading), re.MULTILINE)]


def said(convert: Callable[[Any], Any], show: Callable[[Any], str]) -> Callable[[str], str]:
    """What the page says of a value."""

    def run(written: str) -> str:
        try:
            found = convert(orjson.loads(written))
        except Unfit:
            return "fault"
        return "" if found is None else show(found)

    return run


TABLES: dict[str, Callable[[str], str]] = {
    "ids": said(to_id, lambda found: f"`{found}`"),
    "numbers": said(to_number, lambda found: f"`{found}`"),
    "yes or no": said(to_flag, lambda found: "yes" if found else "no"),
    "dates": said(lambda value: to_moment(value, MOSCOW), lambda found: f"`{found.isoformat()}`"),
}


@pytest.mark.parametrize(
    ("heading", "written", "expected"), [(heading, *row) for heading in TABLES for row in rows(heading)]
)
def test_a_table_of_values(heading: str, written: str, expected: str) -> None:
    assert TABLES[heading](written) == expected


def test_the_tables_are_there() -> None:
    assert all(len(rows(heading)) > 8 for heading in [*TABLES, "properties", "prices", "what is not carried"])


@pytest.mark.parametrize(("written", "expected"), rows("properties"))
def test_values_of_properties(written: str, expected: str) -> None:
    def show(one: PropertyValue) -> str:
        return f"`{one.text} ({one.xml_id})`" if one.xml_id else f"`{one.text}`"

    faults = Faults()
    assert ", ".join(map(show, read_values(orjson.loads(written), "VALUE", faults))) == expected
    assert faults.lines == []


@pytest.mark.parametrize(("written", "expected"), rows("prices"))
def test_prices(written: str, expected: str) -> None:
    product = decode_product(b'{"XML_ID": 1, "NAME": "x", "PRICES": ' + written.encode() + b"}")
    shown = (" ".join(filter(None, (str(one.amount), one.currency, one.type))) for one in product.prices)
    assert ", ".join(f"`{one}`" for one in shown) == expected


def test_the_examples() -> None:
    (user,) = map(decode_user, blocks("user"))
    assert (user.xml_id, user.inn, len(user.emails), user.notes, user.extra) == ("10017", "7701234567", 2, (), {})
    (product,) = map(decode_product, blocks("product"))
    assert product.brand() == PropertyValue(text="VIGRO", xml_id="VIGRO") and product.extra == {}
    assert [str(price.amount) for price in product.prices] == ["1250.5"]
    (section,) = map(decode_section, blocks("section"))
    assert section.parent is not None and section.parent.site_id == "3" and section.extra == {}
    (settlement,) = map(decode_settlement, blocks("settlement"))
    (order,) = settlement.orders
    assert (settlement.kind, settlement.assigned_by, settlement.extra) == ("application", "7", {})
    assert (len(order.payments), [len(one.goods) for one in order.shipments]) == (1, [2])


def test_the_flat_variants_mean_the_same() -> None:
    one, *others = map(decode_settlement, blocks("flat"))
    assert len(others) == 2 and all(other == one for other in others)


@pytest.mark.parametrize(("written", "expected"), rows("what is not carried"))
def test_what_is_not_carried(written: str, expected: str) -> None:
    found = decode_settlement(written.encode())
    if not found.orders:
        assert expected == ("that there are none" if found.has_orders else "no orders")
        return
    (order,) = found.orders
    flags = {"payments": order.has_payments, "shipments": order.has_shipments, "goods": order.has_goods}
    assert expected == (", ".join(name for name, has in flags.items() if has) or "the order alone")


def test_the_faults() -> None:
    (message,), (text,) = blocks("Faults", "json faults"), blocks("Faults", "text")
    with pytest.raises(BadInput) as caught:
        decode_settlement(message)
    assert str(caught.value) == text.decode().strip().replace(";\n", "; ")


@pytest.mark.parametrize("keys", [USER_KEYS, PRODUCT_KEYS, SECTION_KEYS, APPLICATION_KEYS])
def test_every_key_is_on_the_page(keys: frozenset[str]) -> None:
    same_variants = {f"{prefix}{name}" for prefix in ("UF_", "UF_CRM_", "RQ_") for name in ("KPP", "OGRN", "OGRNIP")}
    assert {key for key in keys if f"`{key}`" not in PAGE and f'"{key}"' not in PAGE} <= same_variants


def test_the_zone_is_of_the_mapping() -> None:
    raw = b'{"XML_ID": 1, "TIMESTAMP_X": "2024-01-31 12:00"}'
    version = Decoders("Asia/Omsk").user(raw).version
    assert version is not None and version.isoformat() == "2024-01-31T12:00:00+06:00"
