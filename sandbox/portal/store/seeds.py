"""What a new portal has before anybody calls it: users, pipelines, dictionaries, presets, catalogues, pay systems.

Source: the answers shown on the pages crm.status.list, crm.requisite.preset.list, catalog.*.list, sale.*.list.
"""

from collections.abc import Iterable
from typing import Any

from sandbox.portal.store.table import Table

# One line: code, name, colour, semantics (S success, F failure, - none).
_STAGES = """
NEW New #39A8EF -
PREPARATION Documents #2FC6F6 -
PREPAYMENT_INVOICE Prepayment #55D0E0 -
EXECUTING Executing #47E4C2 -
FINAL_INVOICE Invoice #FFA900 -
WON Won #7BD500 S
LOSE Lost #FF5752 F
APOLOGY Analysis #FF5752 F
"""
_LEAD = """
NEW Unprocessed #2FC6F6 -
IN_PROCESS Processing #55D0E0 -
PROCESSED Processed #47E4C2 -
CONVERTED Converted #7BD500 S
JUNK Junk #FF5752 F
"""
_QUOTE = """
DRAFT Draft #2FC6F6 -
SENT Sent #55D0E0 -
APPROVED Approved #7BD500 S
DECLAINED Declined #FF5752 F
"""
ITEM_STAGES = """
NEW Start #22B9FF -
PREPARATION Preparation #88B9FF -
CLIENT Client #10E5FC -
SUCCESS Success #00FF00 S
FAIL Failed #FF0000 F
"""
_INVOICE = """
N New #39A8EF -
S Sent #2FC6F6 -
P Paid #7BD500 S
D Unpaid #FF5752 F
"""
_DICTIONARIES = {
    "SOURCE": "CALL EMAIL WEB ADVERTISING PARTNER RECOMMENDATION TRADE_SHOW WEBFORM CALLBACK STORE OTHER",
    "CONTACT_TYPE": "CLIENT SUPPLIER PARTNER OTHER",
    "COMPANY_TYPE": "CUSTOMER SUPPLIER COMPETITOR PARTNER OTHER",
    "EMPLOYEES": "EMPLOYEES_1 EMPLOYEES_2 EMPLOYEES_3 EMPLOYEES_4",
    "INDUSTRY": "IT TELECOM MANUFACTURING BANKING CONSULTING FINANCE GOVERNMENT DELIVERY ENTERTAINMENT NOTPROFIT OTHER",
    "DEAL_TYPE": "SALE COMPLEX GOODS SERVICES SERVICE",
    "HONORIFIC": "HNR_RU_1 HNR_RU_2",
}
_EXTRA = {"S": "success", "F": "failure"}


def stage_entity(type_id: int, category: int) -> str:
    """The dictionary of a pipeline's stages: DEAL_STAGE, DEAL_STAGE_7, STATUS, DYNAMIC_128_STAGE_3, .."""
    if type_id == 1:
        return "STATUS"
    if type_id == 2:
        return f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
    if type_id == 7:
        return "QUOTE_STATUS"
    return f"SMART_INVOICE_STAGE_{category}" if type_id == 31 else f"DYNAMIC_{type_id}_STAGE_{category}"


def add_stages(statuses: Table, type_id: int, category: int) -> None:
    """The stages of a new pipeline; their codes carry its number: `C7:NEW`, `DT128_3:NEW`."""
    table = {1: _LEAD, 2: _STAGES, 7: _QUOTE, 31: _INVOICE}.get(type_id, ITEM_STAGES)
    if type_id == 2:
        prefix = f"C{category}:" if category else ""
    else:
        prefix = f"DT{type_id}_{category}:" if type_id >= 31 else ""
    for position, line in enumerate(filter(None, table.splitlines()), 1):
        code, name, color, semantics = line.split()
        statuses.insert(
            {
                "ENTITY_ID": stage_entity(type_id, category),
                "STATUS_ID": prefix + code,
                "NAME": name,
                "NAME_INIT": name,
                "SORT": position * 10,
                "SYSTEM": "Y" if position == 1 or semantics != "-" else "N",
                "CATEGORY_ID": category or None,
                "COLOR": color,
                "SEMANTICS": None if semantics == "-" else semantics,
            }
        )


def seed(tables: dict[str, Table]) -> None:
    """Fill the empty tables of a new portal."""
    statuses = tables["status"]
    for type_id in (1, 2, 7, 31):
        add_stages(statuses, type_id, _first_category(type_id))
    for name, codes in _DICTIONARIES.items():
        for position, code in enumerate(codes.split(), 1):
            shown = code.replace("_", " ").capitalize()
            statuses.insert(
                {"ENTITY_ID": name, "STATUS_ID": code, "NAME": shown, "NAME_INIT": shown, "SORT": position * 10}
                | {"SYSTEM": "Y", "COLOR": ""}
            )
    categories = tables["category"]
    categories.insert(_category("Invoices", 31), _first_category(31))
    for name, rows in _ROWS.items():
        _fill(tables[name], rows)


def _first_category(type_id: int) -> int:
    # The pipeline of invoices has a number as any other; the first one of deals is 0 and no row.
    return 1 if type_id == 31 else 0


def _category(name: str, type_id: int) -> dict[str, Any]:
    return {
        "NAME": name,
        "SORT": 500,
        "ENTITY_TYPE_ID": type_id,
        "IS_DEFAULT": "Y",
        "ORIGIN_ID": "",
        "ORIGINATOR_ID": "",
    }


def _fill(table: Table, rows: Iterable[dict[str, Any]]) -> None:
    for given in rows:
        row = {
            name: field.default
            for name, field in table.entity.fields.items()
            if field.default is not None and not str(field.default).startswith("@")
        }
        for name, value in row.items():
            if table.entity.fields[name].type in ("integer", "bit"):
                row[name] = int(value)
        table.insert({**row, **given}, given.get("id") if isinstance(given.get("id"), int) else None)


_ROWS: dict[str, list[dict[str, Any]]] = {
    "user": [
        {"NAME": "Ivan", "LAST_NAME": "Ivanov", "EMAIL": "admin@example.com", "UF_DEPARTMENT": [1], "IS_ONLINE": "Y"},
        {"NAME": "Anna", "LAST_NAME": "Petrova", "EMAIL": "anna@example.com", "UF_DEPARTMENT": [1]},
        {"NAME": "Oleg", "LAST_NAME": "Sidorov", "EMAIL": "oleg@example.com", "UF_DEPARTMENT": [1]},
    ],
    "preset": [
        {"ENTITY_TYPE_ID": 8, "COUNTRY_ID": 1, "NAME": name, "XML_ID": xml_id, "ACTIVE": "Y", "SORT": 500}
        for name, xml_id in (
            ("Организация", "#CRM_REQUISITE_PRESET_DEF_RU_COMPANY#"),
            ("ИП", "#CRM_REQUISITE_PRESET_DEF_RU_INDIVIDUAL#"),
            ("Физ. лицо", "#CRM_REQUISITE_PRESET_DEF_RU_PERSON#"),
        )
    ],
    "user_field": [
        {"ENTITY_ID": "CRM_COMPANY", "FIELD_NAME": "UF_CRM_SITE_LOGIN", "USER_TYPE_ID": "string", "SETTINGS": {}}
        | {name: {"en": "Site login", "ru": "Логин на сайте"} for name in ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL")}
        | {name: {"en": "", "ru": ""} for name in ("LIST_FILTER_LABEL", "ERROR_MESSAGE", "HELP_MESSAGE")}
    ],
    "catalog": [
        {"id": 23, "iblockId": 23, "name": "Products", "subscription": "N"},
        {"id": 24, "iblockId": 24, "name": "Variations", "productIblockId": 23, "skuPropertyId": 97, "vatId": 1},
        {"id": 26, "iblockId": 26, "name": "Collections", "subscription": "N"},
    ],
    "price_type": [{"name": "BASE", "base": "Y", "xmlId": "BASE"}, {"name": "Wholesale", "xmlId": "WHOLESALE"}],
    "measure": [
        {"code": 6, "measureTitle": "Metre", "symbol": "m", "symbolIntl": "m", "symbolLetterIntl": "MTR"},
        {"code": 112, "measureTitle": "Litre", "symbol": "l", "symbolIntl": "l", "symbolLetterIntl": "LTR"},
        {"code": 163, "measureTitle": "Gram", "symbol": "g", "symbolIntl": "g", "symbolLetterIntl": "GRM"},
        {"code": 166, "measureTitle": "Kilogram", "symbol": "kg", "symbolIntl": "kg", "symbolLetterIntl": "KGM"},
        {"code": 796, "measureTitle": "Piece", "symbol": "pcs", "symbolIntl": "pc", "isDefault": "Y"}
        | {"symbolLetterIntl": "PCE"},
    ],
    "vat": [
        {"name": "No VAT", "rate": None},
        {"name": "VAT 0%", "rate": 0.0},
        {"name": "VAT 10%", "rate": 10.0},
        {"name": "VAT 20%", "rate": 20.0},
    ],
    "order_status": [
        {"id": "N", "type": "O", "sort": 100, "color": "#BEEDF1"},
        {"id": "P", "type": "O", "sort": 150},
        {"id": "F", "type": "O", "sort": 200},
        {"id": "D", "type": "O", "sort": 250},
        {"id": "DN", "type": "D", "sort": 300},
        {"id": "DF", "type": "D", "sort": 400},
        {"id": "DD", "type": "D", "sort": 500},
    ],
    "person_type": [
        {"name": "Individual", "sort": "100", "code": "CRM_CONTACT"},
        {"name": "Company", "sort": "110", "code": "CRM_COMPANY"},
    ],
    "order_property": [
        {"id": number, "personTypeId": person, "propsGroupId": 1, "name": name, "code": code, "type": kind}
        for number, person, name, code, kind in (
            (20, 1, "Name", "FIO", "STRING"),
            (21, 1, "E-Mail", "EMAIL", "STRING"),
            (22, 1, "Phone", "PHONE", "STRING"),
            (30, 2, "Company name", "COMPANY", "STRING"),
            (39, 2, "Old deal", "OLD_DEAL", "STRING"),
            (40, 2, "Cashback", "CACHBACK", "NUMBER"),
        )
    ],
    "pay_system": [
        {"NAME": "Bank transfer", "PSA_NAME": "Bank transfer", "ACTION_FILE": "bill"},
        {"NAME": "Cash", "PSA_NAME": "Cash", "ACTION_FILE": "cash", "IS_CASH": "Y"},
        {"NAME": "Inner account", "PSA_NAME": "Inner account", "ACTION_FILE": "inner"},
    ],
    "delivery": [{"NAME": "No delivery"}, {"NAME": "Courier"}, {"NAME": "Pickup"}],
}
