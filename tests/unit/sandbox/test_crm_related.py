"""Requisites, addresses, comments, dictionaries: one table of examples for each family, errors included."""

from typing import Any

import pytest

from tests.unit.sandbox.calling import Desk

REQUISITE = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 1, "PRESET_ID": 1, "NAME": "R"}


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.result("crm.company.add", {"fields": {"TITLE": "C"}})
    desk.result("crm.deal.add", {"fields": {"TITLE": "D"}})
    return desk


def test_requisites(desk: Desk) -> None:
    made = desk.result("crm.requisite.add", {"fields": {**REQUISITE, "RQ_INN": "7717586110", "XML_ID": "x", "NO": 1}})
    assert made == 1
    row = desk.result("crm.requisite.get", {"id": 1})
    assert (row["ENTITY_TYPE_ID"], row["RQ_INN"], row["SORT"], row["RQ_VAT_PAYER"]) == ("4", "7717586110", "500", "N")
    assert (row["DATE_MODIFY"], row["MODIFY_BY_ID"], row["RQ_KPP"]) == ("", None, None)
    assert desk.result("crm.requisite.add", {"fields": {**REQUISITE, "XML_ID": "x"}}) == 2, "external ids repeat"
    for conditions, ids in (({"RQ_INN": "7717586110"}, ["1"]), ({"XML_ID": "X"}, ["1", "2"]), ({"ENTITY_ID": 7}, [])):
        rows = desk.result("crm.requisite.list", {"filter": conditions, "select": ["ID"]})
        assert [item["ID"] for item in rows] == ids
    assert desk.result("crm.requisite.update", {"id": 1, "fields": {"RQ_KPP": "5", "ENTITY_ID": 9}}) is True
    row = desk.result("crm.requisite.get", {"id": 1})
    assert (row["RQ_KPP"], row["ENTITY_ID"], row["MODIFY_BY_ID"]) == ("5", "1", "1")
    assert desk.result("crm.requisite.delete", {"id": 1}) is True


def test_presets_bank_details_and_addresses(desk: Desk) -> None:
    presets = desk.result("crm.requisite.preset.list", {"select": ["ID", "NAME"]})
    assert presets[0] == {"ID": "1", "NAME": "Организация"}
    desk.result("crm.requisite.add", {"fields": REQUISITE})
    bank = {"ENTITY_ID": 1, "NAME": "B", "RQ_BIK": "044525225", "RQ_ACC_NUM": "408"}
    assert desk.result("crm.requisite.bankdetail.add", {"fields": bank}) == 1
    assert desk.result("crm.requisite.bankdetail.list", {"filter": {"RQ_ACC_NUM": "408"}})[0]["ENTITY_ID"] == "1"
    address = {"TYPE_ID": 1, "ENTITY_TYPE_ID": 8, "ENTITY_ID": 1, "CITY": "Тюмень"}
    for city in ("Тюмень", "Омск"):
        assert desk.result("crm.address.add", {"fields": {**address, "CITY": city}}) is True
    rows = desk.result("crm.address.list", {"filter": {"ENTITY_ID": 1}})
    assert [(row["CITY"], row["ANCHOR_TYPE_ID"], row["ANCHOR_ID"]) for row in rows] == [("Омск", "4", "1")]
    assert desk.result("crm.address.delete", {"fields": address}) is True
    assert "not found" in desk.error("crm.address.update", {"fields": address})[1]


def test_comments(desk: Desk) -> None:
    fields = {"ENTITY_ID": 1, "ENTITY_TYPE": "deal", "COMMENT": "Hi", "FILES": [["1.gif", "R0lG"], ["2.gif", "R0lG"]]}
    assert desk.result("crm.timeline.comment.add", {"fields": fields}) == 1
    row = desk.result("crm.timeline.comment.get", {"id": 1})
    assert (row["ID"], row["ENTITY_ID"], row["ENTITY_TYPE"], row["AUTHOR_ID"]) == ("1", "1", "deal", "1")
    assert [file["name"] for file in row["FILES"].values()] == ["1.gif", "2.gif"]
    assert desk.result("crm.timeline.comment.update", {"id": 1, "fields": {"COMMENT": "Ho"}}) == 1
    assert len(desk.result("crm.timeline.comment.get", {"id": 1})["FILES"]) == 2, "not sent: kept"
    desk.result("crm.timeline.comment.update", {"id": 1, "fields": {"FILES": [["3.gif", "R0lG"]]}})
    assert [file["name"] for file in desk.result("crm.timeline.comment.get", {"id": 1})["FILES"].values()] == ["3.gif"]
    other = {**fields, "ENTITY_TYPE": "company", "AUTHOR_ID": 3, "FILES": ""}
    desk.result("crm.timeline.comment.add", {"fields": other})
    where = {"filter": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal"}, "order": {"ID": "DESC", "COMMENT": "ASC"}}
    reply = desk.reply("crm.timeline.comment.list", where)
    assert ([item["ID"] for item in reply.result], reply.total) == (["1"], 1)
    assert desk.result("crm.timeline.comment.delete", {"id": 1}) is None
    assert desk.last is not None
    assert [change.event for change in desk.last.changes] == ["ONCRMTIMELINECOMMENTDELETE"]


def test_dictionaries(desk: Desk) -> None:
    stages = desk.reply("crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE"}, "order": {"SORT": "ASC"}})
    assert stages.total == 8
    first = stages.result[0]
    assert (first["STATUS_ID"], first["SORT"], first["SYSTEM"], first["SEMANTICS"]) == ("NEW", "10", "Y", None)
    assert first["EXTRA"] == {"SEMANTICS": "process", "COLOR": "#39A8EF"}
    assert len(desk.result("crm.status.list")) > 50, "dictionaries come whole"
    assert desk.result("crm.status.entity.items", {"entityId": "SOURCE"})[0]["STATUS_ID"] == "CALL"
    added = {"ENTITY_ID": "SOURCE", "STATUS_ID": "SITE", "NAME": "Site"}
    assert isinstance(desk.result("crm.status.add", {"fields": added}), int)
    assert "already exists" in desk.error("crm.status.add", {"fields": added})[1]


def test_pipelines(desk: Desk) -> None:
    made = desk.result("crm.category.add", {"entityTypeId": 2, "fields": {"name": "Second", "sort": 200}})["category"]
    assert made["isDefault"] == "N"
    number = made["id"]
    reply = desk.reply("crm.category.list", {"entityTypeId": 2})
    assert ([item["id"] for item in reply.result["categories"]], reply.total) == ([0, number], 2)
    assert desk.result("crm.dealcategory.list")[0] == {
        **desk.result("crm.dealcategory.list")[0],
        "ID": str(number),
        "NAME": "Second",
        "IS_LOCKED": "N",
    }
    assert desk.result("crm.dealcategory.status", {"id": number}) == f"DEAL_STAGE_{number}"
    assert desk.result("crm.dealcategory.stage.list", {"id": number})[0]["STATUS_ID"] == f"C{number}:NEW"
    deal = desk.result("crm.item.add", {"entityTypeId": 2, "fields": {"categoryId": number}})["item"]
    assert deal["stageId"] == f"C{number}:NEW"
    desk.result("crm.deal.update", {"id": deal["id"], "fields": {"CATEGORY_ID": 0}})
    assert desk.last is not None
    assert [change.event for change in desk.last.changes] == ["ONCRMDEALMOVETOCATEGORY"]
    assert desk.result("crm.deal.get", {"id": deal["id"]})["STAGE_ID"] == "NEW"
    assert desk.result("crm.category.delete", {"entityTypeId": 2, "id": number}) is None
    assert desk.result("crm.status.list", {"filter": {"ENTITY_ID": f"DEAL_STAGE_{number}"}}) == []


@pytest.mark.parametrize(
    ("method", "params", "code", "text"),
    [
        ("crm.requisite.add", {}, "", "Parameter 'fields' must be array."),
        ("crm.requisite.add", {"fields": {}}, "", "ENTITY_TYPE_ID is not defined or invalid."),
        ("crm.requisite.add", {"fields": {"ENTITY_TYPE_ID": 4}}, "", "ENTITY_ID is not defined or invalid."),
        ("crm.requisite.add", {"fields": {**REQUISITE, "ENTITY_TYPE_ID": 2}}, "", "ENTITY_TYPE_ID is not defined"),
        ("crm.requisite.add", {"fields": {**REQUISITE, "ENTITY_ID": 99}}, "", "Entity not found."),
        ("crm.requisite.add", {"fields": {**REQUISITE, "PRESET_ID": 99}}, "", "PRESET_ID is not defined or invalid."),
        ("crm.requisite.get", {"id": 99}, "", "The Requisite with ID '99' is not found"),
        ("crm.requisite.get", {"id": "x"}, "", "ID is not defined or invalid."),
        ("crm.requisite.bankdetail.add", {"fields": {"ENTITY_ID": 9, "NAME": "B"}}, "", "The Requisite with ID '9'"),
        ("crm.address.add", {"fields": {"TYPE_ID": 1}}, "", "ENTITY_TYPE_ID is not defined or invalid."),
        ("crm.timeline.comment.add", {"FIELDS": {"COMMENT": "x"}}, 100, "Could not find value for parameter {fields}"),
        ("crm.timeline.comment.add", {"fields": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal"}}, 100, "{COMMENT}"),
        (
            "crm.timeline.comment.add",
            {"fields": {"ENTITY_ID": 9, "ENTITY_TYPE": "deal", "COMMENT": "x"}},
            "OWNER_NOT_FOUND",
            "",
        ),
        (
            "crm.timeline.comment.add",
            {"fields": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal", "COMMENT": " "}},
            "INVALID_ARG_VALUE",
            "",
        ),
        ("crm.timeline.comment.get", {"id": 9}, "NOT_FOUND", "Not found."),
        ("crm.timeline.comment.list", {"filter": {"ENTITY_ID": 1}}, 100, "ENTITY_TYPE"),
        ("crm.category.get", {"entityTypeId": 2, "id": 77}, "NOT_FOUND", "Category"),
        ("crm.category.list", {"entityTypeId": 999}, "NOT_FOUND", "Smart process not found"),
        ("crm.category.delete", {"entityTypeId": 2, "id": 0}, "REMOVING_DISABLED", ""),
        ("crm.dealcategory.get", {"id": 77}, "", "Not found"),
    ],
)
def test_errors(desk: Desk, method: str, params: Any, code: Any, text: str) -> None:
    found_code, found_text = desk.error(method, params)
    assert (found_code, text in found_text) == (code, True), found_text


def test_bindings(desk: Desk) -> None:
    for name in ("A", "B"):
        desk.result("crm.contact.add", {"fields": {"NAME": name}})
    items = [{"CONTACT_ID": 1, "SORT": 20}, {"CONTACT_ID": 2, "SORT": 10, "IS_PRIMARY": "Y"}]
    for _ in range(2):
        assert desk.result("crm.deal.contact.items.set", {"id": 1, "items": items}) is True
        assert desk.result("crm.deal.contact.items.get", {"id": 1}) == [
            {"CONTACT_ID": 2, "SORT": 10, "ROLE_ID": 0, "IS_PRIMARY": "Y"},
            {"CONTACT_ID": 1, "SORT": 20, "ROLE_ID": 0, "IS_PRIMARY": "N"},
        ]
    assert desk.result("crm.deal.get", {"id": 1})["CONTACT_ID"] == "2"
    desk.result("crm.contact.company.add", {"id": 1, "fields": {"COMPANY_ID": 1}})
    assert desk.result("crm.contact.get", {"id": 1})["COMPANY_ID"] == "1"
    assert [row["CONTACT_ID"] for row in desk.result("crm.company.contact.items.get", {"id": 1})] == [1]
    desk.result("crm.company.contact.add", {"id": 1, "fields": {"CONTACT_ID": 2}})
    desk.result("crm.contact.company.delete", {"id": 1, "fields": {"COMPANY_ID": 1}})
    assert [row["CONTACT_ID"] for row in desk.result("crm.company.contact.items.get", {"id": 1})] == [2]
    assert "must be array" in desk.error("crm.deal.contact.items.set", {"id": 1})[1]
    assert desk.error("crm.deal.contact.add", {"id": 1, "fields": {}})[0] == ""
