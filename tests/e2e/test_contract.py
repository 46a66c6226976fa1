"""The contract of seed 001 for good requests: headers, properties, portals, credentials (issue 3, section 5)."""

import pytest

from stack.sandbox import Portal
from tests.e2e.conftest import FOREIGN_TOKEN, FOREIGN_USER, KNOWN_TOKEN, KNOWN_USER
from tests.e2e.installation import Installation, Place, Places, Simulator

pytestmark = pytest.mark.services


def test_an_answer_has_the_old_proxys_form_and_our_headers(place: Place) -> None:
    message_id = place.send("crm.deal.add", {"fields": {"TITLE": "Ель"}}, message_id="any text / 7")
    answer = place.bus.mailbox.wait(message_id)
    assert (answer.message_id, answer.content_type, answer.delivery_mode) == ("any text / 7", "text/json", 2)
    assert (answer.exchange, answer.routing_key) == ("", place.bus.queue_out)
    assert answer.headers.keys() == {"answer-id", "status", "attempts", "portal"}
    assert (answer.status, answer.attempts, answer.headers["portal"]) == (200, 1, place.name)
    assert answer.json["result"] == 1 and "time" in answer.json


def test_the_portals_own_errors_are_passed_on_verbatim(place: Place) -> None:
    answer = place.ask("crm.deal.get", {"id": 404})
    assert (answer.error_class, answer.status, answer.attempts) == ("permanent", 400, 1)
    assert answer.json == {"error": "", "error_description": "Not found"}


@pytest.mark.parametrize(
    "headers",
    [{"user": 1}, {"user": b"1", "token": b"sandbox", "method": b"profile"}],
    ids=["integer", "bytes"],
)
def test_headers_need_not_be_strings(place: Place, headers: dict[str, object]) -> None:
    answer = place.ask("profile", headers=headers)
    assert (answer.status, answer.error_class) == (200, None)


def test_a_token_may_be_an_integer(place: Place) -> None:
    # no webhook of the portal, so the portal itself refuses it: it has got that far
    answer = place.ask("profile", user=1, token=1234567890)
    assert (answer.status, answer.error_class, answer.attempts) == (401, "auth", 1)
    assert place.simulator.requests == 1


@pytest.mark.parametrize("method", ["profile", "PROFILE", "profile.json", "Profile.JSON"])
def test_methods_in_any_case_with_or_without_json(place: Place, method: str) -> None:
    assert place.ask(method).json["result"]["ID"]


def test_correlation_id_is_echoed(place: Place) -> None:
    assert place.ask(correlation_id="c-1").correlation_id == "c-1"


def test_content_type_and_other_properties_do_not_matter(place: Place) -> None:
    answer = place.ask(
        params={"n": 1},
        content_type="application/octet-stream",
        content_encoding="none",
        priority=3,
        expiration="60000",
        type="t",
        app_id="a",
        headers={"x-other": {"nested": [1, None, True]}, "n": 5, "список": "да"},
    )
    assert answer.json["result"] == {"n": 1}


def test_no_portal_header_means_the_portal_of_b24rest(bus: Installation, simulator: Portal) -> None:
    default = Simulator(simulator)
    before = default.requests
    answer = bus.ask(params={"n": 1})
    assert (answer.json["result"], answer.headers["portal"]) == ({"n": 1}, "default")
    assert default.requests == before + 1


def test_the_portal_header_picks_one_of_several(places: Places) -> None:
    one, other = places(), places()
    asked = {place.name: place.send("crm.deal.add", {"fields": {"TITLE": place.name}}) for place in (one, other)}
    for place in (one, other):
        answer = place.bus.mailbox.wait(asked[place.name])
        assert (answer.headers["portal"], answer.json["result"]) == (place.name, 1)
        assert place.simulator.counters()["adds"]["by_title"] == {"crm.deal.add": {place.name: 1}}


def test_a_configured_credential_is_found_by_its_token(place: Place) -> None:
    assert place.ask("profile", user=KNOWN_USER, token=KNOWN_TOKEN).status == 200
    assert place.ask("profile", user=int(KNOWN_USER), token=KNOWN_TOKEN).status == 200
    assert [run["user"] for run in place.simulator.executions()] == [KNOWN_USER] * 2


def test_a_token_that_is_not_configured_is_used_as_it_came(place: Place) -> None:
    assert place.ask("profile", user=FOREIGN_USER, token=FOREIGN_TOKEN).status == 200
    assert [run["user"] for run in place.simulator.executions()] == [FOREIGN_USER]


ALLOWED = {
    "listed": ("crm.deal.list", {}),
    "in another case": ("CRM.Deal.List.json", {}),
    "of a listed family": ("crm.company.get", {"id": 1}),
    "batch of listed ones": ("batch", {"cmd": {"a": "crm.deal.list", "b": "crm.company.get?id=1"}}),
}
REFUSED = {
    "not listed": ("crm.deal.delete", {"id": 1}),
    "batch that hides one": ("batch", {"cmd": {"a": "crm.deal.list", "b": "crm.deal.delete?id=1"}}),
    "batch, differently spelt": ("BATCH.json", {"CMD": ["crm.deal.delete?id=1"]}),
}


@pytest.mark.parametrize(("method", "params"), ALLOWED.values(), ids=ALLOWED.keys())
def test_methods_on_the_allow_list(bus: Installation, method: str, params: object) -> None:
    answer = bus.ask(method, params, portal="strict", user=KNOWN_USER, token=KNOWN_TOKEN)
    assert answer.attempts == 1, "it has reached the portal"
    assert answer.error_class in (None, "permanent")


@pytest.mark.parametrize(("method", "params"), REFUSED.values(), ids=REFUSED.keys())
def test_methods_that_are_not_on_the_allow_list(
    bus: Installation, simulator: Portal, method: str, params: object
) -> None:
    portal = Simulator(simulator, "strict")
    before = portal.requests
    message_id = bus.send(method, params, portal="strict", user=KNOWN_USER, token=KNOWN_TOKEN)
    answer = bus.mailbox.wait(message_id)
    assert (answer.error_class, answer.status, answer.attempts) == ("auth", 0, 0)
    assert answer.json["error"] == "BUS_UNAUTHORIZED"
    assert "not allowed" in bus.dead_letter(message_id).text("dl-last-error")
    assert portal.requests == before
