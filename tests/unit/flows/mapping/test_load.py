"""Reading mapping.toml: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.flows.mapping import MappingError, load
from pipeline.flows.mapping.load import loads
from pipeline.flows.mapping.page import BEGIN, END, page

ROOT = Path(__file__).parents[4]
LEAST = "[catalogs.default]\niblock = 23\n"


def faults(text: str, *, least: str = LEAST) -> list[str]:
    with pytest.raises(MappingError) as caught:
        loads(f"{least}{text}")
    assert all(line.startswith("mapping.toml: ") for line in str(caught.value).splitlines())
    return [str(fault) for fault in caught.value.faults]


def test_the_example_is_valid() -> None:
    mapping = load(ROOT / "mapping.example.toml")
    collection = mapping.catalogs["default"].collection
    assert (mapping.order.properties, mapping.order.person_type, mapping.payment.system) == ({"CACHBACK": 40}, 3, 1)
    assert (mapping.catalogs["default"].price_type, mapping.deal.currency, mapping.order.site) == (1, "RUB", "s1")
    assert collection is not None and collection.default == "Вне серии"


def test_the_page_has_the_tables_of_the_model() -> None:
    text = (ROOT / "docs" / "mapping.md").read_text()
    shown = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == page(), "python -m pipeline.flows.mapping.page"


def test_the_least_mapping() -> None:
    assert loads(LEAST).catalogs["default"].index == "catalog"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[deal]\ncategry = 1", "[deal] categry: wants: nothing here, there is no such key; is category meant?"),
        (
            "[payment]\nx = 1",
            "[payment] x: wants: nothing here, there is no such key; there are system, paid, unknown_status, removed",
        ),
        ("[deal]\ncategory = '1'", "[deal] category: got '1', wants: a whole number"),
        ("[deal]\ncategory = -1", "[deal] category: got -1, wants: 0 or more"),
        ("[deal]\ntitle = ''", "[deal] title: got '', wants: a text that is not empty"),
        ("[deal]\ncurrency = 'руб'", "[deal] currency: got 'руб', wants: a currency of three capital letters"),
        ("[deal]\nstages = 5", "[deal] stages: got 5, wants: a table"),
        ("[deal.stages]\nNEW = 5", "[deal.stages] NEW: got 5, wants: a text in quotes"),
        ("[order]\nenabled = 'yes'", "[order] enabled: got 'yes', wants: true or false"),
        ("[order]\nuser = true", "[order] user: got True, wants: a whole number"),
        ("[shipment]\nremoved = 'x'", "[shipment] removed: got 'x', wants: 'delete' or 'keep'"),
        ("[catalogs.b]\nindex = 'x'", "[catalogs.b] iblock: wants: a value, it is missing"),
        ("[catalogs.b]\niblock = 0", "[catalogs.b] iblock: got 0, wants: 1 or more"),
        ("[catalogs.b]\niblock = 1\nx = 1", "[catalogs.b] x: wants: nothing here, there is no such key; there are ibl"),
        ("[portal]\ntimezone = 'Mars/Base'", "[portal] timezone: got 'Mars/Base', wants: a time zone"),
        ("[company]\ntitle = '{NANE}'", "[company] title: got '{NANE}', wants: no {NANE}; there are XML_ID, NAME"),
        ("[company]\ntitle = '{NAME'", "[company] title: got '{NAME', wants: keys of the message in braces"),
        ("[company]\nstub_title = '{NAME}'", "[company] stub_title: got '{NAME}', wants: no {NAME}; there are XML_ID"),
        ("[deal]\nunknown_good = '{}'", "[deal] unknown_good: got '{}', wants: keys of the message in braces"),
        ("[deal]\ncatalog = 'b'", "[deal] catalog: got 'b', wants: one of default"),
        ("[company.fields]\nLOGIN = 'TITLE'", "[company.fields] LOGIN: got 'TITLE', wants: another field"),
        ("[company.fields]\nLOGIN = 'uf_x'", "[company.fields] LOGIN: got 'uf_x', wants: the name of a field"),
        ("[company.constants]\nADDRESS = 'x'", "[company.constants] ADDRESS: got 'ADDRESS', wants: another field"),
        ("[company]\naddress_field = 'TITLE'", "[company] address_field: got 'TITLE', wants: another field"),
        ("[order.properties]\nCACHBAK = 40", "[order.properties] CACHBAK: got 40, wants: one of the keys CACHBACK"),
        ("[catalogs.b]\niblock = 1\nportal = false\nindex = ''", "[catalogs.b] index: got '', wants: an alias, or"),
        ("[catalogs.b]\niblock = 1\nindex = 'Каталог'", "[catalogs.b] index: got 'Каталог', wants: lower-case"),
        (
            "[catalogs.b]\niblock = 1\n[catalogs.b.collection]\niblock = 1",
            "[catalogs.b.collection] iblock: got 1, wants: another information block",
        ),
    ],
)
def test_a_fault(text: str, fault: str) -> None:
    (found,) = faults(text)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "catalogs: wants: a value, it is missing"),
        ("[catalogs.vigro]\niblock = 1", "[catalogs] default: wants: a table [catalogs.default] with its iblock"),
        ("x = [", "wants: TOML: "),
        ("[deal]\nx = 1\nx = 2", "wants: TOML: "),
        ("catalogs = 1", "catalogs: got 1, wants: a table"),
    ],
)
def test_a_whole_file_that_is_wrong(text: str, fault: str) -> None:
    assert faults(text, least="")[0].startswith(fault)


def test_two_keys_for_one_field_are_named_both() -> None:
    assert [line.split(":")[0] for line in faults("[deal.fields]\nNUMBER = 'UF_A'\nXML_ID = 'UF_A'")] == [
        "[deal.fields] NUMBER",
        "[deal.fields] XML_ID",
    ]


def test_all_faults_are_listed() -> None:
    assert len(faults("[deal]\ncategory = 'x'\ncurrency = 1\n[order]\nuser = 0\n[x]\n")) == 4


def test_keys_that_the_mapping_names_may_stand_in_titles() -> None:
    text = "[company]\ntitle = '{NAME} {UF_SHORT} {CITY}'\n[company.fields]\nCITY = 'UF_CRM_CITY'"
    assert loads(f"{LEAST}{text}").company.title.endswith("{CITY}")


def test_files(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"none\.toml: wants: a file that can be read: No such file"):
        load(tmp_path / "none.toml")
    file = tmp_path / "mapping.toml"
    file.write_bytes("[company]\ntitle = 'Ромашка'".encode("cp1251"))
    with pytest.raises(MappingError, match="wants: a file in UTF-8"):
        load(file)
    file.write_bytes(b"\xef\xbb\xbf" + LEAST.encode())
    assert load(file).catalogs["default"].iblock == 23


def test_the_page_shows_faults_as_they_are() -> None:
    shown = (ROOT / "docs" / "mapping.md").read_text().split("```text\n")[1].partition("```")[0]
    wrong = "[deal]\ncategry = 1\n[catalogs.default]\niblock = '23'\n[order.statuses]\nDONE = ''\n"
    lines = [f"mapping.toml: {fault}" for fault in faults(wrong, least="")]
    assert sorted(lines) == sorted(shown.splitlines())
