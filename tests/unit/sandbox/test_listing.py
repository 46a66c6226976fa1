"""Filters, order, select and pages over a table of deals."""

from datetime import timedelta, timezone
from typing import Any

import pytest

from sandbox.portal.entities import CONTACT, DEAL
from sandbox.portal.errors import RestError
from sandbox.portal.fields import TYPES
from sandbox.portal.listing import Rules, columns, find
from sandbox.portal.listing.plan import make_plan
from sandbox.portal.store import Store, Table

ZONE = timezone(timedelta(hours=3))


def _deals(*rows: dict[str, Any]) -> Table:
    table = Table(DEAL)
    for given in rows:
        taken = {}
        for name, value in given.items():
            field = DEAL.find(name)
            assert field is not None
            taken[name] = TYPES[field.type].take(value, ZONE)
        table.insert(taken)
    return table


@pytest.fixture
def deals() -> Table:
    return _deals(
        {"TITLE": "Молоко", "OPPORTUNITY": "100.50", "STAGE_ID": "NEW", "ORIGIN_ID": "A-1", "UF_CRM_N": ["x", "y"]},
        {"TITLE": "хлеб", "OPPORTUNITY": 20, "STAGE_ID": "WON", "ORIGIN_ID": "a-2", "COMPANY_ID": 7},
        {"TITLE": "Сыр 100%", "OPPORTUNITY": 20, "STAGE_ID": "NEW", "BEGINDATE": "2024-08-30"},
        {"TITLE": None, "OPPORTUNITY": None, "STAGE_ID": "LOSE", "DATE_CREATE": "2024-08-30T10:00:00+03:00"},
    )


def _ids(table: Table, conditions: Any, order: Any = None, start: int = 0) -> list[int]:
    return [row["ID"] for row in find(table, conditions, order, start, ZONE).rows]


@pytest.mark.parametrize(
    ("conditions", "ids"),
    [
        ({}, [1, 2, 3, 4]),
        ([], [1, 2, 3, 4]),
        (None, [1, 2, 3, 4]),
        ({"ID": "2"}, [2]),
        ({"ID": ["3", 1, 99]}, [1, 3]),
        ({"@ID": [4, 2]}, [2, 4]),
        ({"!ID": 2}, [1, 3, 4]),
        ({"!@ID": [1, 2]}, [3, 4]),
        ({">ID": "2"}, [3, 4]),
        ({">=ID": 2, "<ID": 4}, [2, 3]),
        ({"<=ID": 2, "@ID": [1, 3]}, [1]),
        ({">ID": 10}, []),
        ({"STAGE_ID": "NEW"}, [1, 3]),
        ({"=STAGE_ID": ["NEW", "WON"]}, [1, 2, 3]),
        ({"!=STAGE_ID": "NEW"}, [2, 4]),
        ({"ORIGIN_ID": "a-1"}, [1]),
        ({"@ORIGIN_ID": ["A-1", "A-2"]}, [1, 2]),
        ({"ORIGIN_ID": "nothing"}, []),
        ({"ORIGIN_ID": ""}, [3, 4]),
        ({"!ORIGIN_ID": ""}, [1, 2]),
        ({"ORIGIN_ID": "A-1", "STAGE_ID": "WON"}, []),
        ({"OPPORTUNITY": "20.00"}, [2, 3]),
        ({">OPPORTUNITY": 20}, [1]),
        ({"<=OPPORTUNITY": 20}, [2, 3]),
        ({"COMPANY_ID": "7"}, [2]),
        ({"COMPANY_ID": ""}, [1, 3, 4]),
        ({"BEGINDATE": "2024-08-30"}, [3]),
        ({">=DATE_CREATE": "2024-08-30T07:00:00+00:00"}, [4]),
        ({">DATE_CREATE": "2024-08-30T07:00:00+00:00"}, []),
        ({"%TITLE": "ОЛО"}, [1]),
        ({"%TITLE": "100%"}, [3]),
        ({"=%TITLE": "мол%"}, [1]),
        ({"%=TITLE": "%еб"}, [2]),
        ({"=%TITLE": "мол"}, []),
        ({"!%TITLE": "о"}, [2, 3, 4]),
        ({"TITLE": "ХЛЕБ"}, [2]),
        ({"UF_CRM_N": "y"}, [1]),
        ({"!UF_CRM_N": "y"}, [2, 3, 4]),
        ({"%STAGE_ID": "nothing"}, [1, 2, 3, 4]),
        ({"id": "2", "NO_SUCH": 1}, [1, 2, 3, 4]),
    ],
)
def test_filter(deals: Table, conditions: Any, ids: list[int]) -> None:
    assert _ids(deals, conditions) == ids


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ({"ID": "DESC"}, [4, 3, 2, 1]),
        ({"OPPORTUNITY": "ASC"}, [4, 2, 3, 1]),
        ({"OPPORTUNITY": "desc", "ID": "DESC"}, [1, 3, 2, 4]),
        ({"TITLE": "ASC"}, [4, 1, 3, 2]),
        ({"NO_SUCH": "ASC"}, [1, 2, 3, 4]),
    ],
)
@pytest.mark.parametrize("start", [0, -1])
def test_order(deals: Table, order: Any, ids: list[int], start: int) -> None:
    assert _ids(deals, {}, order, start) == ids


@pytest.mark.parametrize("wrong", ["filter", "order"])
def test_a_scalar_is_refused(deals: Table, wrong: str) -> None:
    arguments = {"filter": {}, "order": {}, wrong: "ID"}
    with pytest.raises(RestError, match=f"Parameter '{wrong}' must be array"):
        find(deals, arguments["filter"], arguments["order"], 0, ZONE)


def test_pages() -> None:
    table = _deals(*({"TITLE": str(number)} for number in range(120)))
    first = find(table, {}, {}, 0, ZONE)
    assert (len(first.rows), first.total, first.next) == (50, 120, 50)
    last = find(table, {}, {}, 100, ZONE)
    assert (len(last.rows), last.total, last.next) == (20, 120, None)
    beyond = find(table, {}, {}, 150, ZONE)
    assert (len(beyond.rows), beyond.total, beyond.next) == (0, 120, None)
    # A start within a page means that page.
    assert find(table, {}, {}, 70, ZONE).rows[0]["ID"] == 51


def test_exactly_one_page_has_no_next() -> None:
    table = _deals(*({} for _ in range(50)))
    assert find(table, {}, {}, 0, ZONE).next is None


def test_a_cursor_reads_everything_without_counting() -> None:
    table = _deals(*({} for _ in range(120)))
    last, seen = 0, []
    while True:
        page = find(table, {">ID": last}, {"ID": "ASC"}, -1, ZONE)
        assert (page.total, page.next) == (0, None)
        seen += [row["ID"] for row in page.rows]
        if len(page.rows) < 50:
            break
        last = seen[-1]
    assert seen == list(range(1, 121))


def test_indexes_follow_changes(deals: Table) -> None:
    deals.update(1, {"ORIGIN_ID": "B"})
    assert _ids(deals, {"ORIGIN_ID": "A-1"}) == []
    assert _ids(deals, {"ORIGIN_ID": "b"}) == [1]
    deals.delete(1)
    assert _ids(deals, {"ORIGIN_ID": "b"}) == []
    assert _ids(deals, {}) == [2, 3, 4]


def test_the_same_external_id_twice_is_two_objects(deals: Table) -> None:
    deals.insert({"ORIGIN_ID": "A-1"})
    assert _ids(deals, {"ORIGIN_ID": "A-1"}) == [1, 5]


def test_contacts_are_found_by_exact_phone() -> None:
    table = Table(CONTACT)
    table.insert({"PHONE": [{"ID": 1, "VALUE": "+79", "VALUE_TYPE": "WORK", "TYPE_ID": "PHONE"}]})
    table.insert({})
    assert _ids(table, {"PHONE": "+79"}) == [1]
    assert _ids(table, {"PHONE": "7"}) == []


def test_select() -> None:
    table = Table(CONTACT)
    assert columns(table, None) is None
    assert columns(table, []) is None
    assert columns(table, ["NAME", "NO_SUCH", "PHONE"]) == ["ID", "NAME", "PHONE"]
    everything = columns(table, ["*", "UF_*"])
    assert everything is not None
    assert "PHONE" not in everything
    assert {"ID", "NAME", "UF_*"} <= set(everything)


def test_a_value_that_is_named_twice_counts_once(deals: Table) -> None:
    deals.insert({"ORIGIN_ID": "A-1"})
    for row_id in (3, 4):
        deals.delete(row_id)
    deals.insert({"ORIGIN_ID": "B"})
    assert _ids(deals, {"@ORIGIN_ID": ["A-1", "a-1"]}) == [1, 5]


MANY = 20_000


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    """Objects of every kind that is looked up by something, so many that a scan would be noticed."""
    store = Store()
    for number in range(MANY):
        phone = [{"ID": number, "VALUE": f"+7900{number:07d}", "VALUE_TYPE": "WORK", "TYPE_ID": "PHONE"}]
        store.tables["deal"].insert({"ORIGIN_ID": f"O-{number}", "CONTACT_IDS": [number], "COMPANY_ID": number})
        store.tables["contact"].insert({"ORIGIN_ID": f"O-{number}", "PHONE": phone})
        store.tables["invoice"].insert({"XML_ID": f"X-{number}"})
        store.tables["requisite"].insert({"XML_ID": f"X-{number}", "RQ_INN": str(number), "ENTITY_ID": number})
        store.tables["product"].insert({"xmlId": f"X-{number}", "iblockId": 23})
        store.tables["order"].insert({"xmlId": f"X-{number}"})
        store.tables["product_row"].insert({"OWNER_ID": number, "OWNER_TYPE": "D"})
    return store.tables


@pytest.mark.parametrize(
    ("name", "conditions", "looked_at"),
    [
        ("deal", {"ORIGIN_ID": "o-7"}, 1),
        ("deal", {"ORIGINATOR_ID": "1C", "=ORIGIN_ID": "O-7"}, 1),
        ("deal", {"@ORIGIN_ID": [f"O-{number}" for number in range(50)]}, 50),
        ("deal", {"COMPANY_ID": "7", "%TITLE": "x"}, 1),
        ("deal", {"CONTACT_IDS": 7}, 1),
        ("deal", {"@ID": [1, 2, 3], "STAGE_ID": "NEW"}, 3),
        ("deal", {">ID": MANY - 60, "STAGE_ID": "NEW"}, 60),
        ("deal", {">ID": 100, "<=ID": 110, "STAGE_ID": "NEW"}, 10),
        ("deal", {"logic": "OR", "0": {"ORIGIN_ID": "O-1"}, "1": {"COMPANY_ID": 9}}, 2),
        ("deal", {"0": {"logic": "OR", "0": {"ORIGIN_ID": "O-1"}, "1": {"ID": 9}}, "STAGE_ID": "NEW"}, 2),
        ("contact", {"PHONE": "+79000000007"}, 1),
        ("invoice", {"XML_ID": "x-7"}, 1),
        ("requisite", {"RQ_INN": "7"}, 1),
        ("requisite", {"XML_ID": "X-7", "ENTITY_ID": 7}, 1),
        ("product", {"iblockId": 23, "xmlId": ["X-1", "X-2"]}, 2),
        ("order", {"xmlId": "X-7"}, 1),
        ("product_row", {"=OWNER_ID": 7, "=OWNER_TYPE": "D"}, 1),
        ("product", {"iblockId": 23, ">id": MANY - 5}, 5),
        ("deal", {"STAGE_ID": "NEW"}, MANY),
    ],
)
def test_look_ups_do_not_scan(tables: dict[str, Table], name: str, conditions: Any, looked_at: int) -> None:
    plan = make_plan(tables[name], conditions, Rules(logic=True), ZONE)
    assert sum(1 for _ in plan.candidates()) == looked_at


@pytest.mark.parametrize(("order", "first"), [({"ID": "ASC"}, 10_001), ({"ID": "DESC"}, MANY), ({}, 10_001)])
def test_a_cursor_looks_at_its_page_alone(tables: dict[str, Table], order: Any, first: int) -> None:
    table = tables["deal"]
    seen: list[int] = []

    class Watched(dict[int, Any]):
        def __getitem__(self, key: int) -> Any:
            seen.append(key)
            return super().__getitem__(key)

    rows = table.rows
    table.rows = Watched(rows)
    try:
        for start, total in ((-1, 0), (0, MANY - 10_000)):
            seen.clear()
            page = find(table, {">ID": 10_000}, order, start, ZONE)
            assert (page.rows[0]["ID"], len(page.rows), page.total) == (first, 50, total)
            assert len(seen) == 50
    finally:
        table.rows = rows
