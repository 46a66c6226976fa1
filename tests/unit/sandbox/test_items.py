"""`crm.item.*`: the same objects as the old methods, in another view; strict filters; fm; import."""

from typing import Any

import pytest

from tests.unit.sandbox.calling import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def item(desk: Desk, type_id: int, fields: Any, **more: Any) -> Any:
    return desk.result("crm.item.add", {"entityTypeId": type_id, "fields": fields, **more})["item"]


def listed(desk: Desk, type_id: int, **params: Any) -> list[int]:
    return [row["id"] for row in desk.result("crm.item.list", {"entityTypeId": type_id, **params})["items"]]


def test_an_old_deal_is_an_item(desk: Desk) -> None:
    fields = {"TITLE": "Deal", "OPPORTUNITY": "999.99", "ORIGIN_ID": "o-1", "CONTACT_IDS": [4, 5], "UF_CRM_1721": "x"}
    deal = desk.result("crm.deal.add", {"fields": fields})
    shown = desk.result("crm.item.get", {"entityTypeId": "2", "id": str(deal)})["item"]
    assert shown["id"] == deal
    assert (shown["title"], shown["opportunity"], shown["originId"]) == ("Deal", 999.99, "o-1")
    assert (shown["contactId"], shown["contactIds"], shown["entityTypeId"]) == (4, [4, 5], 2)
    assert shown["ufCrm_1721"] == "x"
    assert (shown["stageId"], shown["stageSemanticId"], shown["opened"], shown["dateCreateShort"]) == (
        "NEW",
        "P",
        "Y",
        None,
    )


def test_an_item_is_an_old_deal(desk: Desk) -> None:
    made = item(desk, 2, {"title": "T", "opportunity": 10000, "assignedById": 6, "parentId1220": 2, "ufCrm_17": [1]})
    assert made["opportunity"] == 10000
    assert isinstance(made["opportunity"], int)
    old = desk.result("crm.deal.get", {"id": made["id"]})
    assert (old["TITLE"], old["OPPORTUNITY"], old["ASSIGNED_BY_ID"]) == ("T", "10000.00", "6")
    assert (old["PARENT_ID_1220"], old["UF_CRM_17"]) == ("2", ["1"])


@pytest.mark.parametrize(
    ("type_id", "given", "old", "value"),
    [
        (1, {"stageId": "IN_PROCESS"}, "STATUS_ID", "IN_PROCESS"),
        (4, {"typeId": "PARTNER"}, "COMPANY_TYPE", "PARTNER"),
        (3, {"companyIds": [7, 8]}, "COMPANY_ID", "7"),
        (3, {"export": "n"}, "EXPORT", "N"),
        (2, {"isManualOpportunity": True}, "IS_MANUAL_OPPORTUNITY", "Y"),
        (2, {"isManualOpportunity": 1}, "IS_MANUAL_OPPORTUNITY", "N"),
        (2, {"begindate": "2024-06-18"}, "BEGINDATE", "2024-06-18T03:00:00+03:00"),
        (2, {"NO_SUCH": 1, "createdTime": "2020-01-01"}, "TITLE", "Deal #1"),
    ],
)
def test_universal_names(desk: Desk, type_id: int, given: Any, old: str, value: Any) -> None:
    made = item(desk, type_id, given)
    name = {1: "lead", 2: "deal", 3: "contact", 4: "company"}[type_id]
    assert desk.result(f"crm.{name}.get", {"id": made["id"]})[old] == value


def test_user_fields_have_two_names(desk: Desk) -> None:
    camel = item(desk, 2, {"ufCrm44_1721": "a", "ufCrmMyField": "b"})
    assert (camel["ufCrm44_1721"], camel["ufCrmMyField"]) == ("a", "b")
    own = item(desk, 2, {"UF_CRM_44_1721": "a", "UF_CRM_INN2": "c"}, useOriginalUfNames="Y")
    assert (own["UF_CRM_44_1721"], own["UF_CRM_INN2"]) == ("a", "c")
    assert desk.result("crm.deal.get", {"id": camel["id"]})["UF_CRM_MY_FIELD"] == "b"
    assert item(desk, 2, {"ufCrmInn2": "d"})["ufCrmInn2"] == "d"
    assert desk.result("crm.deal.list", {"filter": {"UF_CRM_INN2": "d"}})[0]["ID"] == "3"


@pytest.mark.parametrize(
    ("method", "params", "code", "text"),
    [
        ("crm.item.add", {}, 100, "Could not find value for parameter {entityTypeId}"),
        ("crm.item.add", {"entityTypeId": 2}, 100, "Could not find value for parameter {fields}"),
        ("crm.item.add", {"entityTypeId": "x", "fields": {}}, 100, "Invalid value {x} to match with parameter"),
        ("crm.item.add", {"entityTypeId": 2, "fields": "x"}, 100, "Should be value of type array"),
        ("crm.item.add", {"entityTypeId": 999, "fields": {}}, "NOT_FOUND", "Smart process not found"),
        ("crm.item.add", {"entityTypeId": 5, "fields": {}}, "ENTITY_TYPE_NOT_SUPPORTED", "not supported"),
        ("crm.item.add", {"entityTypeId": 14, "fields": {}}, "ENTITY_TYPE_NOT_SUPPORTED", "not supported"),
        ("crm.item.add", {"entityTypeId": 2, "fields": {"contactIds": "4"}}, 100, "but got `string` instead"),
        ("crm.item.add", {"entityTypeId": 2, "fields": {"observers": 4}}, 100, "but got `integer` instead"),
        ("crm.item.add", {"entityTypeId": 2, "fields": {"contacts": 4}}, 100, "Expected iterable value"),
        (
            "crm.item.add",
            {"entityTypeId": 2, "fields": {"stageId": "NO"}},
            "CRM_FIELD_ERROR_VALUE_NOT_VALID",
            '"stageId"',
        ),
        ("crm.item.add", {"entityTypeId": 2, "fields": {"begindate": "no"}}, "CRM_FIELD_ERROR_VALUE_NOT_VALID", "beg"),
        ("crm.item.add", {"entityTypeId": 4, "fields": {"logo": ["a.png", "aa"]}}, "FILE_NOT_FOUND", "File not found"),
        ("crm.item.get", {"entityTypeId": 2, "id": 99}, "NOT_FOUND", "Item not found"),
        ("crm.item.update", {"entityTypeId": 2, "id": 99, "fields": {}}, "NOT_FOUND", "Item not found"),
        ("crm.item.delete", {"entityTypeId": 2, "id": 99}, "NOT_FOUND", "Item not found"),
        ("crm.item.list", {"entityTypeId": 2, "filter": {"NO": 1}}, "INVALID_ARG_VALUE", "Invalid filter: field 'NO'"),
        ("crm.item.list", {"entityTypeId": 2, "order": {"NO": "ASC"}}, "INVALID_ARG_VALUE", "not allowed in order"),
        (
            "crm.item.list",
            {"entityTypeId": 2, "order": {"id": "up"}},
            "INVALID_ARG_VALUE",
            "But got 'up' for field 'id'",
        ),
        ("crm.item.list", {"entityTypeId": 2, "filter": {">id": [1]}}, "INVALID_ARG_VALUE", "has invalid value"),
        ("crm.item.list", {"entityTypeId": 4, "filter": {"fm": 1}}, 100, "fm"),
        (
            "crm.item.list",
            {"entityTypeId": 2, "filter": {"0": {"logic": "OR", "0": {"x": 1}}}},
            "INVALID_ARG_VALUE",
            "'x'",
        ),
    ],
)
def test_errors(desk: Desk, method: str, params: Any, code: Any, text: str) -> None:
    found_code, found_text = desk.error(method, params)
    assert (found_code, text in found_text) == (code, True), found_text


def test_primary_id_cannot_be_written(desk: Desk) -> None:
    made = item(desk, 2, {"id": 77})
    assert made["id"] == 1
    params = {"entityTypeId": 2, "id": 1, "fields": {"id": 5}}
    assert "Primary ID is not allowed" in desk.error("crm.item.update", params)[1]


def test_filters(desk: Desk) -> None:
    for title, opportunity, stage in (("Молоко", 5000, "NEW"), ("Хлеб", 20000, "WON"), ("Сыр", 7000, "NEW")):
        item(desk, 2, {"title": title, "opportunity": opportunity, "stageId": stage, "originId": title})
    assert listed(desk, 2) == [1, 2, 3]
    assert listed(desk, 2, filter={"@stageId": ["NEW"], ">=opportunity": 6000}) == [3]
    assert listed(desk, 2, filter={"=%title": "мол%"}) == [1]
    assert listed(desk, 2, filter={"!=%title": "мол%"}) == [2, 3]
    assert listed(desk, 2, filter={">ID": 1}, order={"ID": "DESC"}) == [3, 2]
    assert listed(desk, 2, filter={">id": 1}, start=-1) == [2, 3]
    either = {"0": {"logic": "OR", "0": {"originId": "Хлеб"}, "1": {"originId": "Сыр"}}}
    assert listed(desk, 2, filter=either) == [2, 3]
    assert listed(desk, 2, filter={**either, "stageId": "NEW"}) == [3]
    assert listed(desk, 2, filter={"logic": "OR", "0": {"title": "Сыр"}, "1": {"<=opportunity": 5000}}) == [1, 3]
    assert listed(desk, 2, filter={"0": {"logic": "OR", "0": {"id": 1}, "1": {"0": {"logic": "OR", "id": 2}}}}) == [
        1,
        2,
    ]


def test_select(desk: Desk) -> None:
    item(desk, 4, {"title": "C", "fm": [{"typeId": "PHONE", "valueType": "WORK", "value": "+7"}]})
    params = {"entityTypeId": 4, "select": ["title", "no", "fm", "contacts"]}
    assert desk.result("crm.item.list", params)["items"] == [{"id": 1, "title": "C"}]
    whole = desk.result("crm.item.list", {"entityTypeId": 4, "select": ["*"]})["items"][0]
    assert whole["fm"] == [{"id": 1, "typeId": "PHONE", "valueType": "WORK", "value": "+7"}]
    assert (whole["phone"], whole["phoneMobile"], whole["hasPhone"], whole["entityTypeId"]) == ("+7", None, "Y", 4)


def test_multifields_are_appended_changed_and_removed(desk: Desk) -> None:
    def update(fm: Any) -> list[tuple[int, str]]:
        params = {"entityTypeId": 3, "id": 1, "fields": {"fm": fm}}
        return [(value["id"], value["value"]) for value in desk.result("crm.item.update", params)["item"]["fm"]]

    phone = {"typeId": "PHONE", "valueType": "WORK", "value": "1"}
    item(desk, 3, {"name": "N", "fm": [phone]})
    assert update([phone]) == [(1, "1"), (2, "1")], "an array appends: a repeat makes a double"
    assert update({"2": {"value": "2"}}) == [(1, "1"), (2, "2")]
    assert update({"1": {"value": ""}, "n0": {"typeId": "EMAIL", "value": "a@b.c"}}) == [(2, "2"), (3, "a@b.c")]
    assert update({"77": {"typeId": "PHONE", "value": "3"}}) == [(2, "2"), (4, "3"), (3, "a@b.c")]
    assert update("5") == [(2, "2"), (4, "3"), (3, "a@b.c")], "a text is dropped"
    assert desk.error("crm.item.add", {"entityTypeId": 3, "fields": {"fm": [{"typeId": "EMAIL", "value": "no"}]}})[
        0
    ] == ("ERROR_CORE")


def test_an_update_without_changes_saves_nothing(desk: Desk) -> None:
    made = item(desk, 2, {"title": "T", "opportunity": 5, "contactIds": [3], "comments": None})
    desk.portal.store.tables["deal"].update(1, {"DATE_MODIFY": 1000})
    same = {"title": "T", "opportunity": "5.00", "contactIds": [3], "comments": "", "stageId": "NEW"}
    kept = desk.result("crm.item.update", {"entityTypeId": 2, "id": 1, "fields": same})["item"]
    assert kept["updatedTime"].startswith("1970-01-01")
    assert desk.last is not None
    assert desk.last.changes == []
    changed = desk.result("crm.item.update", {"entityTypeId": 2, "id": 1, "fields": {"title": "U"}})["item"]
    assert changed["updatedTime"] >= made["updatedTime"]
    assert [change.event for change in desk.last.changes] == ["ONCRMDEALUPDATE"]
    desk.portal.store.tables["deal"].update(1, {"DATE_MODIFY": 1000})
    desk.result("crm.deal.update", {"id": 1, "fields": {"TITLE": "U"}})
    assert not desk.result("crm.deal.get", {"id": 1})["DATE_MODIFY"].startswith("1970"), "the old method stamps anyway"


def test_stages(desk: Desk) -> None:
    item(desk, 2, {})
    won = desk.result("crm.item.update", {"entityTypeId": 2, "id": 1, "fields": {"stageId": "WON"}})["item"]
    assert (won["stageSemanticId"], won["closed"], won["previousStageId"]) == ("S", "Y", "NEW")
    back = desk.result("crm.deal.update", {"id": 1, "fields": {"STAGE_ID": "NEW"}})
    assert back is True
    assert desk.result("crm.deal.get", {"id": 1})["CLOSED"] == "N"
    invoice = item(desk, 31, {"title": "I"})
    assert (invoice["stageId"], invoice["categoryId"]) == ("DT31_1:N", 1)


def test_required_fields_are_checked_for_a_new_object_and_a_new_stage(desk: Desk) -> None:
    item(desk, 2, {})
    desk.portal.store.required[2] = {"COMPANY_ID"}
    assert desk.error("crm.item.add", {"entityTypeId": 2, "fields": {}})[0] == "CRM_FIELD_ERROR_REQUIRED"
    desk.result("crm.item.update", {"entityTypeId": 2, "id": 1, "fields": {"title": "x"}})
    moved = {"entityTypeId": 2, "id": 1, "fields": {"stageId": "WON"}}
    assert desk.error("crm.item.update", moved) == ("CRM_FIELD_ERROR_REQUIRED", 'The "companyId" field is required')
    moved["fields"]["companyId"] = 4
    assert desk.result("crm.item.update", moved)["item"]["stageId"] == "WON"


def test_import(desk: Desk) -> None:
    fields = {"title": "I", "createdTime": "2024-01-02T03:04:05+03:00", "createdBy": 3, "xmlId": "ignored"}
    assert desk.result("crm.item.import", {"entityTypeId": 2, "fields": fields}) == {"item": {"id": 1}}
    old = desk.result("crm.deal.get", {"id": 1})
    assert (old["DATE_CREATE"], old["CREATED_BY_ID"]) == ("2024-01-02T03:04:05+03:00", "3")
    older = {"entityTypeId": 2, "fields": {"createdTime": "2020-01-01T00:00:00+00:00"}}
    assert desk.error("crm.item.import", older)[0] == "CRM_FIELD_ERROR_VALUE_NOT_VALID"


def test_batch_import_has_an_outcome_for_each_item(desk: Desk) -> None:
    data = [{"title": "a"}, {"stageId": "NO"}, {"title": "c"}]
    items = desk.result("crm.item.batchImport", {"entityTypeId": 2, "data": data})["items"]
    assert items[0] == {"item": {"id": 1}}
    assert items[1]["error"] == "CRM_FIELD_ERROR_VALUE_NOT_VALID"
    assert items[2] == {"item": {"id": 2}}
    assert len(desk.result("crm.item.batchImport", {"entityTypeId": 2, "data": [{}] * 20})["items"]) == 20
    code, text = desk.error("crm.item.batchImport", {"entityTypeId": 2, "data": [{}] * 21})
    assert (code, text) == ("MAX_IMPORT_BATCH_SIZE_EXCEEDED", "You cannot import more than 20 items")


def test_fields(desk: Desk) -> None:
    fields = desk.result("crm.item.fields", {"entityTypeId": 1})["fields"]
    assert fields["stageId"]["upperName"] == "STATUS_ID"
    assert (fields["opened"]["type"], fields["id"]["isReadOnly"], fields["contactId"]["isDeprecated"]) == (
        "boolean",
        True,
        True,
    )
    assert {"fm", "contacts", "contactIds"} <= set(fields)
    assert "companies" in desk.result("crm.item.fields", {"entityTypeId": 3})["fields"]
    assert "phone" not in fields
    assert "isConvert" not in fields


def test_the_log_knows_what_was_written(desk: Desk) -> None:
    item(desk, 4, {"title": "C", "originatorId": "1C", "originId": "o-1"})
    assert desk.last is not None
    assert desk.last.touched == {"title": "C", "originatorId": "1C", "originId": "o-1", "ID": 1}


def test_a_companys_contacts_are_kept_with_the_contacts(desk: Desk) -> None:
    item(desk, 3, {"name": "A"})
    item(desk, 3, {"name": "B", "companyIds": [9]})
    company = item(desk, 4, {"title": "C", "contactIds": [1, 2]})
    assert company["contactIds"] == [1, 2]
    assert desk.result("crm.item.get", {"entityTypeId": 3, "id": 2})["item"]["companyIds"] == [9, 1]
    assert desk.result("crm.company.contact.items.get", {"id": 1})[0]["CONTACT_ID"] == 1
