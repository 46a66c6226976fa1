"""pipeline/portal/steps/call.py: one call until its outcome is known, stamps, and what may be made again."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import Unknown
from pipeline.portal.steps.call import MOST_TRIES
from pipeline.portal.steps.command import Executed, Refused
from tests.unit.portal.steps.calls import SENT, STAMP, answered, asked, run, unclear
from tests.unit.portal.steps.world import LIMIT, executed, refusal

# -- without trouble


def test_an_answer_is_passed_on_as_it_is() -> None:
    call = run("crm.deal.list", {}, b"{ }")
    assert call.command is not None and (call.command.body, call.command.write) == (b"{ }", False)
    call.take(Executed(200, b'{"result": [],  "total": 0}'))
    assert call.answer == Executed(200, b'{"result": [],  "total": 0}') and call.command is None


def test_a_refusal_is_its_end() -> None:
    call = run("crm.deal.update", {"id": 5, "fields": {}})
    call.take(Refused(fault := refusal("Not found")))
    assert call.fault is fault and call.command is None and not call.unsettled


def test_an_answer_that_begins_with_a_byte_order_mark_is_read() -> None:
    call = run("crm.deal.add", {"fields": {"ORIGIN_ID": "X"}})
    call.take(Executed(200, b'\xef\xbb\xbf{"result": 5}'))
    assert call.answer is not None and call.answer.content() == {"result": 5}


# -- stamps


@pytest.mark.parametrize(
    ("method", "params", "fields"),
    [
        ("crm.deal.add", {"fields": {}}, {"ORIGIN_ID": STAMP, "ORIGINATOR_ID": "bus"}),
        ("CRM.Deal.Add.json", {"FIELDS": {"T": 1}}, {"T": 1, "ORIGIN_ID": STAMP, "ORIGINATOR_ID": "bus"}),
        ("crm.lead.add", {"fields": {"ORIGIN_ID": " "}}, {"ORIGIN_ID": STAMP, "ORIGINATOR_ID": "bus"}),
        ("crm.contact.add", {"fields": {"ORIGIN_ID": None}}, {"ORIGIN_ID": STAMP, "ORIGINATOR_ID": "bus"}),
        ("crm.deal.add", {"fields": {"ORIGINATOR_ID": "1c"}}, {"ORIGIN_ID": STAMP, "ORIGINATOR_ID": "1c"}),
        ("crm.deal.add", {"fields": {"originator_id": "1c"}}, {"ORIGIN_ID": STAMP, "ORIGINATOR_ID": "1c"}),
        ("crm.deal.add", {"fields": {"ORIGIN_ID": "X"}}, {"ORIGIN_ID": "X"}),
        ("crm.deal.add", {"fields": {"ORIGIN_ID": 0}}, {"ORIGIN_ID": 0}),
        # portals leave out names of another case without a word
        (
            "crm.deal.add",
            {"fields": {"origin_id": "X", "Originator_Id": "a"}},
            {"ORIGIN_ID": "X", "ORIGINATOR_ID": "a"},
        ),
        # not an external id, but the client's
        ("crm.deal.add", {"fields": {"ORIGIN_ID": ["X"]}}, {"ORIGIN_ID": ["X"]}),
        ("crm.deal.add", {"fields": {"ORIGIN_ID": 1.5}}, {"ORIGIN_ID": 1.5}),
        ("crm.requisite.add", {"fields": {}}, {"XML_ID": STAMP}),
        ("crm.item.add", {"entityTypeId": "02", "fields": {}}, {"originId": STAMP, "originatorId": "bus"}),
        ("crm.item.import", {"entityTypeId": 128, "fields": {}}, {"xmlId": STAMP}),
        ("catalog.product.add", {"fields": {"iblockId": "23"}}, {"iblockId": "23", "xmlId": STAMP}),
        ("sale.order.add", {"fields": {}}, {"xmlId": STAMP}),
        # not looked up by one
        ("crm.item.add", {"entityTypeId": "²", "fields": {}}, {}),
        ("catalog.product.add", {"fields": {}}, {}),
        ("crm.item.batchImport", {"entityTypeId": 128, "data": []}, None),
        ("crm.deal.update", {"id": 5, "fields": {}}, {}),
        ("crm.deal.add", {"FIELDS": "x", "fields": {}}, {"ORIGIN_ID": STAMP, "ORIGINATOR_ID": "bus"}),
        ("crm.deal.add", [], None),
    ],
)
def test_stamps(method: str, params: Any, fields: Any) -> None:
    given = orjson.dumps(params)
    command = run(method, params, given).command
    assert command is not None and orjson.loads(command.json()) == command.params
    place = "fields" if "fields" in command.params else "FIELDS"
    found = command.params.get(place) if isinstance(command.params, dict) else None
    assert found == fields
    assert orjson.dumps(params) == given, "what came is not touched"


def test_what_needs_no_stamp_leaves_byte_for_byte() -> None:
    body = b'{"fields": {"ORIGIN_ID":  "X"}}'
    command = run("crm.deal.add", orjson.loads(body), body).command
    assert command is not None and command.json() == body


def test_an_add_nested_deeper_than_we_can_write_goes_as_it_came() -> None:
    body = b'{"fields":{"a":' + b"[" * 300 + b"]" * 300 + b"}}"
    call = run("crm.deal.add", orjson.loads(body), body)
    assert call.command is not None and call.command.json() == body
    assert unclear(call).unsettled


def test_stamps_can_be_switched_off() -> None:
    call = run("crm.deal.add", {"fields": {}}, stamp=False)
    assert asked(call) == ("crm.deal.add", {"fields": {}})
    assert unclear(call).unsettled and isinstance(call.fault, Unknown)


# -- what may be made again


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("crm.deal.update", {"id": 5, "fields": {"TITLE": "x"}}),
        ("crm.deal.productrows.set", {"id": 5, "rows": []}),
        ("catalog.price.modify", {"fields": {}}),
        ("crm.deal.delete", {"id": 5}),
        ("batch", {"cmd": {"a": "crm.deal.update?id=5"}}),
    ],
)
def test_made_again_when_the_first_try_is_surely_over(method: str, params: Any) -> None:
    call = unclear(run(method, params))
    assert asked(call) == (method, params) and call.due == SENT + LIMIT
    call.take(executed(True))
    assert answered(call) is True


@pytest.mark.parametrize(
    ("method", "fault", "result"),
    [
        ("crm.deal.delete", refusal("Deal is not found"), True),
        ("crm.company.delete", refusal("Компания не найдена"), True),
        ("crm.item.delete", refusal("Item not found", "NOT_FOUND"), []),
        ("crm.timeline.comment.delete", refusal("Comment not found", "NOT_FOUND"), None),
        ("sale.order.delete", refusal("order is not exists", "200540400001"), True),
    ],
)
def test_a_delete_that_finds_nothing_the_second_time_was_done(method: str, fault: Any, result: Any) -> None:
    call = unclear(run(method, {"id": 5}))
    call.take(Refused(fault))
    assert answered(call) == result
    first = run(method, {"id": 5})
    first.take(Refused(fault))
    assert first.fault is fault, "the first time it is an error"


def test_a_delete_that_is_not_allowed_is_an_error_the_second_time_too() -> None:
    call = unclear(run("crm.deal.delete", {"id": 5}))
    call.take(Refused(fault := refusal("Access denied")))
    assert call.fault is fault


def test_most_tries() -> None:
    call = run("crm.deal.update", {"id": 5, "fields": {}})
    for number in range(MOST_TRIES):
        unclear(call, SENT + 100 * number)
        assert call.command is not None
    unclear(call)
    assert call.unsettled and isinstance(call.fault, Unknown) and call.command is None


@pytest.mark.parametrize("method", ["crm.deal.add", "bizproc.workflow.start"])
def test_settling_can_be_switched_off(method: str) -> None:
    call = run(method, {"fields": {}}, settle=False)
    for _ in range(2 * MOST_TRIES):
        assert unclear(call).due == 0.0
    assert call.command is not None and call.command.write


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("bizproc.workflow.start", {"TEMPLATE_ID": 5}),
        ("crm.item.batchImport", {"entityTypeId": 2, "data": [{}]}),
        ("batch", {"cmd": {"a": "crm.deal.add?fields[TITLE]=x"}}),
        ("event.offline.get", {}),
        ("crm.timeline.comment.add", {"fields": {"COMMENT": "to nobody"}}),
        ("crm.timeline.comment.add", []),
    ],
)
def test_what_cannot_be_settled_waits_for_a_person(method: str, params: Any) -> None:
    call = unclear(run(method, params))
    assert call.unsettled and isinstance(call.fault, Unknown) and call.command is None
