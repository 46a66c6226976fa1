"""How values are taken in and shown: strings for all scalars, null for what is empty."""

from datetime import timedelta, timezone
from typing import Any

import pytest

from sandbox.portal.entities import COMPANY, CONTACT, DEAL, ENTITIES
from sandbox.portal.fields import TYPES
from sandbox.portal.multifields import merge_multifield
from sandbox.portal.store import Table
from sandbox.portal.views import old_view

ZONE = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("kind", "given", "shown"),
    [
        ("integer", "42", "42"),
        ("integer", 12345678901234567, "12345678901234567"),
        ("integer", "12abc", "12"),
        ("integer", "", None),
        ("crm_company", 0, None),
        ("crm_company", "7", "7"),
        ("double", "100.5", "100.50"),
        ("double", 20, "20.00"),
        ("double", "", None),
        ("double", "abc", "0.00"),
        ("double", "12abc", "12.00"),
        ("double", None, None),
        ("double", [], None),
        ("string", 5, "5"),
        ("string", 5.5, "5.5"),
        ("string", 5.0, "5"),
        ("string", True, "1"),
        ("string", "", ""),
        ("string", None, None),
        ("string", ["x"], None),
        ("char", "Y", "Y"),
        ("char", True, "Y"),
        ("char", "maybe", "N"),
        ("date", "2024-08-30", "2024-08-30T03:00:00+03:00"),
        ("date", "30.08.2024", "2024-08-30T03:00:00+03:00"),
        ("date", "nonsense", None),
        ("datetime", "2024-08-30T10:00:00+00:00", "2024-08-30T13:00:00+03:00"),
        ("datetime", "2024-08-30 10:00:00", "2024-08-30T10:00:00+03:00"),
        ("datetime", "", None),
        ("custom", True, "1"),
        ("custom", ["a", 1], ["a", "1"]),
        ("custom", {"fileData": ["n", "b"]}, {"fileData": ["n", "b"]}),
    ],
)
def test_take_and_show(kind: str, given: Any, shown: Any) -> None:
    kept = TYPES[kind].take(given, ZONE)
    assert (None if kept is None else TYPES[kind].show(kept, ZONE)) == shown


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_descriptions_name_known_types(entity: Any) -> None:
    assert next(iter(entity.fields)) == "ID"
    assert {field.type for field in entity.fields.values()} <= set(TYPES)
    assert entity.fields["ORIGIN_ID"].indexed
    assert entity.fields["DATE_CREATE"].readonly


def test_address_fields_of_a_company_are_complete() -> None:
    assert {"ADDRESS", "ADDRESS_CITY", "REG_ADDRESS", "REG_ADDRESS_2", "REG_ADDRESS_CITY"} <= set(COMPANY.fields)


def test_custom_fields_are_always_known() -> None:
    assert DEAL.find("UF_CRM_ANY") is not None
    assert DEAL.find("PARENT_ID_1220") is not None
    assert DEAL.find("NO_SUCH") is None


def test_view_shows_empty_fields_as_null_and_hides_empty_multifields() -> None:
    row = {"ID": 3, "NAME": "Иван", "UF_CRM_X": "1", "PHONE": []}
    shown = old_view(Table(CONTACT), row, ZONE, multi=True)
    assert (shown["ID"], shown["NAME"], shown["LAST_NAME"], shown["UF_CRM_X"]) == ("3", "Иван", None, "1")
    assert "PHONE" not in shown
    assert old_view(Table(CONTACT), row, ZONE, ["ID", "NAME"], multi=False) == {"ID": "3", "NAME": "Иван"}
    assert old_view(Table(CONTACT), row, ZONE, ["ID", "UF_*"], multi=False) == {"ID": "3", "UF_CRM_X": "1"}


def test_multifield_writes() -> None:
    numbers = iter(range(1, 100))

    def merged(kept: list[dict[str, Any]], given: Any) -> list[tuple[int, str]]:
        values = merge_multifield("PHONE", kept, given, lambda: next(numbers))
        return [(item["ID"], item["VALUE"]) for item in values]

    first = merge_multifield("PHONE", [], [{"VALUE": "1"}, {"VALUE": ""}], lambda: next(numbers))
    assert first == [{"ID": 1, "VALUE_TYPE": "WORK", "VALUE": "1", "TYPE_ID": "PHONE"}]
    assert merged(first, [{"VALUE": "1"}]) == [(1, "1"), (2, "1")], "without an ID a repeat piles up"
    assert merged(first, [{"ID": "1", "VALUE": "2"}]) == [(1, "2")]
    assert merged(first, [{"ID": 1, "VALUE": ""}]) == []
    assert merged(first, [{"ID": 1, "DELETE": "Y"}]) == []
