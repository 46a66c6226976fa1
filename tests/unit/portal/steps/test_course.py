"""pipeline/portal/steps/course.py: a request of one call. And which refusals mean that an object is not there."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.delivery.errors import Permanent, Unknown
from pipeline.portal.steps.command import Executed, Refused, Unclear
from pipeline.portal.steps.course import CallCourse
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.moments import moment
from pipeline.portal.wire.outcomes import is_missing
from tests.unit.portal.steps.world import LIMIT, START, refusal, unknown


def course(method: str, params: Any, sent_at: float | None = None) -> CallCourse:
    return CallCourse(method, params, b"", Env("main", request_limit=LIMIT), "stamp", sent_at=sent_at)


def test_the_answer_is_the_portal_s_byte_for_byte() -> None:
    call = course("crm.deal.list", {})
    (command,) = call.commands(START)
    call.mark_sent([command], START)
    call.take(command, Executed(200, b'{"result":[],  "next":50}'))
    assert call.reply is not None and (call.reply.status, call.reply.body) == (200, b'{"result":[],  "next":50}')
    assert (call.commands(START), call.due(), call.letter, call.progress()) == ([], None, None, None)


def test_an_error_of_the_portal_is_its_own_and_no_dead_letter() -> None:
    call = course("crm.deal.update", {"id": 5, "fields": {}})
    (command,) = call.commands(START)
    call.take(command, Refused(refusal("Not found")))
    assert call.reply is not None and call.reply.body == b'{"error":"","error_description":"Not found"}'
    assert (call.reply.status, call.reply.error_class, call.letter) == (400, "permanent", None)


def test_what_cannot_be_settled_is_a_dead_letter() -> None:
    call = course("bizproc.workflow.start", {})
    (command,) = call.commands(START)
    call.take(command, Unclear(unknown(), START))
    assert call.reply is not None and b"BUS_UNKNOWN_OUTCOME" in call.reply.body
    assert (call.reply.status, call.reply.error_class) == (0, "unknown") and isinstance(call.letter, Unknown)


def test_what_was_sent_before_is_looked_up_when_it_is_over() -> None:
    call = course("crm.deal.add", {"fields": {}}, START)
    assert call.commands(START + LIMIT - 1) == [] and call.due() == START + LIMIT
    (command,) = call.commands(START + LIMIT)
    assert command.name == "crm.deal.list" and not call.links()


def test_a_read_that_was_sent_before_is_made_again() -> None:
    (command,) = course("crm.deal.list", {}, START).commands(START)
    assert command.name == "crm.deal.list"


def test_what_was_sent_before_and_cannot_be_settled_is_over_at_once() -> None:
    call = course("bizproc.workflow.start", {}, START)
    assert call.commands(START) == [] and call.reply is not None and call.letter is not None


@pytest.mark.parametrize(
    ("code", "text", "missing"),
    [
        ("", "Not found", True),
        ("", "Company is not found", True),
        ("", "Сделка не найдена", True),
        ("NOT_FOUND", "Item not found", True),
        ("not_found", "", True),
        ("ERROR_NOT_FOUND", "", True),
        ("200540400001", "order is not exists", True),
        ("0", "product does not exist", True),
        ("ERROR_CORE", "Товар не существует<br>", True),
        ("", "ID is not defined or invalid", False),
        ("", "Access denied", False),
        ("", "Parameter 'fields' must be array", False),
        ("100", "Could not find value for parameter {fields}", False),
        ("OWNER_NOT_FOUND", "Owner not found", False),
        ("200040300000", "iblock not found", False),
        ("ERROR_METHOD_NOT_FOUND", "Method not found!", False),
        ("ACCESS_DENIED", "Access denied", False),
        ("INVALID_ARG_VALUE", "Invalid filter: field 'x' is not found", False),
    ],
)
def test_refusals_that_mean_not_there(code: str, text: str, missing: bool) -> None:
    assert is_missing(refusal(text, code)) is missing
    assert not is_missing(Permanent(text))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T03:00:10+03:00", 10.0),
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T00:00:10", None),
        ("yesterday", None),
        ("", None),
        (10, None),
        (None, None),
    ],
)
def test_moments(text: Any, seconds: float | None) -> None:
    assert moment(text) == seconds
