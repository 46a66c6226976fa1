"""pipeline/portal/steps/call.py: updates of unknown outcome that append phones and the like."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.portal.steps.command import Refused
from tests.unit.portal.steps.calls import SENT, answered, asked, run, unclear
from tests.unit.portal.steps.world import LIMIT, executed, refusal

# -- updates that append


HELD = {
    "ID": "5",
    "PHONE": [{"ID": "1", "VALUE": "+71", "VALUE_TYPE": "WORK"}, {"ID": "2", "VALUE": "+72", "VALUE_TYPE": "HOME"}],
    "EMAIL": [{"ID": "3", "VALUE": "a@b.c", "VALUE_TYPE": "WORK"}],
}
ITEM = {
    "id": 5,
    "fm": [
        {"id": 1, "typeId": "PHONE", "valueType": "WORK", "value": "+71"},
        {"id": 3, "typeId": "EMAIL", "valueType": "WORK", "value": "a@b.c"},
    ],
}


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"PHONE": [{"VALUE": "+71"}, {"VALUE": "+73"}]}, {"PHONE": [{"VALUE": "+73"}]}),
        ({"PHONE": [{"VALUE": "+71"}], "TITLE": "x"}, {"TITLE": "x"}),
        ({"PHONE": [{"VALUE": "+71", "VALUE_TYPE": "HOME"}]}, {"PHONE": [{"VALUE": "+71", "VALUE_TYPE": "HOME"}]}),
        ({"PHONE": [{"VALUE": "+72", "VALUE_TYPE": "HOME"}], "TITLE": ""}, {"TITLE": ""}),
        ({"PHONE": ["+71", "+73"]}, {"PHONE": ["+73"]}),
        ({"PHONE": {"n0": {"VALUE": "+71"}, "n1": {"VALUE": "+73"}}}, {"PHONE": {"n1": {"VALUE": "+73"}}}),
        # changes and deletions by id may be made again
        ({"PHONE": [{"ID": 1, "VALUE": "+79"}, {"ID": "2", "VALUE": ""}]}, "all"),
        ({"PHONE": [{"ID": 1, "VALUE": "+71"}]}, "all"),
        # an id that is gone was added anew
        ({"PHONE": [{"ID": 77, "VALUE": "+71"}, {"VALUE": "+73"}]}, {"PHONE": [{"VALUE": "+73"}]}),
        ({"PHONE": [{"ID": "", "VALUE": "+71"}, {"VALUE": "+73"}]}, {"PHONE": [{"VALUE": "+73"}]}),
        ({"email": [{"value": "a@b.c"}], "UF_CRM_1": []}, {"UF_CRM_1": []}),
    ],
)
def test_an_update_that_appends_is_given_only_what_is_missing(fields: Any, left: Any) -> None:
    call = unclear(run("crm.company.update", {"ID": 5, "fields": fields}))
    assert asked(call) == ("crm.company.get", {"ID": 5}) and call.due == SENT + LIMIT
    call.take(executed(HELD))
    assert asked(call) == ("crm.company.update", {"ID": 5, "fields": fields if left == "all" else left})
    assert call.open, "a crash now must not send it as it came"
    unclear(call, SENT + 100)
    call.take(executed({**HELD, "PHONE": []}))
    assert asked(call)[1]["fields"] == fields or left != "all" or "VALUE" in str(fields)


@pytest.mark.parametrize(
    ("fm", "left"),
    [
        (
            [{"typeId": "PHONE", "value": "+71"}, {"typeId": "PHONE", "value": "+73"}],
            [{"typeId": "PHONE", "value": "+73"}],
        ),
        ([{"typeId": "WEB", "value": "+71"}], [{"typeId": "WEB", "value": "+71"}]),
        (
            {"n0": {"typeId": "PHONE", "value": "+71"}, "1": {"value": ""}, "n1": {"typeId": "PHONE", "value": "+74"}},
            {"1": {"value": ""}, "n1": {"typeId": "PHONE", "value": "+74"}},
        ),
        ({"77": {"typeId": "PHONE", "value": "+71"}, "1": {"value": "+75"}}, {"1": {"value": "+75"}}),
    ],
)
def test_fm_in_both_forms(fm: Any, left: Any) -> None:
    call = unclear(run("crm.item.update", {"entityTypeId": 4, "id": 5, "fields": {"fm": fm}}))
    assert asked(call) == ("crm.item.get", {"entityTypeId": 4, "id": 5})
    call.take(executed({"item": ITEM}))
    assert asked(call)[1]["fields"] == {"fm": left}


def test_an_update_of_which_nothing_is_left_was_executed() -> None:
    call = unclear(run("crm.company.update", {"id": 5, "fields": {"PHONE": [{"VALUE": "+71"}]}}))
    call.take(executed(HELD))
    assert answered(call) is True
    params = {"entityTypeId": 4, "id": 5, "fields": {"fm": [{"typeId": "PHONE", "value": "+71"}]}}
    call = unclear(run("crm.item.update", params))
    call.take(executed({"item": ITEM}))
    assert answered(call) == {"item": ITEM}


def test_an_update_whose_object_is_gone_is_an_error() -> None:
    call = unclear(run("crm.company.update", {"id": 5, "fields": {"PHONE": [{"VALUE": "+71"}]}}))
    call.take(Refused(fault := refusal("Not found")))
    assert call.fault is fault and not call.unsettled
    call = unclear(run("crm.company.update", {"id": 5, "fields": {"PHONE": [{"VALUE": "+71"}]}}))
    call.take(Refused(refusal("Access denied")))
    assert call.unsettled


@pytest.mark.parametrize("number", [None, "", [], {"a": 1}, True])
def test_an_appending_update_of_nothing_in_particular(number: Any) -> None:
    call = run("crm.company.update", {"id": number, "fields": {"PHONE": [{"VALUE": "+71"}]}})
    assert unclear(call).unsettled
