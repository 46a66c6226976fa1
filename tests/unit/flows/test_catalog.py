"""Sections and products -> plans: tables of examples."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows import catalog_sections
from pipeline.flows.catalog_products import product as catalog_products
from pipeline.flows.codes import code_of, code_of_property, transliterated
from pipeline.flows.mapping import Mapping
from pipeline.portal.plan import FindStep, Key, Plan, ReconcileStep, UpsertStep, parse_plan
from tests.unit.flows.desk import DAY_MAPPING, PLAIN_MAPPING, SmallWorker, records_of, refused
from tests.unit.flows.samples import brand, product, section

BOLT = "bolt_m6"


def changed(mapping: Mapping = PLAIN_MAPPING, **values: Any) -> Mapping:
    catalog = mapping.catalogs["default"].model_copy(update=values)
    return mapping.model_copy(update={"catalogs": {"default": catalog}})


def plan_of(module: Any, body: Any, mapping: Mapping = PLAIN_MAPPING, **headers: str) -> Plan:
    (record,) = records_of(module.flow(mapping), body, headers)
    assert record.headers["source"] == module.NAME
    assert record.value is not None
    return parse_plan(record.value)


def product_plan(mapping: Mapping = PLAIN_MAPPING, **more: Any) -> Plan:
    return plan_of(catalog_products, product(**more), mapping)


def upsert(plan: Plan, name: str) -> UpsertStep:
    (step,) = (step for step in plan.steps if step.name == name)
    assert isinstance(step, UpsertStep)
    return step


def own(plan: Plan) -> dict[str, Any]:
    return upsert(plan, "product").fields


# -- sections


def test_a_section() -> None:
    plan = plan_of(catalog_sections, section("S-1", "Крепёж", 11, SORT=5), **{"amqp-timestamp": "1767225600"})
    (step,) = plan.steps
    assert isinstance(step, UpsertStep)
    assert (step.entity, step.key, step.alias, step.title) == ("section:23", Key(id="S-1"), Key(id="11"), "Крепёж")
    assert step.version == "2026-01-01T00:00:00+00:00"
    code = step.fields.pop("code")
    assert step.fields == {"name": "Крепёж", "active": "Y", "sort": 5, "iblockSectionId": 0}
    assert code.startswith("krepyezh_")
    assert plan.subject == "section:default:S-1"


@pytest.mark.parametrize(
    ("parent", "key", "by_alias"),
    [
        ({"IBLOCK_SECTION_ID": "11"}, "11", True),
        ({"SECTION_XML_ID": "S-1"}, "S-1", False),
        ({"SECTION_XML_ID": "S-1", "IBLOCK_SECTION_ID": 11}, "S-1", False),
    ],
)
def test_a_section_waits_for_its_parent(parent: dict[str, Any], key: str, by_alias: bool) -> None:
    find, step = plan_of(catalog_sections, {"XML_ID": "S-2", "NAME": "Болты", **parent}).steps
    assert isinstance(find, FindStep) and isinstance(step, UpsertStep)
    assert (find.keys, find.by_alias, find.wait, find.watch) == ((Key(id=key),), by_alias, 20.0, True)
    assert step.fields["iblockSectionId"] == {"$if": "parent.found.0", "then": {"$ref": "parent.found.0.id"}, "else": 0}


def test_a_section_is_not_its_own_parent() -> None:
    for body in ({"SECTION_XML_ID": "S-1"}, {"ID": 11, "IBLOCK_SECTION_ID": 11}):
        text = refused(catalog_sections.flow(PLAIN_MAPPING), {"XML_ID": "S-1", "NAME": "A", **body})
        assert "is its own parent" in text


def test_another_catalogue() -> None:
    catalogs = {**PLAIN_MAPPING.catalogs, "vigro": PLAIN_MAPPING.catalogs["default"].model_copy(update={"iblock": 99})}
    mapping = PLAIN_MAPPING.model_copy(update={"catalogs": catalogs})
    step = plan_of(catalog_sections, section("S-1", "A", 1), mapping, catalog="vigro").steps[0]
    assert isinstance(step, UpsertStep) and step.entity == "section:99"
    text = refused(catalog_sections.flow(mapping), section("S-1", "A", 1), {"catalog": "none"})
    assert text == "header catalog: 'none' is no catalogue: [catalogs] of mapping.toml knows default, vigro"


# -- products


def test_a_product() -> None:
    plan = product_plan(PREVIEW_TEXT="кратко", DETAIL_TEXT="<b>x</b>", DETAIL_TEXT_TYPE="html", ACTIVE="N")
    (step,) = plan.steps
    assert isinstance(step, UpsertStep)
    assert (step.entity, step.key, step.title, step.once) == ("product:23", Key(id="P-1"), "Болт М6", False)
    assert step.fields.pop("code").startswith(f"{BOLT}_")
    assert step.fields == {
        "name": "Болт М6", "active": "N", "previewText": "кратко", "previewTextType": "text",
        "detailText": "<b>x</b>", "detailTextType": "html",
    }  # fmt: skip


def test_properties_and_list_values_are_made_on_demand() -> None:
    values = [{"XML_ID": "r", "VALUE": "Красный"}, {"XML_ID": 7, "VALUE": "Синий"}]
    color = {"COLOR": {"NAME": "Цвет", "PROPERTY_TYPE": "L", "MULTIPLE": "Y", "VALUE": values}}
    plan = product_plan(PROPERTY_VALUES={**brand("B-1", "Альфа"), **color})
    first = upsert(plan, "property1")
    assert (first.entity, first.key, first.once) == ("property:23", Key(id="BRAND"), True)
    assert {name: first.fields[name] for name in ("name", "propertyType", "multiple")} == {
        "name": "Бренд", "propertyType": "L", "multiple": "N",
    }  # fmt: skip
    value = upsert(plan, "value2")
    assert (value.entity, value.key, value.once) == ("enum:23", Key(id="B-1", originator="BRAND"), True)
    assert (value.fields, value.within) == ({"value": "Альфа"}, {"propertyId": {"$ref": "property1.id"}})
    assert own(plan)["property${property1.id}"] == {"value": {"$ref": "value2.id"}}
    assert own(plan)["property${property3.id}"] == [{"value": {"$ref": f"value{n}.id"}} for n in (4, 5)]


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"PROPERTY_TYPE": "S", "VALUE": "x"}, {"value": "x"}),
        ({"PROPERTY_TYPE": "S", "VALUE": ""}, {"value": ""}),
        ({"PROPERTY_TYPE": "S", "VALUE": ["x", "y"], "MULTIPLE": "Y"}, [{"value": "x"}, {"value": "y"}]),
        ({"PROPERTY_TYPE": "S", "VALUE": [], "MULTIPLE": "Y"}, {"value": ""}),
        ({"PROPERTY_TYPE": "N", "VALUE": "1 500,50"}, {"value": "1500.5"}),
        ({"PROPERTY_TYPE": "N", "VALUE": ""}, {"value": ""}),
        ({"PROPERTY_TYPE": "E", "VALUE": "5"}, None),
        ({"PROPERTY_TYPE": "F", "VALUE": "5"}, None),
        ({"PROPERTY_TYPE": "G", "VALUE": "5"}, None),
    ],
)
def test_values_of_properties(given: dict[str, Any], value: Any) -> None:
    plan = product_plan(PROPERTY_VALUES={"X": {"NAME": "X", "CODE": "X", **given}})
    assert own(plan).get("property${property1.id}") == value


def test_existing_properties_only() -> None:
    plan = product_plan(changed(properties="existing"), PROPERTY_VALUES=brand("B-1", "Альфа"))
    assert [step.do for step in plan.steps] == ["find", "find", "upsert"]
    assert own(plan)["property${property1.found.0.id}"] == {
        "$if": "property1.found.0.id",
        "then": {"value": {"$if": "value2.found.0", "then": {"$ref": "value2.found.0.id"}, "else": ""}},
        "else": {"$omit": True},
    }
    assert len(product_plan(changed(properties="none"), PROPERTY_VALUES=brand("B-1", "A")).steps) == 1
    assert len(product_plan(changed(ignore_properties=["brand"]), PROPERTY_VALUES=brand("B-1", "A")).steps) == 1


def test_pictures_by_reference() -> None:
    body = {"PREVIEW_PICTURE": "https://site.example/a.png", "DETAIL_PICTURE": {"SRC": "/upload/b.png"}}
    plan = product_plan(changed(pictures=True), **body)
    assert [upsert(plan, f"property{n}").key.id for n in (1, 2)] == ["PREVIEW_PICTURE_URL", "DETAIL_PICTURE_URL"]
    assert own(plan)["property${property2.id}"] == {"value": "/upload/b.png"}
    assert len(product_plan(**body).steps) == 1


def test_a_collection_is_an_element_that_is_linked() -> None:
    values = {"COLLECTION": {"NAME": "Коллекция", "PROPERTY_TYPE": "S", "VALUE": "Север"}}
    plan = plan_of(catalog_products, product(PROPERTY_VALUES=values), DAY_MAPPING)
    element = upsert(plan, "collection")
    assert (element.entity, element.key, element.once) == ("product:26", Key(id="Север"), True)
    link = upsert(plan, "property2")
    assert (link.key.id, link.fields["propertyType"], link.fields["linkIblockId"]) == ("COLLECTION_ELEMENT_ID", "E", 26)
    assert own(plan)["property${property2.id}"] == {"value": {"$ref": "collection.id"}}
    plain = plan_of(catalog_products, product(), DAY_MAPPING)
    assert upsert(plain, "collection").key.id == "Вне серии"


@pytest.mark.parametrize(
    ("prices", "wanted"),
    [
        ([{"PRICE": {"PRICE": "", "CURRENCY": "RUB"}}, {"PRICE": {"PRICE": "10,50"}}], [(1, "10.5", "RUB")]),
        ({"BASE": 10, "WHOLESALE": {"PRICE": 8, "CURRENCY": "USD"}}, [(1, "10", "RUB"), (2, "8", "USD")]),
        ([], None),
    ],
)
def test_prices(prices: Any, wanted: Any) -> None:
    plan = product_plan(PRICES=prices)
    steps = [step for step in plan.steps if isinstance(step, ReconcileStep)]
    if wanted is None:
        assert steps == [], "a message without prices leaves those of the portal"
        return
    (step,) = steps
    assert [(one["catalogGroupId"], one["price"], one["currency"]) for one in step.wanted["prices"]] == wanted
    assert step.part is not None and (step.part.name, step.unless_new) == ("prices", "product")


def test_all_faults_of_a_product_are_listed() -> None:
    body = product(
        PRICES={"BASE": 1, "RETAIL": 2}, PROPERTY_VALUES={"W": {"NAME": "W", "PROPERTY_TYPE": "N", "VALUE": "ten"}}
    )
    text = refused(catalog_products.flow(PLAIN_MAPPING), body)
    assert "PROPERTY_VALUES.W.VALUE: 'ten' is no number" in text
    assert "type 'RETAIL' is in no dictionary: [catalogs.default.price_types] of mapping.toml knows BASE, WHOL" in text


def test_a_catalogue_that_is_only_searched() -> None:
    flow = catalog_products.flow(changed(portal=False))
    assert records_of(flow, product()) == []
    (outcome,) = records_of(flow, product(), {"run": "r", "item": "P-1"})
    assert outcome.topic == "outcomes" and outcome.value is not None and b'"done"' in outcome.value


# -- codes


def test_transliteration() -> None:
    assert transliterated("Щётка «Ёж», 10×20 мм") == "shchyetka_yezh_10_20_mm"
    assert len(transliterated("ш" * 300)) == 80


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_products_of_one_name_have_different_codes(name: str, one: str, other: str) -> None:
    codes = [code_of("name", name, xml_id, None) for xml_id in (one, other)]
    assert (codes[0] == codes[1]) == (one == other)
    assert codes[0] == code_of("name", name, one, "given"), "whatever comes first"


def test_other_rules_of_codes() -> None:
    assert [code_of(rule, "Болт", "P-1", "bolt") for rule in ("message", "xml_id", "none")] == ["bolt", "P-1", None]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "portal"),
    [
        ("BRAND", "BRAND"),
        ("Size_2", "Size_2"),
        ("_x", "_x"),
        ("1C_CODE", "P_1C_CODE_7D6E8F1A"),
        ("Цвет", "P_TSVET_00000000"),
        ("A-B", "P_A_B_00000000"),
        ("+", "P_00000000"),
        ("X" * 60, "P_" + "X" * 38 + "_00000000"),
    ],
)
def test_codes_that_a_portal_takes_for_properties(code: str, portal: str) -> None:
    made = code_of_property(code)
    assert made[:-8] == (portal[:-8] if made != code else made[:-8]) and (made == code) == (portal == code)
    assert re.fullmatch("[A-Za-z_][A-Za-z0-9_]{0,49}", made)


def test_a_property_with_another_code_is_written() -> None:
    worker = SmallWorker(PLAIN_MAPPING)
    values = {"1С-цвет": {"NAME": "Цвет", "PROPERTY_TYPE": "L", "VALUE": {"XML_ID": "red", "VALUE": "Красный"}}}
    worker.send("product", product(PROPERTY_VALUES=values))
    row = worker.one("catalog.productProperty.list", name="Цвет")
    assert row["code"] == code_of_property("1С-цвет")
    assert not worker.calls_of(lambda: worker.send("product", product(PROPERTY_VALUES=values)))
