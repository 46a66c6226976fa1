"""User fields with files and lists, smart processes, duplicates and merging."""

from typing import Any

import pytest

from tests.unit.sandbox.calling import Desk

FILE = ["a.txt", "YQ=="]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def declare(desk: Desk, kind: str, name: str, entity: str = "deal", **more: Any) -> Any:
    fields = {"USER_TYPE_ID": kind, "FIELD_NAME": name, **more}
    return desk.result(f"crm.{entity}.userfield.add", {"fields": fields})


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("MANAGER_NOTE", "UF_CRM_MANAGER_NOTE"),
        ("UF_NOTE", "UF_CRM_NOTE"),
        ("uf_crm_note", "UF_CRM_NOTE"),
        ("A" * 43, "UF_CRM_" + "A" * 43),
    ],
)
def test_names(desk: Desk, given: str, full: str) -> None:
    number = declare(desk, "string", given, LABEL="Note")
    row = desk.result("crm.deal.userfield.get", {"id": number})
    assert (row["FIELD_NAME"], row["ENTITY_ID"], row["EDIT_FORM_LABEL"]["en"]) == (full, "CRM_DEAL", "Note")
    assert desk.result("crm.deal.fields")[full]["isDynamic"] is True
    assert desk.result("crm.deal.userfield.list", {"filter": {"FIELD_NAME": full}})[0]["ID"] == str(number)
    assert desk.result("crm.deal.userfield.delete", {"id": number}) is True
    assert full not in desk.result("crm.deal.fields")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "The 'USER_TYPE_ID' field is not found."),
        ({"USER_TYPE_ID": "string"}, "The 'FIELD_NAME' field is not found."),
        ({"USER_TYPE_ID": "nothing", "FIELD_NAME": "A"}, "Invalid custom type specified"),
        ({"USER_TYPE_ID": "string", "FIELD_NAME": "A" * 44}, "Field name is too long (more than 50 characters)."),
        ({"USER_TYPE_ID": "string", "FIELD_NAME": "А-Б"}, "invalid characters"),
        ({"USER_TYPE_ID": "string", "FIELD_NAME": "TWICE"}, "already exists"),
        (
            {"USER_TYPE_ID": "enumeration", "FIELD_NAME": "L", "LIST": [{"VALUE": "a", "XML_ID": "x"}] * 2},
            "List item with value XML_ID='x' already exists",
        ),
    ],
)
def test_errors_of_user_fields(desk: Desk, fields: Any, text: str) -> None:
    declare(desk, "string", "TWICE")
    assert text in desk.error("crm.deal.userfield.add", {"fields": fields})[1]


def test_values_have_types(desk: Desk) -> None:
    for kind, name, value, old, typed in (
        ("integer", "I", "5", "5", 5),
        ("double", "D", "1111.10", "1111.10", 1111.1),
        ("boolean", "B", "Y", "1", "Y"),
        ("date", "DA", "2024-08-30", "2024-08-30T03:00:00+03:00", "2024-08-30T03:00:00+03:00"),
        ("money", "M", "300|RUB", "300|RUB", "300|RUB"),
        ("employee", "E", "6", "6", 6),
    ):
        declare(desk, kind, name)
        made = desk.result("crm.item.add", {"entityTypeId": 2, "fields": {f"ufCrm{name.title()}": value}})["item"]
        assert made[f"ufCrm{name.title()}"] == typed
        assert desk.result("crm.deal.get", {"id": made["id"]})[f"UF_CRM_{name}"] == old
    assert desk.result("crm.deal.list", {"filter": {"UF_CRM_B": "1"}, "select": ["ID"]}) == [{"ID": "3"}]


def test_multiple_fields_take_only_lists(desk: Desk) -> None:
    declare(desk, "string", "TAGS", MULTIPLE="Y")
    params = {"entityTypeId": 2, "fields": {"ufCrmTags": "one"}}
    code, text = desk.error("crm.item.add", params)
    assert (code, text) == (100, "Expected iterable value for multiple field, but got `string` instead")
    params["fields"] = {"ufCrmTags": ["a", "b"]}
    assert desk.result("crm.item.add", params)["item"]["ufCrmTags"] == ["a", "b"]
    assert desk.result("crm.deal.list", {"filter": {"UF_CRM_TAGS": "b"}})[0]["ID"] == "1"
    assert desk.result("crm.deal.get", {"id": desk.result("crm.deal.add", {"fields": {}})})["UF_CRM_TAGS"] is False


def test_lists_keep_the_ids_of_items(desk: Desk) -> None:
    number = declare(desk, "enumeration", "KIND", LIST=[{"VALUE": "a"}, {"VALUE": "b", "XML_ID": "B", "DEF": "Y"}])
    items = desk.result("crm.deal.userfield.get", {"id": number})["LIST"]
    assert [(item["VALUE"], item["DEF"]) for item in items] == [("a", "N"), ("b", "Y")]
    changed = [{"ID": items[0]["ID"], "DEL": "Y"}, {"ID": items[1]["ID"], "VALUE": "bb"}, {"VALUE": "c"}]
    assert desk.result("crm.deal.userfield.update", {"id": number, "fields": {"LIST": changed}}) is True
    after = desk.result("crm.deal.userfield.get", {"id": number})["LIST"]
    assert [(item["VALUE"], item["ID"] == items[1]["ID"]) for item in after] == [("bb", True), ("c", False)]


def test_files(desk: Desk) -> None:
    declare(desk, "file", "DOC")
    declare(desk, "file", "DOCS", MULTIPLE="Y")
    fields = {"UF_CRM_DOC": {"fileData": FILE}, "UF_CRM_DOCS": [{"fileData": FILE}, {"fileData": ["b.txt", "Yg=="]}]}
    deal = desk.result("crm.deal.add", {"fields": fields})

    def shown() -> tuple[Any, list[int]]:
        item = desk.result("crm.item.get", {"entityTypeId": 2, "id": deal})["item"]
        assert all(set(file) == {"id", "url", "urlMachine"} for file in item["ufCrmDocs"])
        return item["ufCrmDoc"], [file["id"] for file in item["ufCrmDocs"]]

    assert shown()[1] == [2, 3]
    old = desk.result("crm.deal.get", {"id": deal})
    assert (old["UF_CRM_DOC"]["id"], set(old["UF_CRM_DOC"])) == (1, {"id", "showUrl", "downloadUrl"})
    update = {"id": deal, "fields": {"UF_CRM_DOCS": [{"id": 3}, {"fileData": FILE}], "UF_CRM_DOC": ""}}
    desk.result("crm.deal.update", update)
    assert shown() == (None, [3, 4]), "what is not passed is gone"
    item = {"entityTypeId": 2, "id": deal, "fields": {"ufCrmDoc": FILE, "ufCrmDocs": [["c.txt", "Yw=="]]}}
    desk.result("crm.item.update", item)
    assert shown()[1] == [6]
    assert desk.portal.store.files[6].name == "c.txt"
    desk.result("crm.deal.update", {"id": deal, "fields": {"UF_CRM_DOCS": [{"id": 1}]}})
    assert shown()[1] == [], "only a field's own files can be kept"


def test_smart_processes(desk: Desk) -> None:
    made = desk.result("crm.type.add", {"fields": {"title": "Orders", "isClientEnabled": "Y"}})["type"]
    assert (made["entityTypeId"], made["isClientEnabled"], made["isStagesEnabled"]) == (1030, "Y", "N")
    item = desk.result("crm.item.add", {"entityTypeId": 1030, "fields": {"xmlId": "x-1", "companyId": 4}})["item"]
    assert (item["title"], item["xmlId"], item["companyId"]) == ("Orders #1", "x-1", 4)
    assert item["stageId"].startswith("DT1030_")
    desk.result("crm.item.add", {"entityTypeId": 1030, "fields": {"xmlId": "x-1"}})
    rows = desk.result("crm.item.list", {"entityTypeId": 1030, "filter": {"xmlId": "X-1"}, "select": ["id"]})["items"]
    assert rows == [{"id": 1}, {"id": 2}], "nothing makes xmlId unique"
    desk.result("crm.item.productrow.add", {"fields": {"ownerType": "T406", "ownerId": 1, "price": 5}})
    assert desk.result("crm.item.get", {"entityTypeId": 1030, "id": 1})["item"]["opportunity"] == 5
    types = desk.reply("crm.type.list")
    assert (types.result["types"][0]["title"], types.total) == ("Orders", 1)
    assert desk.result("crm.type.getByEntityTypeId", {"entityTypeId": 1030})["type"]["id"] == made["id"]
    assert desk.error("crm.type.delete", {"id": made["id"]})[0] == "TYPE_HAS_ITEMS"
    for number in (1, 2):
        assert desk.result("crm.item.delete", {"entityTypeId": 1030, "id": number}) == []
    assert desk.result("crm.type.delete", {"id": made["id"]}) == []
    assert desk.error("crm.item.list", {"entityTypeId": 1030})[0] == "NOT_FOUND"
    assert desk.error("crm.type.add", {"fields": {"title": "x", "entityTypeId": 1031}})[0] == "BAD_ENTITY_TYPE_ID"
    assert desk.error("crm.type.add", {"fields": {}})[0] == 100
    assert desk.result("crm.type.add", {"fields": {"title": "x", "entityTypeId": 128}})["type"]["entityTypeId"] == 128


def test_duplicates(desk: Desk) -> None:
    phone = [{"VALUE": "+7 (912) 345-67-89"}]
    desk.result("crm.company.add", {"fields": {"TITLE": "C", "PHONE": phone}})
    desk.result("crm.contact.add", {"fields": {"NAME": "N", "PHONE": phone, "EMAIL": [{"VALUE": "A@b.c"}]}})
    find = "crm.duplicate.findbycomm"
    for values, found in (
        ({"type": "PHONE", "values": ["89123456789"]}, {"CONTACT": [1], "COMPANY": [1]}),
        ({"type": "PHONE", "values": ["89123456789"], "entity_type": "COMPANY"}, {"COMPANY": [1]}),
        ({"type": "EMAIL", "values": ["a@B.c"]}, {"CONTACT": [1]}),
        ({"type": "EMAIL", "values": ["no@b.c"]}, []),
        ({"type": "EMAIL", "values": [*["no@b.c"] * 20, "a@b.c"]}, []),
    ):
        assert desk.result(find, values) == found
    assert desk.error(find, {"values": ["1"]}) == ("Communication type is not defined", "Parameter 'type' is required.")
    assert "'WEB' is not supported" in desk.error(find, {"type": "WEB", "values": ["1"]})[1]
    assert desk.error(find, {"type": "PHONE"})[0] == "Communication values is not defined"


def test_merging(desk: Desk) -> None:
    for name, fields in (("A", {"ORIGIN_ID": "1"}), ("B", {"COMMENTS": "b", "PHONE": [{"VALUE": "1"}]}), ("C", {})):
        desk.result("crm.company.add", {"fields": {"TITLE": name, **fields}})
    desk.result("crm.company.add", {"fields": {"TITLE": "D", "ORIGIN_ID": "2"}})
    merge = "crm.entity.mergeBatch"
    params = {"params": {"entityTypeId": 4, "entityIds": [1, 2, 3]}}
    assert desk.result(merge, params) == {"STATUS": "SUCCESS", "ENTITY_IDS": [2, 3]}
    company = desk.result("crm.company.get", {"id": 1})
    assert (company["TITLE"], company["COMMENTS"], company["PHONE"][0]["VALUE"]) == ("A", "b", "1")
    params["params"]["entityIds"] = [1, 4]
    assert desk.result(merge, params)["STATUS"] == "CONFLICT"
    for ids, text in (([1], "at least two"), ([], "valid elements"), ([1, 77], "Owner was not found")):
        params["params"]["entityIds"] = ids
        assert text in desk.error(merge, params)[1]
    assert desk.error(merge, {"params": {}}) == (0, "The parameter entityTypeId is required.")
