"""Users and products: what is left out with a note, what is a fault, and that faults show no persons."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import BadInput
from pipeline.flows.messages import decode_product, decode_section, decode_user
from pipeline.flows.messages.faults import shown
from pipeline.flows.messages.model import Product, User


def user(**keys: Any) -> User:
    return decode_user(orjson.dumps({"XML_ID": "u", **keys}))


def product(**keys: Any) -> Product:
    return decode_product(orjson.dumps({"XML_ID": "p", "NAME": "x", **keys}))


def fault(**keys: Any) -> str:
    with pytest.raises(BadInput) as caught:
        product(**keys)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "no JSON: the body is empty"),
        (b"\xef\xbb\xbf \n", "no JSON: the body is empty"),
        ('{"XML_ID": "1", "NAME": "Болт"}'.encode("cp1251"), "no JSON: it is not UTF-8: byte 25 of 31 is 0xc1"),
        ('{"XML_ID": "1"}'.encode("utf-16"), "no JSON: it is not UTF-8: byte 0 of 32 is 0xff"),
        (b'{"XML_ID": "1"', "no JSON: unexpected end of data: line 1 column 15 (char 14)"),
    ],
)
def test_a_body_that_is_no_json(body: bytes, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        decode_product(body)
    assert str(caught.value) == text


def test_a_partial_event_carries_what_it_has() -> None:
    assert user() == User(xml_id="u")
    assert user(NAME="", PERSONAL_PHONE=None, UF_PHYSICAL_ADDRESS=False) == User(xml_id="u")


def test_addresses_of_mail() -> None:
    found = user(EMAIL=["A <a@x.ru>, b@x.ru;c@x.ru", "B@X.RU d@x.ru", "", "никакой", "@", "a@b"])
    assert found.emails == ("a@x.ru", "b@x.ru", "c@x.ru", "d@x.ru")
    assert [note.split(":")[0] for note in found.notes] == ["EMAIL"] * 3


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("INN", "7701234567", "7701234567"),
        ("UF_INN", 105000000, "0105000000"),
        ("RQ_INN", "105000000", None),
        ("INN", "0000000000", None),
        ("INN", "7701 2345 67", "7701234567"),
        ("KPP", 10101001, "010101001"),
        ("UF_KPP", "7701AB001", "7701AB001"),
        ("KPP", "нет", None),
        ("OGRN", "1027700132195", "1027700132195"),
        ("OGRNIP", 304500116000157, "304500116000157"),
        ("OGRN", 12, None),
    ],
)
def test_codes_of_the_requisite(key: str, value: Any, expected: str | None) -> None:
    found = user(**{key: value})
    kind = next(kind for kind in ("INN", "KPP", "OGRN") if kind in key)
    assert getattr(found, kind.lower()) == expected
    assert bool(found.notes) is (expected is None)


def test_the_later_version_counts() -> None:
    version = user(DATE_UPDATE="2024-01-02", TIMESTAMP_X="03.01.2024").version
    assert version is not None and version.day == 3


def test_unknown_keys_are_kept() -> None:
    assert user(UF_OTHER={"a": [1]}).extra == {"UF_OTHER": {"a": [1]}}


def test_faults_show_no_persons() -> None:
    assert shown("звонить +7 (999) 123-45-67 или ivan@mail.ru") == "'звонить *** или ***@***'"
    assert shown("89991234567") == "'***'" and shown("1234567890123456") == "'1234567890123456'"
    assert len(shown("x" * 1000)) == 63 and shown({"a": 1}) == "an object"


def test_properties() -> None:
    found = product(
        PROPERTY_VALUES=[
            {"CODE": "COLOR", "PROPERTY_TYPE": "l", "MULTIPLE": "Y", "VALUE": ["a", "b"], "VALUE_XML_ID": ["1", "2"]},
            {"CODE": "SIZE", "NAME": "Размер", "VALUE": {"XML_ID": "s", "VALUE": "S"}},
        ]
    )
    color, size = found.properties
    assert (color.kind, color.multiple, [one.xml_id for one in color.values]) == ("L", True, ["1", "2"])
    assert (size.kind, size.name, found.property("size")) == ("L", "Размер", size)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"PROPERTY_VALUES": {"A": {"VALUE": {"x": {}}}}}, ""),
        ({"PROPERTY_VALUES": {"A": 1, "a": 2}}, "PROPERTY_VALUES.a: the code a is given twice with different content"),
        ({"PROPERTY_VALUES": "x"}, "PROPERTY_VALUES: 'x' is no object: expected properties by code"),
        ({"PROPERTY_VALUES": ["x"]}, "PROPERTY_VALUES[0]: 'x' is no property: expected an object with CODE"),
        (
            {"PROPERTY_VALUES": {"A": {"PROPERTY_TYPE": "Z", "VALUE": [[1]]}}},
            "PROPERTY_VALUES.A.VALUE[0]: a list is no text; "
            "PROPERTY_VALUES.A.PROPERTY_TYPE: 'Z' is no type: expected S, N, L, E, F or G",
        ),
        ({"PRICES": {"BASE": {"PRICE": "дорого"}}}, "PRICES.BASE.PRICE: 'дорого' is no number"),
        ({"PRICES": [-1]}, "PRICES[0]: -1 is below 0"),
        ({"PRICES": [{"A": 5}]}, "PRICES[0]: an object without PRICE is no price"),
        ({"PRICES": {"BASE": {"PRICE": {"A": 5}}}}, "PRICES.BASE.PRICE: an object without PRICE is no price"),
        (
            {"PRICES": {"PRICE": 5, "CURRENCY": "руб."}},
            "PRICES.CURRENCY: 'руб.' is no currency: expected three letters such as RUB",
        ),
        ({"XML_ID": 0}, "XML_ID: 0 is no id of an object"),
        (
            {"NAME": "y" * 1_000_001, "DETAIL_TEXT": "z\n" * 500_001},
            f"NAME: '{'y' * 60}…' is too long: expected at most 1000000 characters; "
            f"DETAIL_TEXT: '{'z ' * 30}…' is too long: expected at most 1000000 characters",
        ),
        ({"XML_ID": " 0"}, "XML_ID: ' 0' is no id of an object"),
        ({"ACTIVE": "?"}, "ACTIVE: '?' is neither yes nor no: expected Y or N"),
        ({"PREVIEW_TEXT_TYPE": "rtf"}, "PREVIEW_TEXT_TYPE: 'rtf' is no type of text: expected html or text"),
        (
            {"DETAIL_PICTURE": "data:image/png;base64,AA"},
            "DETAIL_PICTURE is no picture: expected an address (http, https) or a path of the site",
        ),
        ({"IBLOCK_SECTION": [1.5]}, "IBLOCK_SECTION[0]: 1.5 is no id: expected a text or a whole number"),
        ({"NAME": ""}, "NAME is missing: expected a text"),
    ],
)
def test_faults_of_products(keys: dict[str, Any], text: str) -> None:
    if text:
        assert fault(**keys) == text
    else:
        assert product(**keys).properties[0].values == ()


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("/upload/1.jpg", "/upload/1.jpg"),
        ({"SRC": "https://site.example/1.jpg", "ID": 5}, "https://site.example/1.jpg"),
        (["/1.jpg", "/2.jpg"], "/1.jpg"),
        ([{"SRC": "/1.jpg"}], "/1.jpg"),
    ],
)
def test_pictures(value: Any, url: str) -> None:
    found = product(PREVIEW_PICTURE=value).preview_picture
    assert found is not None and found.url == url


@pytest.mark.parametrize("value", [None, "", 17, "17", False, [], {}, {"ID": 17}])
def test_the_number_of_a_file_is_no_picture(value: Any) -> None:
    assert product(PREVIEW_PICTURE=value).preview_picture is None


@pytest.mark.parametrize(
    ("keys", "xml_id", "site_id"),
    [
        ({"IBLOCK_SECTION_ID": "15"}, None, "15"),
        ({"IBLOCK_SECTION": [15, 16]}, None, "15"),
        ({"IBLOCK_SECTION": [{"ID": 15, "XML_ID": "s"}]}, "s", "15"),
        ({"IBLOCK_SECTION_ID": 0, "SECTION_XML_ID": "s"}, "s", None),
    ],
)
def test_the_section_of_a_product(keys: dict[str, Any], xml_id: str | None, site_id: str | None) -> None:
    section = product(**keys).section
    assert section is not None and (section.xml_id, section.site_id) == (xml_id, site_id)


@pytest.mark.parametrize("value", [0, "0", "", None, False, []])
def test_the_root(value: Any) -> None:
    raw = orjson.dumps({"XML_ID": "s", "NAME": "x", "IBLOCK_SECTION_ID": value, "IBLOCK_SECTION": value})
    assert decode_section(raw).parent is None


def test_texts_lose_control_characters_and_keep_their_lines() -> None:
    found = product(NAME="Болт\u0000\r\n М8\t", PREVIEW_TEXT="a\u0007\nb ")
    assert (found.name, found.preview_text) == ("Болт  М8", "a\nb")
