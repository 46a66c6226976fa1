"""pipeline/portal/steps/call.py: adds of unknown outcome, found by an external id or by their own fields."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.delivery.errors import Permanent, Unknown
from pipeline.portal.steps.call import CallRun
from pipeline.portal.steps.command import Refused
from pipeline.portal.steps.env import Known
from tests.unit.portal.steps.calls import SENT, STAMP, answered, asked, iso, run, unclear
from tests.unit.portal.steps.world import LIMIT, executed, refusal

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
            {"dealOrder": {"orderId": 5, "ownerId": 6, "ownerTypeId": 2}},
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
        (
            "catalog.productProperty.add",
            {"iblockId": 23, "code": "SIZE", "name": "Size", "propertyType": "L"},
            {"iblockId": "23", "code": "SIZE"},
            {
                "productProperties": [
                    {"id": 9, "iblockId": 23, "code": "SIZE", "name": "Size", "propertyType": "S"},
                    {"id": 8, "iblockId": 23, "code": "SIZE", "name": "Size", "propertyType": "L"},
                ]
            },
            {"productProperty": {"id": 8, "iblockId": 23, "code": "SIZE", "name": "Size", "propertyType": "L"}},
        ),
        (
            "catalog.productPropertyEnum.add",
            {"propertyId": "431", "xmlId": "M", "value": "Medium"},
            {"propertyId": "431", "xmlId": "M"},
            {"productPropertyEnums": [{"id": 9, "propertyId": 431, "xmlId": "M", "value": "Medium"}]},
            {"productPropertyEnum": {"id": 9, "propertyId": 431, "xmlId": "M", "value": "Medium"}},
        ),
        (
            "sale.shipmentitem.add",
            {"orderDeliveryId": 33, "basketId": "18", "quantity": "1.0"},
            {"orderDeliveryId": "33", "basketId": "18"},
            {"shipmentItems": [{"id": 9, "orderDeliveryId": 33, "basketId": 18, "quantity": 1}]},
            {"shipmentItem": {"id": 9, "orderDeliveryId": 33, "basketId": 18, "quantity": 1}},
        ),
        (
            "crm.address.add",
            {"TYPE_ID": 1, "ENTITY_TYPE_ID": 8, "ENTITY_ID": 5, "CITY": "Omsk"},
            {"TYPE_ID": "1", "ENTITY_TYPE_ID": "8", "ENTITY_ID": "5"},
            [{"TYPE_ID": "1", "ENTITY_TYPE_ID": "8", "ENTITY_ID": "5", "CITY": "Omsk", "ADDRESS_1": None}],
            True,
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
    assert asked(again)[0] == method.lower()


def test_what_an_add_brings_must_be_there() -> None:
    """An address of another content is an older one: that the add was refused is told when it is made again."""
    key = {"TYPE_ID": 1, "ENTITY_TYPE_ID": 8, "ENTITY_ID": 5}
    call = unclear(run("crm.address.add", {"fields": {**key, "CITY": "Omsk"}}))
    call.take(executed([{**key, "CITY": "Perm"}]))
    assert asked(call)[0] == "crm.address.add"


def test_the_same_comment_said_before_or_by_another_request() -> None:
    fields = {"ENTITY_ID": 5, "ENTITY_TYPE": "deal", "COMMENT": "hello"}
    known = Known()
    other = run("crm.timeline.comment.add", {"fields": fields}, known=known)
    other.take(executed(8))
    call = unclear(run("crm.timeline.comment.add", {"fields": fields}, known=known))
    there = [{**fields, "ID": "8", "CREATED": iso(SENT)}, {**fields, "ID": "7", "CREATED": iso(SENT - 1000)}]
    call.take(executed(there))
    assert asked(call)[0] == "crm.timeline.comment.add"
