"""What a portal may answer, and what becomes of the request (docs/answers.md). Faults are the simulator's.

Pauses are settings, seconds here (conftest.py). A fault that hits `count` requests is over when they have come.
"""

from typing import Any

import pytest

from tests.e2e.conftest import FOREIGN_TOKEN, FOREIGN_USER, KNOWN_TOKEN, KNOWN_USER
from tests.e2e.installation import Place, Places, Simulator
from tests.e2e.outside import Answer
from tests.e2e.waiting import eventually
from tests.support.services import PortalFactory

pytestmark = pytest.mark.services

KNOWN = {"user": KNOWN_USER, "token": KNOWN_TOKEN}
FOREIGN = {"user": FOREIGN_USER, "token": FOREIGN_TOKEN}


def fine(answer: Answer, attempts: int) -> Any:
    """It succeeded after so many calls; its result."""
    assert (answer.error_class, answer.status, answer.attempts) == (None, 200, attempts)
    return answer.json["result"]


def waits(place: Place, state: str) -> str:
    """/healthz names the portal and its state; the reason."""
    start = f"{place.name}: {state}; "
    return eventually(
        lambda: next((r for r in place.bus.health("portals") if r.startswith(start)), ""), f"{place.name} is {state}"
    )


# -- refused before execution


def test_query_limit_is_tried_again(place: Place) -> None:
    place.simulator.fault("503", count=2)
    assert fine(place.ask("crm.deal.add", {"fields": {"TITLE": "t"}}), attempts=3) == 1
    assert place.simulator.executed("crm.deal.add") == 1


def test_operation_time_limit_holds_the_method_alone(place: Place) -> None:
    rule = place.simulator.fault("429", methods=["crm.deal.list"], count=1)
    held = place.send("crm.deal.list")
    eventually(lambda: place.simulator.hits(rule) == 1, "the method is refused")
    behind = place.send("crm.deal.list")
    others = [place.send("profile") for _ in range(5)] + [place.send("crm.deal.list", **KNOWN)]
    for message_id in others:
        fine(place.bus.mailbox.wait(message_id), attempts=1)
    fine(place.bus.mailbox.wait(held), attempts=2)
    fine(place.bus.mailbox.wait(behind), attempts=1)
    runs = [(run["method"], run["user"]) for run in place.simulator.executions() if run["method"] != "batch"]
    past = [("crm.deal.list", KNOWN_USER)] + [("profile", "1")] * 5
    assert sorted(runs[:6]) == past, "these went past it, side by side"
    assert runs[6:] == [("crm.deal.list", "1")] * 2, "these waited for method_hold seconds"


@pytest.mark.parametrize("kind", ["503_overload", "401_overload"])
def test_an_overload_block_pauses_the_portal_and_nobody_else(places: Places, kind: str) -> None:
    place, other = places(), places()
    rule = place.simulator.fault(kind)
    waiting = [place.send(params={"n": n}) for n in range(3)]
    assert "OVERLOAD_LIMIT" in waits(place, "blocked")
    other.still_works()
    assert place.simulator.hits(rule) == 1, "no knocking at a closed door"
    place.simulator.heal()
    assert fine(place.bus.mailbox.wait(waiting[0]), attempts=2) == {"n": 0}
    for n, message_id in list(enumerate(waiting))[1:]:
        assert fine(place.bus.mailbox.wait(message_id), attempts=1) == {"n": n}


# -- nobody knows whether it was executed: reads are repeated


@pytest.mark.parametrize(
    ("kind", "executed"),
    [("500", 1), ("502", 1), ("504", 1), ("reset_before", 1), ("reset_after", 3), ("malformed", 3)],
)
def test_a_read_is_repeated_when_its_outcome_is_unknown(place: Place, kind: str, executed: int) -> None:
    place.simulator.fault(kind, methods=["crm.deal.list"], count=2)
    assert fine(place.ask("crm.deal.list"), attempts=3) == []
    assert place.simulator.executed("crm.deal.list") == executed


def test_a_portal_that_hangs_is_given_up_after_the_timeout(place: Place) -> None:
    place.simulator.fault("hang_before", methods=["crm.deal.list"], count=1)
    assert fine(place.ask("crm.deal.list"), attempts=2) == []
    assert place.simulator.executed("crm.deal.list") == 1


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("500", 500, "INTERNAL_SERVER_ERROR"),
        ("502", 502, "BUS_UNKNOWN_OUTCOME"),
        ("malformed", 200, "BUS_UNKNOWN_OUTCOME"),
        ("reset_before", 0, "BUS_UNKNOWN_OUTCOME"),
    ],
)
def test_a_request_that_alone_fails_is_given_up(place: Place, kind: str, status: int, error: str) -> None:
    place.simulator.fault(kind, methods=["crm.deal.list"])
    failing = place.send("crm.deal.list")
    answer = None
    while answer is None:
        place.still_works()  # the portal serves others meanwhile: so it is the request
        answer = next(iter(place.bus.mailbox.of(failing)), None)
    assert (answer.error_class, answer.status) == ("unknown", status)
    assert answer.json["error"] == error, "JSON, whatever the portal sent"
    assert answer.attempts >= 10
    assert answer.content_type == "text/json"


def test_while_a_portal_fails_for_all_nothing_is_given_up(places: Places) -> None:
    place, other = places(), places()
    rule = place.simulator.fault("502")
    waiting = [place.send("crm.deal.list", {"filter": {"ID": n}}) for n in range(5)]
    assert "HTTP 502" in waits(place, "down")
    eventually(lambda: place.simulator.hits(rule) > 3, "tried again and again")
    other.still_works()
    assert not any(place.bus.mailbox.of(message_id) for message_id in waiting)
    place.simulator.heal()
    for message_id in waiting:
        answer = place.bus.mailbox.wait(message_id)
        assert (answer.error_class, answer.json["result"]) == (None, [])
    assert place.simulator.executed("crm.deal.list") == 5


# -- refused by right


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("401_expired", 401, "expired_token"),
        ("401_credentials", 401, "INVALID_CREDENTIALS"),
        ("403_scope", 403, "insufficient_scope"),
    ],
)
def test_a_refused_token_of_the_messages_own_is_answered(place: Place, kind: str, status: int, error: str) -> None:
    place.simulator.fault(kind, count=1)
    refusal = place.ask("profile", **FOREIGN)
    assert (refusal.error_class, refusal.status, refusal.attempts) == ("auth", status, 1)
    assert refusal.json["error"] == error
    fine(place.ask("profile", **FOREIGN), attempts=1)


@pytest.mark.parametrize("kind", ["401_expired", "401_credentials"])
def test_a_configured_credential_that_is_refused_waits_for_its_mending(place: Place, kind: str) -> None:
    place.simulator.fault(kind, methods=["profile"])
    waiting = [place.send("profile", **KNOWN) for _ in range(3)]
    assert "known" in waits(place, "auth")
    place.still_works()
    assert not any(place.bus.mailbox.of(message_id) for message_id in waiting)
    place.simulator.heal()
    answers = [place.bus.mailbox.wait(message_id) for message_id in waiting]
    assert {(answer.error_class, answer.status) for answer in answers} == {(None, 200)}
    assert place.simulator.executed("profile") == 3


def test_a_right_that_is_missing_is_answered_for_a_configured_credential_too(place: Place) -> None:
    place.simulator.fault("403_scope", count=1)
    refusal = place.ask("profile", **KNOWN)
    assert (refusal.error_class, refusal.status, refusal.json["error"]) == ("auth", 403, "insufficient_scope")
    fine(place.ask("profile", **KNOWN), attempts=1)


# -- refused for good


@pytest.mark.parametrize(
    ("rule", "error_class"),
    [
        ({"error": "ERROR_CORE", "error_description": "no"}, "permanent"),
        ({"error": "insufficient_scope", "error_description": "no"}, "auth"),
        ({"error": 0, "error_description": "no"}, "permanent"),
    ],
)
def test_an_error_under_200_is_an_error(place: Place, rule: dict[str, Any], error_class: str) -> None:
    place.simulator.fault("error_200", count=1, **rule)
    answer = place.ask("profile")
    assert (answer.error_class, answer.status, answer.attempts) == (error_class, 200, 1)
    assert answer.json == rule, "verbatim"


def test_a_query_limit_under_200_is_one_all_the_same(place: Place) -> None:
    place.simulator.fault("error_200", count=1, error="QUERY_LIMIT_EXCEEDED")
    fine(place.ask("profile"), attempts=2)


def test_a_method_that_is_not_there(place: Place) -> None:
    answer = place.ask("crm.nothing.there")
    assert (answer.error_class, answer.status, answer.attempts) == ("permanent", 404, 1)
    assert answer.json["error"] == "ERROR_METHOD_NOT_FOUND"


def test_a_portal_that_was_renamed_is_followed(place: Place, portal_factory: PortalFactory) -> None:
    new = Simulator(portal_factory("--no-limits", f"--portal={place.name}"), place.name)
    place.simulator.fault("302", location=new.process.url, count=1)
    fine(place.ask("profile"), attempts=1)
    fine(place.ask("profile"), attempts=1)
    assert (place.simulator.requests, new.executed("profile")) == (1, 2), "from then on it is called there"
