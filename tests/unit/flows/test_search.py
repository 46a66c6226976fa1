"""Products -> documents of the search index, as a table of examples."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import BadInput
from pipeline.delivery.flow import Event
from pipeline.delivery.records import Record
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.flows.search import aliases, flow
from pipeline.search.documents import read_document
from pipeline.topology import EVENTS_PRODUCT, OUTCOMES, SEARCH_DOCUMENTS

MAPPING = Mapping(
    catalogs={
        "default": CatalogMapping(iblock=1, price_types={"BASE": 1, "WHOLESALE": 2}),
        "flagged": CatalogMapping(iblock=2, index="vigro", deactivated="flag", index_fields={"brand": "MAKER"}),
        "hidden": CatalogMapping(iblock=3, index=""),
    }
)


def prop(code: str, value: Any, kind: str = "S") -> dict[str, Any]:
    return {"NAME": code.title(), "CODE": code, "PROPERTY_TYPE": kind, "VALUE": value}


PRODUCT: dict[str, Any] = {
    "ID": "17",
    "XML_ID": "a-1",
    "NAME": "Болт М8",
    "PREVIEW_TEXT": "кратко",
    "DETAIL_TEXT": "<p>всё</p>",
    "DETAIL_TEXT_TYPE": "html",
    "SECTION_XML_ID": "s-1",
    "DATE_UPDATE": "2026-03-01T12:00:00+00:00",
    "PRICES": {"WHOLESALE": "9.50", "BASE": {"PRICE": "12.30", "CURRENCY": "RUB"}},
    "PROPERTY_VALUES": {
        "BRAND": prop("BRAND", {"XML_ID": "b-1", "VALUE": "Maxonor"}, "L"),
        "SNTINVEST_ARTICUL": prop("SNTINVEST_ARTICUL", "SI-001"),
        "FAC_ARTICUL": prop("FAC_ARTICUL", "0001-1/A"),
        "SIZES": {**prop("SIZES", ["M8", "M10"]), "MULTIPLE": "Y"},
        "EMPTY": prop("EMPTY", ""),
    },
}


def run(product: dict[str, Any], **headers: str) -> list[Record]:
    rule = flow(MAPPING)
    raw = orjson.dumps(product)
    event = Event(EVENTS_PRODUCT, 0, 7, b"a-1", headers, raw, rule.decode(raw), 1_000.0)
    return list(rule.handler(event) or ())  # type: ignore[arg-type]


def content(product: dict[str, Any], **headers: str) -> dict[str, Any]:
    (record,) = run(product, **headers)
    found: dict[str, Any] = orjson.loads(record.value or b"")
    return found


def test_the_fields_that_the_original_reader_asks_for() -> None:
    found = content(PRODUCT)
    assert {name: found[name] for name in ("name", "preview", "detail", "brand", "xml_id")} == {
        "name": "Болт М8",
        "preview": "кратко",
        "detail": "<p>всё</p>",
        "brand": "Maxonor",
        "xml_id": "a-1",
    }
    assert (found["sntinvest_articul"], found["fac_articul"]) == ("SI-001", "0001-1/A")


def test_what_is_more() -> None:
    found = content(PRODUCT)
    assert (found["price"], found["currency"]) == (12.3, "RUB")
    assert {(price["type"], price["amount"]) for price in found["prices"]} == {("BASE", 12.3), ("WHOLESALE", 9.5)}
    assert (found["section"], found["site_id"], found["brand_xml_id"]) == ("s-1", "17", "b-1")
    assert found["properties"]["SIZES"] == ["M8", "M10"] and "EMPTY" not in found["properties"]
    assert "M10" in found["properties_text"]
    assert found["suggest"] == ["Болт М8", "SI-001", "0001-1/A"]
    assert (found["active"], found["removed"], found["catalog"]) == (True, False, "default")


@pytest.mark.parametrize("path", [["Крепёж", "Болты"], "Крепёж / Болты/"])
def test_the_path_of_the_section_is_kept_where_the_message_has_it(path: Any) -> None:
    assert content(PRODUCT | {"SECTION_PATH": path})["section_path"] == ["Крепёж", "Болты"]


def test_a_document_without_anything_has_no_empty_fields() -> None:
    assert content({"XML_ID": "a-1", "NAME": "Болт"}) == {
        "xml_id": "a-1", "catalog": "default", "name": "Болт", "suggest": ["Болт"], "active": True, "removed": False
    }  # fmt: skip


def test_the_record_names_index_id_and_version() -> None:
    (record,) = run(PRODUCT, **{"amqp-timestamp": "5"})
    assert (record.topic, record.key) == (SEARCH_DOCUMENTS, b"a-1")
    event = Event(record.topic, 0, 0, record.key, dict(record.headers), record.value or b"", None, 0.0)
    document = read_document(event)
    assert (document.index, document.id, document.version) == ("catalog", "a-1", 1_772_366_400_000 << 20 | 7)


@pytest.mark.parametrize(("headers", "seconds"), [({"amqp-timestamp": "5"}, 5), ({}, 1_000)])
def test_without_a_time_of_its_own_a_product_is_as_new_as_its_message(headers: dict[str, str], seconds: int) -> None:
    (record,) = run({"XML_ID": "a-1", "NAME": "Болт"}, **headers)
    assert int(record.headers["version"]) == seconds * 1000 << 20 | 7


def test_codes_of_properties_are_the_same_in_any_case() -> None:
    assert (
        content({"XML_ID": "a", "NAME": "Болт", "PROPERTY_VALUES": {"Brand": prop("Brand", "VIGRO")}})["brand"]
        == "VIGRO"
    )


def test_a_removed_product_is_a_tombstone() -> None:
    assert content(PRODUCT | {"ACTIVE": "N"}) == {
        "xml_id": "a-1", "catalog": "default", "active": False, "removed": True
    }  # fmt: skip


def test_a_flagged_product_stays_visible() -> None:
    found = content(PRODUCT | {"ACTIVE": "N"}, catalog="flagged")
    assert (found["name"], found["active"], found["removed"]) == ("Болт М8", False, False)


def test_catalogues_have_their_own_index_and_fields() -> None:
    (record,) = run(PRODUCT, catalog="flagged")
    assert record.headers["index"] == "vigro"
    assert "brand" not in content(PRODUCT, catalog="flagged")
    assert aliases(MAPPING) == {"catalog", "vigro"}


def test_a_catalogue_without_an_index_makes_no_document() -> None:
    assert run(PRODUCT, catalog="hidden") == []
    (told,) = run(PRODUCT, catalog="hidden", run="r1", item="a-1")
    assert told.topic == OUTCOMES
    assert orjson.loads(told.value or b"")["status"] == "done"


def test_the_run_goes_along() -> None:
    (record,) = run(PRODUCT, run="r1", item="A", force="1")
    assert {name: record.headers.get(name) for name in ("run", "item", "force")} == {
        "run": "r1", "item": "A", "force": None
    }  # fmt: skip


def test_an_unknown_catalogue_is_bad_input_that_names_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"'other'.*default, flagged, hidden"):
        run(PRODUCT, catalog="other")


def test_characters_that_suggestions_cannot_hold_are_left_out_of_them() -> None:
    assert content({"XML_ID": "a-1", "NAME": "Болт\x1f\tМ8"})["suggest"] == ["Болт М8"]
