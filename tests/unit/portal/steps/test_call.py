"""pipeline/portal/steps/call.py: one call until its outcome is known, as tables of examples."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import Permanent, Unknown
from pipeline.portal.steps.call import MOST_TRIES, CallRun
from pipeline.portal.steps.command import Executed, Refused, Unclear
from pipeline.portal.steps.env import Env, Known
from tests.unit.portal.steps.world import LIMIT, START, executed, refusal, unknown

STAMP = "bus-i-0-0-7-18c"
SENT = START


def env(**given: Any) -> Env:
    return Env("main", **{"request_limit": LIMIT, **given})


def run(method: str, params: Any, body: bytes = b"", **given: Any) -> CallRun:
    return CallRun(method, params, env(**given), STAMP, body=body)


def unclear(call: CallRun, at: float = SENT) -> CallRun:
    assert call.command is not None and call.command.write
    call.take(Unclear(unknown(), at))
    return call


def asked(call: CallRun) -> tuple[str, Any]:
    assert call.command is not None
    return call.command.name, call.command.params


def answered(call: CallRun) -> Any:
    assert call.command is None and call.fault is None and call.answer is not None
    return orjson.loads(call.answer.body)["result"]


def iso(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


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


# -- adds with an external id


def looking(method: str = "crm.deal.add", params: Any = None, **given: Any) -> CallRun:
    call = unclear(run(method, params or {"fields": {}}, **given))
    assert call.due == SENT + LIMIT and call.command is not None and not call.command.write
    call.asked_at = SENT + LIMIT
    return call


def row(number: int, external: str = STAMP, originator: str | None = "bus", at: float = SENT) -> dict[str, Any]:
    return {"ID": str(number), "ORIGIN_ID": external, "ORIGINATOR_ID": originator, "DATE_CREATE": iso(at)}


def test_a_stamp_is_looked_up_together_with_others() -> None:
    call = looking()
    name, params = asked(call)
    assert name == "crm.deal.list" and params["filter"] == {"ORIGIN_ID": STAMP, "ORIGINATOR_ID": "bus"}
    assert call.command is not None and call.command.lookup is not None


@pytest.mark.parametrize("offset", [-86400.0, -600.0, 0.0, 600.0, 86400.0])
def test_a_stamp_is_ours_whatever_the_portal_s_clock_says(offset: float) -> None:
    call = looking()
    call.take(executed([row(9, at=SENT + offset)]))
    assert answered(call) == 9


def test_not_found_was_not_executed() -> None:
    call = looking()
    call.take(executed([row(9, "another")]))
    assert asked(call)[0] == "crm.deal.add" and call.due == 0.0
    call.take(executed(12))
    assert answered(call) == 12


def test_a_full_page_of_others_hides_it() -> None:
    call = looking()
    call.take(executed([row(number, "another") for number in range(50)]))
    assert asked(call)[0] == "crm.deal.list" and call.command is not None and call.command.lookup is None
    call.take(executed([row(60)]))
    assert answered(call) == 60


def test_a_full_page_although_it_was_asked_for_alone() -> None:
    call = looking()
    for _ in range(2):
        call.take(executed([row(number, "another") for number in range(50)]))
    assert call.unsettled and isinstance(call.fault, Unknown)


OWN = {"fields": {"ORIGIN_ID": "X", "ORIGINATOR_ID": "1c"}}


def own(*rows: dict[str, Any], known: Known | None = None, ahead: float | None = 0.0, **params: Any) -> CallRun:
    """An add with the client's own id, looked up; `ahead`: the portal's clock, None = its answer does not tell."""
    call = looking(params=params or OWN, known=known or Known())
    assert call.command is not None and call.command.lookup is None and asked(call)[1]["order"] == {"ID": "DESC"}
    more = {} if ahead is None else {"time": {"start": SENT + LIMIT + ahead}}
    call.take(executed(list(rows), **more))
    return call


@pytest.mark.parametrize("ahead", [0.0, -900.0, 900.0, None])
def test_an_older_object_with_the_client_s_id_is_not_taken_for_ours(ahead: float | None) -> None:
    clock = ahead or 0.0
    call = own(row(3, "X", "1c", SENT + clock - 1000), ahead=ahead)
    assert asked(call)[0] == "crm.deal.add"
    call = own(row(9, "X", "1c", SENT + clock + 1), row(3, "X", "1c", SENT + clock - 1000), ahead=ahead)
    assert answered(call) == 9


def test_an_object_that_another_request_has_made_is_not_taken_for_ours() -> None:
    known = Known()
    first = run("crm.deal.add", OWN, known=known)
    first.take(executed(8))
    assert asked(own(row(8, "X", "1c"), known=known))[0] == "crm.deal.add"
    assert answered(own(row(9, "X", "1c"), row(8, "X", "1c"), known=known)) == 9
    item = run("crm.item.add", {"entityTypeId": 2, "fields": {"originId": "X", "originatorId": "1c"}}, known=known)
    item.take(executed({"item": {"id": 11}}))
    assert asked(own(row(11, "X", "1c"), known=known))[0] == "crm.deal.add", "the same store"


@pytest.mark.parametrize(
    ("external", "there", "is_ours"),
    [
        ("X", "X", True),
        ("X", "x", False),
        ("X ", "X", True),
        ("X", "X  ", True),
        (" X", "X", False),
        (17, "17", True),
        (17, 17, True),
        (0, 0, True),
        ("0", "0", True),
        ("Ünï 🎈", "Ünï 🎈", True),
    ],
)
def test_external_ids(external: Any, there: Any, is_ours: bool) -> None:
    call = own({**row(9, "", ""), "ORIGIN_ID": there}, fields={"ORIGIN_ID": external})
    assert (call.answer is not None) is is_ours


@pytest.mark.parametrize(
    ("mine", "there", "is_ours"),
    [
        ("1c", "1c", True),
        ("1c", "site", False),
        ("", "site", False),
        ("", None, True),
        ("", "", True),
        ("1c", "1C", False),
    ],
)
def test_originators(mine: str, there: str | None, is_ours: bool) -> None:
    call = own(row(9, "X", there), fields={"ORIGIN_ID": "X", "ORIGINATOR_ID": mine})
    assert (call.answer is not None) is is_ours


def test_more_objects_of_one_client_id_than_a_page_shows() -> None:
    """Youngest first: fifty old ones do not hide ours, nor are they taken for it."""
    old = [row(number, "X", "1c", SENT - 5000) for number in range(100, 50, -1)]
    assert asked(own(*old))[0] == "crm.deal.add"
    assert answered(own(row(101, "X", "1c"), *old[:49])) == 101


def test_a_filter_that_the_portal_leaves_out() -> None:
    """`0` is empty to PHP: a page of anything comes back, and tells nothing."""
    call = own(*[row(number, "", "") for number in range(50)], fields={"ORIGIN_ID": "0"})
    assert call.unsettled


def test_rows_without_an_id_are_none() -> None:
    call = own({"ORIGIN_ID": "X", "ORIGINATOR_ID": "1c"}, {"ID": None, "ORIGIN_ID": "X", "ORIGINATOR_ID": "1c"})
    assert asked(call)[0] == "crm.deal.add"


def test_an_import_brings_its_time_of_creation() -> None:
    fields = {"xmlId": "X", "createdTime": "2001-01-01T00:00:00+03:00"}
    call = unclear(run("crm.item.import", {"entityTypeId": 128, "fields": fields}))
    there = {"id": 9, "xmlId": "X", "createdTime": "2001-01-01T00:00:00+03:00"}
    call.take(executed({"items": [{**there, "id": 7, "createdTime": "2002-01-01T00:00:00+03:00"}, there]}))
    assert answered(call) == {"item": {"id": 9}}, "in the form of an import"


@pytest.mark.parametrize(
    ("method", "params", "rows", "read", "row", "result"),
    [
        (
            "crm.item.add",
            {"entityTypeId": 128, "fields": {}},
            {"items": [{"id": 9, "xmlId": STAMP}]},
            ("crm.item.get", {"entityTypeId": 128, "id": 9}),
            {"item": {"id": 9, "title": "x"}},
            {"item": {"id": 9, "title": "x"}},
        ),
        (
            "catalog.product.add",
            {"fields": {"iblockId": 23}},
            {"products": {"0": {"id": 9, "xmlId": STAMP}, "2": {"id": 8, "xmlId": "another"}}},
            ("catalog.product.get", {"id": 9}),
            {"product": {"id": 9, "name": "x"}},
            {"element": {"id": 9, "name": "x"}},
        ),
        (
            "catalog.section.add",
            {"fields": {"iblockId": 23}},
            {"sections": [{"id": 9, "xmlId": STAMP}]},
            ("catalog.section.get", {"id": 9}),
            {"section": {"id": 9}},
            {"section": {"id": 9}},
        ),
        (
            "sale.order.add",
            {"fields": {}},
            {"orders": [{"id": 9, "xmlId": STAMP}]},
            ("sale.order.get", {"id": 9}),
            {"order": {"id": 9, "lid": "s1"}},
            {"order": {"id": 9, "lid": "s1"}},
        ),
        (
            "sale.basketitem.add",
            {"fields": {}},
            {"basketItems": [{"id": 9, "xmlId": STAMP}]},
            ("sale.basketitem.get", {"id": 9}),
            {"basketItem": {"id": 9}},
            {"basketItem": {"id": 9}},
        ),
    ],
)
def test_an_answer_that_shows_more_than_the_id_is_read(
    method: str, params: Any, rows: Any, read: Any, row: Any, result: Any
) -> None:
    call = unclear(run(method, params))
    call.take(executed(rows))
    assert asked(call) == read and call.open, "it counts as sent until it is over"
    call.take(executed(row, time={"start": 1.0}))
    assert answered(call) == result
    again = unclear(run(method, params))
    again.take(executed(rows))
    again.take(Refused(refusal("gone", "NOT_FOUND")))
    assert answered(again) == {next(iter(result)): {"id": 9}}, "its id is known, and that it was executed"


def test_a_look_up_that_is_refused_tells_nothing() -> None:
    call = looking()
    call.take(Refused(Permanent("Access denied")))
    assert call.unsettled and isinstance(call.fault, Unknown) and "Access denied" in str(call.fault)


def test_what_a_worker_before_us_sent() -> None:
    call = run("crm.deal.add", {"fields": {}})
    call.was_sent(SENT)
    assert asked(call)[0] == "crm.deal.list" and call.due == SENT + LIMIT and call.open


# -- adds with a natural key


@pytest.mark.parametrize(
    ("method", "fields", "filter", "rows", "result"),
    [
        (
            "crm.timeline.comment.add",
            {"ENTITY_ID": 5, "ENTITY_TYPE": "DEAL", "COMMENT": "two\r\nlines "},
            {"ENTITY_ID": "5", "ENTITY_TYPE": "DEAL"},
            [
                {"ID": "9", "ENTITY_ID": "5", "ENTITY_TYPE": "deal", "COMMENT": "two\nlines", "CREATED": iso(SENT + 1)},
                {"ID": "8", "ENTITY_ID": "5", "ENTITY_TYPE": "deal", "COMMENT": "another", "CREATED": iso(SENT + 1)},
            ],
            9,
        ),
        (
            "crm.orderentity.add",
            {"orderId": 5, "ownerId": "6", "ownerTypeId": 2},
            {"orderId": "5", "ownerId": "6", "ownerTypeId": "2"},
            {"orderEntity": [{"orderId": 5, "ownerId": 6, "ownerTypeId": 2}]},
            {"orderEntity": {"orderId": 5, "ownerId": 6, "ownerTypeId": 2}},
        ),
        (
            "catalog.price.add",
            {"productId": 5, "catalogGroupId": 1, "price": "100", "currency": "RUB"},
            {"productId": "5", "catalogGroupId": "1"},
            {"prices": {"1": {"id": 9, "productId": 5, "catalogGroupId": 1, "price": 100.0}}},
            {"price": {"id": 9, "productId": 5, "catalogGroupId": 1, "price": 100.0}},
        ),
        (
            "crm.deal.userfield.add",
            {"FIELD_NAME": "code", "USER_TYPE_ID": "string"},
            {"FIELD_NAME": "UF_CRM_CODE"},
            [{"ID": "9", "FIELD_NAME": "UF_CRM_CODE"}],
            9,
        ),
    ],
)
def test_adds_that_their_own_fields_identify(method: str, fields: Any, filter: Any, rows: Any, result: Any) -> None:
    call = unclear(run(method, {"fields": fields}))
    assert asked(call)[1]["filter"] == filter and call.due == SENT + LIMIT
    call.take(executed(rows))
    assert answered(call) == result
    again = unclear(run(method, {"fields": fields}))
    again.take(executed([]))
    assert asked(again)[0] == method


def test_the_same_comment_said_before_or_by_another_request() -> None:
    fields = {"ENTITY_ID": 5, "ENTITY_TYPE": "deal", "COMMENT": "hello"}
    known = Known()
    other = run("crm.timeline.comment.add", {"fields": fields}, known=known)
    other.take(executed(8))
    call = unclear(run("crm.timeline.comment.add", {"fields": fields}, known=known))
    there = [{**fields, "ID": "8", "CREATED": iso(SENT)}, {**fields, "ID": "7", "CREATED": iso(SENT - 1000)}]
    call.take(executed(there))
    assert asked(call)[0] == "crm.timeline.comment.add"


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
