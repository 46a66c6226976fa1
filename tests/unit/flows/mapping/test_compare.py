"""A mapping against a portal, here the simulator's methods without HTTP: each difference is one fault."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipeline.flows.mapping.asked import Asked
from pipeline.flows.mapping.compare import compare
from pipeline.flows.mapping.load import loads
from pipeline.portal.links.calls import Refused
from sandbox.portal.errors import RestError
from sandbox.site.mapping import MAPPING_FILE
from tests.unit.sandbox.calling import Desk

RIGHT = """
[company]
requisite_preset = 1
[company.constants]
COMPANY_TYPE = "CUSTOMER"
[catalogs.default]
iblock = 23
price_types = { BASE = 1, OPT = 2 }
[deal]
unknown_status = "NEW"
[deal.stages]
DONE = "WON"
[deal.sources]
SITE = "WEB"
[deal.users]
7 = 2
[deal.fields]
NUMBER = "COMMENTS"
[order]
person_type = 2
user = 3
[order.statuses]
N = "N"
[order.properties]
CACHBACK = 40
[shipment.statuses]
SENT = "DF"
"""


class Portal:
    """Answers as the simulator does; `refused`: methods that it answers with an error."""

    def __init__(self, *refused: str) -> None:
        self.desk = Desk()
        self.refused = refused
        self.asked: list[str] = []

    async def __call__(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(method)
        try:
            if method in self.refused:
                raise Refused(method, "insufficient_scope", "The request requires higher privileges")
            reply = (await self.desk.portal.execute(self.desk.call(method, params))).reply
        except RestError as error:
            raise Refused(method, "error", str(error)) from None
        return {"result": reply.result, "total": reply.total, "next": reply.next}


def faults(text: str, portal: Portal | None = None) -> list[str]:
    return [str(fault) for fault in asyncio.run(compare(loads(text), portal or Portal()))]


def test_all_is_there() -> None:
    portal = Portal()
    assert faults(RIGHT, portal) == []
    assert len(portal.asked) == len(set(portal.asked)) + 3, "stages and sources, three users: nothing is asked twice"


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("iblock = 23", "iblock = 7", "[catalogs.default] iblock: got 7, wants: a catalogue of the portal: 23 (Produ"),
        (
            "iblock = 23",
            "iblock = 24",
            "[catalogs.default] iblock: got 24, wants: a catalogue of products; this one ha",
        ),
        ("OPT = 2", "OPT = 9", "[catalogs.default.price_types] OPT: got 9, wants: a price type: 1 (BASE), 2 (Whol"),
        ('"WON"', '"WIN"', "[deal.stages] DONE: got 'WIN', wants: a stage of pipeline 0: NEW, PREPARATION"),
        ('= "NEW"', '= "C"', "[deal] unknown_status: got 'C', wants: a stage of pipeline 0: NEW"),
        ('"WEB"', '"SITE"', "[deal.sources] SITE: got 'SITE', wants: a source: CALL, EMAIL"),
        ("7 = 2", "7 = 77", "[deal.users] 7: got 77, wants: the id of a user of the portal"),
        ("user = 3", "user = 33", "[order] user: got 33, wants: the id of a user of the portal"),
        ("preset = 1", "preset = 99", "[company] requisite_preset: got 99, wants: a preset of requisites: 1 (Орга"),
        ("COMPANY_TYPE", "UF_CRM_X", "[company.constants] UF_CRM_X: got 'UF_CRM_X', wants: a field of companies; make"),
        ('"COMMENTS"', '"TEXT"', "[deal.fields] NUMBER: got 'TEXT', wants: a field of deals; name another"),
        ('"COMMENTS"', '"DATE_CREATE"', "[deal.fields] NUMBER: got 'DATE_CREATE', wants: a field of deals that can be"),
        ('N = "N"', 'N = "DF"', "[order.statuses] N: got 'DF', wants: a status of orders: N, P, F, D"),
        ('"DF"', '"F"', "[shipment.statuses] SENT: got 'F', wants: a status of shipments: DN, DF, DD"),
        ("= 40", "= 41", "[order.properties] CACHBACK: got 41, wants: a property of orders of person type 2: 30 (Comp"),
        ("= 40", "= 20", "[order.properties] CACHBACK: got 20, wants: a property of orders of person type 2: 30 (Comp"),
        ("[deal]", "[payment]\nsystem = 99\n[deal]", "[payment] system: got 99, wants: a pay system: 1 (Bank"),
        ("[deal]", "[shipment]\ndelivery = 99\n[deal]", "[shipment] delivery: got 99, wants: a delivery service: "),
        ("[deal]", '[deal]\ncurrency = "XXX"', "[deal] currency: got 'XXX', wants: a currency of the portal: RUB, USD"),
        ("[deal]", "[deal]\ncategory = 5", "[deal] category: got 5, wants: a pipeline of deals: 0 (General)"),
    ],
)
def test_a_difference(right: str, wrong: str, fault: str) -> None:
    assert right in RIGHT
    (found,) = faults(RIGHT.replace(right, wrong, 1))
    assert found.startswith(fault)


def test_the_sample_days_mapping_fits_a_fresh_simulated_portal() -> None:
    assert faults(MAPPING_FILE.read_text()) == []


def test_a_person_type_without_the_property_is_two_faults() -> None:
    found = faults(RIGHT.replace("person_type = 2", "person_type = 3"))
    assert [fault.split(":")[0] for fault in found] == ["[order] person_type", "[order.properties] CACHBACK"]


def test_a_stage_carries_the_number_of_its_pipeline() -> None:
    portal = Portal()
    added = asyncio.run(portal("crm.category.add", {"entityTypeId": 2, "fields": {"name": "Site"}}))
    number = added["result"]["category"]["id"]
    text = RIGHT.replace("[deal]\n", f"[deal]\ncategory = {number}\n")
    assert len(faults(text, portal)) == 2
    assert faults(text.replace('"NEW"', f'"C{number}:NEW"').replace('"WON"', f'"C{number}:WON"'), portal) == []


def test_a_dismissed_user() -> None:
    portal = Portal()
    portal.desk.portal.store.tables["user"].rows[2]["ACTIVE"] = 0
    assert faults(RIGHT, portal) == ["[deal.users] 7: got 2, wants: a user who is active; this one is dismissed"]


def test_long_lists_are_read_whole() -> None:
    portal = Portal()
    table = portal.desk.portal.store.tables["price_type"]
    last = [table.insert({"name": f"P{turn}"}) for turn in range(120)][-1]
    assert faults(RIGHT.replace("OPT = 2", f"OPT = {last}"), portal) == []


def test_what_may_not_be_asked_is_said_once_and_the_rest_is_looked_at() -> None:
    found = faults(RIGHT.replace('"WON"', '"WIN"'), Portal("user.get", "sale.status.list"))
    assert [fault.split(":")[0] for fault in found] == [
        "[deal.stages] DONE",
        "[portal] user.get",
        "[portal] sale.status.list",
    ]
    assert "give the webhook the right" in found[1] and "higher privileges" in found[1]


async def test_a_credential_that_the_worker_does_not_know_yet() -> None:
    async def ask(method: str, params: dict[str, Any]) -> Any:
        raise Refused(method, "BUS_UNAUTHORIZED", "portal 'main' has no credential 'site' in the settings")

    asked = Asked(ask)
    assert await asked.fields("crm.company.fields") is None
    assert "restart the worker, which does not know it yet, then check again" in asked.faults[0].wanted


def test_what_is_switched_off_is_not_asked() -> None:
    portal = Portal()
    assert faults("[catalogs.default]\niblock = 1\nportal = false\n[order]\nenabled = false", portal) == []
    assert not [method for method in portal.asked if method.startswith(("sale.", "catalog."))]
