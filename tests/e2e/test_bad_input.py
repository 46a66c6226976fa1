"""The table of bad input in issue 3, section 5, row by row, through the real brokers and a real worker.

Every test has a portal of its own: what the portal's counters say is what this test has sent it.
"""

import hashlib
from typing import Any

import pytest

from stack.sandbox import Portal
from tests.e2e.conftest import FOREIGN_TOKEN, FOREIGN_USER, KNOWN_TOKEN, KNOWN_USER
from tests.e2e.installation import Installation, Place, Simulator
from tests.e2e.outside import Answer
from tests.e2e.waiting import eventually

pytestmark = pytest.mark.services

MIB = 1024 * 1024
ANSWER_LIMIT, BODY_LIMIT, RECORD_LIMIT = 16 * MIB, 10 * MIB, 17 * MIB


def refused(answer: Answer, error_class: str, code: str, portal: str) -> str:
    """It is an error answer of the bus, of which the portal saw nothing; returns its text."""
    assert answer.content_type == "text/json"
    assert answer.error_class == error_class
    assert (answer.status, answer.attempts, answer.headers["portal"]) == (0, 0, portal)
    assert answer.headers["answer-id"]
    body: dict[str, Any] = answer.json
    assert body["error"] == code
    return str(body["error_description"])


def nothing_sent(place: Place) -> None:
    """The portal has got nothing, and answers the next good request."""
    assert place.simulator.requests == 0
    place.still_works()
    assert place.simulator.requests == 1


BAD_METHODS = {
    "absent": None,
    "empty": "",
    "climbs": "../../1/sandbox/crm.deal.list",
    "slash": "crm/deal/list",
    "space": "crm.deal.list x",
    "query": "crm.deal.list?x=1",
    "control character": "crm.deal\r\nlist",
    "zero": "crm.deal.list\0",
    "xml": "crm.deal.list.xml",
    "other letters": "сrm.deal.list",
    "list": ["crm.deal.list"],
}


@pytest.mark.parametrize("method", BAD_METHODS.values(), ids=BAD_METHODS.keys())
def test_no_method_or_no_method_name(place: Place, method: object) -> None:
    message_id = place.send(method, {"n": 1})
    answer = place.bus.mailbox.wait(message_id)
    assert "header method" in refused(answer, "permanent", "BUS_BAD_REQUEST", place.name)
    letter = place.bus.dead_letter(message_id)
    assert letter.value == b'{"n": 1}'
    assert letter.text("dl-error-class") == "permanent"
    assert "header method" in letter.text("dl-last-error")
    assert letter.text("dl-topic").endswith("portal.requests.interactive")
    assert letter.text("dl-partition").isdigit() and letter.text("dl-offset").isdigit()
    nothing_sent(place)


BAD_CREDENTIALS: dict[str, tuple[object, object]] = {
    "no user": (None, "sandbox"),
    "no token": ("1", None),
    "neither": (None, None),
    "empty token": ("1", ""),
    "token is a path": ("1", "sandbox/../x"),
    "token is a list": ("1", ["sandbox"]),
}


@pytest.mark.parametrize("credential", BAD_CREDENTIALS.values(), ids=BAD_CREDENTIALS.keys())
def test_no_user_or_token(place: Place, credential: tuple[object, object]) -> None:
    user, token = credential
    message_id = place.send(user=user, token=token)
    refused(place.bus.mailbox.wait(message_id), "auth", "BUS_UNAUTHORIZED", place.name)
    assert place.bus.dead_letter(message_id).text("dl-error-class") == "auth"
    nothing_sent(place)


def test_an_unknown_token_where_unknown_ones_are_not_allowed(bus: Installation, simulator: Portal) -> None:
    portal = Simulator(simulator, "strict")
    before = portal.requests
    message_id = bus.send("crm.deal.list", portal="strict", user=FOREIGN_USER, token=FOREIGN_TOKEN)
    refused(bus.mailbox.wait(message_id), "auth", "BUS_UNAUTHORIZED", "strict")
    assert bus.dead_letter(message_id).text("dl-error-class") == "auth"
    assert portal.requests == before
    known = bus.ask("crm.deal.list", portal="strict", user=KNOWN_USER, token=KNOWN_TOKEN)
    assert (known.status, known.error_class) == (200, None)


@pytest.mark.parametrize("body", [b"", b" \r\n", b"\xef\xbb\xbf"], ids=["empty", "blank", "byte order mark"])
def test_an_empty_body_means_no_parameters(place: Place, body: bytes) -> None:
    answer = place.ask("profile", body=body)
    assert (answer.status, answer.error_class, answer.attempts) == (200, None, 1)
    assert answer.json["result"]["ID"]


@pytest.mark.parametrize(("body", "seen"), [(b"[]", []), (b'["x"]', {"0": "x"}), (b"{}", [])])
def test_an_array_is_as_good_as_an_object(place: Place, body: bytes, seen: object) -> None:
    answer = place.ask("sandbox.echo", body=body)
    assert (answer.status, answer.error_class) == (200, None)
    assert answer.json["result"] == seen, "as PHP sees it"


BAD_BODIES = {
    "no JSON": b"id=5&x=1",
    "cut off": b'{"filter": {"ID": 1}',
    "two values": b"{}{}",
    "not a number": b'{"a": NaN}',
    "windows-1251": '{"TITLE": "Сделка"}'.encode("cp1251"),
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "binary": bytes(range(256)),
    "text": b'"profile"',
    "number": b"5",
    "null": b"null",
    "true": b"true",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_body_that_is_no_json_object_or_array(place: Place, body: bytes) -> None:
    message_id = place.send("profile", body=body)
    assert "body" in refused(place.bus.mailbox.wait(message_id), "permanent", "BUS_BAD_REQUEST", place.name)
    letter = place.bus.dead_letter(message_id)
    assert letter.value == body, "the bytes are kept as they came"
    assert letter.text("dl-error-class") == "permanent"
    nothing_sent(place)


def test_a_wrong_charset_is_named(place: Place) -> None:
    body = '{"TITLE": "Сделка"}'.encode("cp1251")
    answer = place.ask("profile", body=body, content_type="text/json; charset=windows-1251")
    assert "windows-1251" in refused(answer, "permanent", "BUS_BAD_REQUEST", place.name)


def test_a_body_over_the_limit_is_kept_whole(place: Place) -> None:
    body = b'{"a":"' + b"x" * BODY_LIMIT + b'"}'
    message_id = place.send("profile", body=body)
    text = refused(place.bus.mailbox.wait(message_id), "permanent", "BUS_BAD_REQUEST", place.name)
    assert str(len(body)) in text and str(BODY_LIMIT) in text
    assert place.bus.dead_letter(message_id).value == body
    nothing_sent(place)


def test_of_a_body_over_kafkas_limit_hash_and_length_are_kept(place: Place) -> None:
    body = b'{"a":"' + b"x" * RECORD_LIMIT + b'"}'
    message_id = place.send("profile", body=body)
    text = refused(place.bus.mailbox.wait(message_id), "permanent", "BUS_BAD_REQUEST", place.name)
    assert str(len(body)) in text
    letter = place.bus.dead_letter(message_id)
    assert letter.text("body-length") == str(len(body))
    assert letter.text("body-sha256") == hashlib.sha256(body).hexdigest()
    nothing_sent(place)


def test_the_longest_body_that_is_allowed_reaches_the_portal(place: Place) -> None:
    body = b'{"a":"' + b"x" * (BODY_LIMIT - 8) + b'"}'
    answer = place.ask("sandbox.echo", body=body)
    assert (answer.status, answer.error_class) == (200, None)
    assert len(answer.json["result"]["a"]) == BODY_LIMIT - 8


def test_without_message_id_the_answer_carries_one_of_ours(place: Place) -> None:
    before = len(place.bus.mailbox.all())
    place.send(params={"without": place.name}, message_id=None)
    wanted = {"without": place.name}
    (answer,) = eventually(
        lambda: [a for a in place.bus.mailbox.all()[before:] if a.json.get("result") == wanted], "the answer comes"
    )
    assert answer.message_id == answer.headers["answer-id"]
    assert (answer.status, answer.error_class) == (200, None)


def test_the_same_message_id_twice_on_purpose_is_two_requests(place: Place) -> None:
    message_id = place.send("crm.deal.add", {"fields": {"TITLE": "Twice"}})
    place.send("crm.deal.add", {"fields": {"TITLE": "Twice"}}, message_id=message_id)
    place.bus.mailbox.wait(message_id, count=2)
    place.still_works()
    first, second = place.bus.mailbox.of(message_id)
    assert place.simulator.executed("crm.deal.add") == 2
    assert {first.json["result"], second.json["result"]} == {1, 2}
    assert first.headers["answer-id"] != second.headers["answer-id"]


def test_an_answer_over_the_limit_says_that_it_was_executed(place: Place) -> None:
    place.simulator.fault("big", size=ANSWER_LIMIT, count=1)
    answer = place.ask("crm.deal.add", {"fields": {"TITLE": "Big"}})
    assert answer.error_class == "oversize"
    assert (answer.status, answer.attempts) == (200, 1)
    assert answer.json["error"] == "BUS_ANSWER_TOO_LONG"
    text = answer.json["error_description"]
    assert "executed" in text
    length = next(int(word) for word in text.split() if word.isdigit() and int(word) > ANSWER_LIMIT)
    assert length < ANSWER_LIMIT + 1000, "the padding and a short envelope"
    place.still_works()
    assert place.simulator.executed("crm.deal.add") == 1, "never executed again"


def test_the_longest_answer_that_is_allowed_comes_whole(place: Place) -> None:
    place.simulator.fault("big", size=ANSWER_LIMIT - 1000, count=1)
    answer = place.ask("profile")
    assert (answer.status, answer.error_class, answer.attempts) == (200, None, 1)
    assert len(answer.json["sandbox_padding"]) == ANSWER_LIMIT - 1000


def test_a_wrong_token_is_answered_and_holds_nobody_up(place: Place) -> None:
    wrong = place.send("profile", token="not-the-token")
    good = place.send("profile")
    refusal, answer = place.bus.mailbox.wait(wrong), place.bus.mailbox.wait(good)
    assert (refusal.error_class, refusal.status, refusal.attempts) == ("auth", 401, 1)
    assert refusal.json["error"], "the portal's own body"
    assert (answer.status, answer.error_class) == (200, None)
    assert place.simulator.executed("profile") == 1


def test_a_portal_that_is_not_configured(bus: Installation) -> None:
    message_id = bus.send(portal="nobody")
    assert "'nobody'" in refused(bus.mailbox.wait(message_id), "permanent", "BUS_BAD_REQUEST", "nobody")
    assert bus.dead_letter(message_id).text("dl-error-class") == "permanent"


def test_bad_messages_never_hold_up_the_good_ones_between_them(place: Place) -> None:
    bad = [place.send("../x", {"n": n}) for n in range(20)]
    good = [place.send(params={"n": n}) for n in range(20)]
    for n, message_id in enumerate(good):
        assert place.bus.mailbox.wait(message_id).json["result"] == {"n": n}
    for message_id in bad:
        refused(place.bus.mailbox.wait(message_id), "permanent", "BUS_BAD_REQUEST", place.name)
    assert place.simulator.requests == len(good)
