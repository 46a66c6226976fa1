"""pipeline/portal/requests/letters.py: the dead letter of a request is the record as it came."""

import pytest

from pipeline.delivery.errors import Unknown
from pipeline.portal.requests.answers import Reply
from pipeline.portal.requests.lanes import Lane
from pipeline.portal.requests.letters import AGENT, Letters
from pipeline.topology import DEAD_LETTERS, REQUESTS_BULK, REQUESTS_INTERACTIVE
from tests.unit.portal.fakes import row

LETTERS = Letters(lambda topic: f"prefix.{topic}", 1_000_000)
ERROR = Unknown("nobody knows")


@pytest.mark.parametrize(("lane", "topic"), [("i", REQUESTS_INTERACTIVE), ("b", REQUESTS_BULK)])
def test_it_tells_where_the_request_came_from(lane: Lane, topic: str) -> None:
    letter = LETTERS.letter(row(lane=lane, partition=3, offset=17, attempts=2, body=b'{"a":1}'), ERROR)
    assert (letter.topic, letter.key, letter.value) == (DEAD_LETTERS, b"default", b'{"a":1}')
    headers = letter.headers
    assert (headers["dl-topic"], headers["dl-partition"], headers["dl-offset"]) == (f"prefix.{topic}", "3", "17")
    assert (headers["dl-agent"], headers["dl-error-class"], headers["dl-attempts"]) == (AGENT, "unknown", "2")
    assert headers["dl-last-error"] == "nobody knows"


def test_its_headers_are_those_that_intake_takes() -> None:
    """So that it can be sent again as it is."""
    given = {"message_id": "m", "reply_to": "back", "correlation_id": "c", "method": "crm.deal.add"}
    headers = LETTERS.letter(row(**given), ERROR).headers
    ours = {name: text for name, text in headers.items() if not name.startswith("dl-")}
    assert ours == {
        "source": "amqp",
        "portal": "default",
        "method": "crm.deal.add",
        "user": "1",
        "credential": "all",
        "amqp-message-id": "m",
        "amqp-reply-to": "back",
        "amqp-correlation-id": "c",
    }


def test_of_a_plan_and_of_a_sealed_token() -> None:
    headers = LETTERS.letter(row(plan=True, method="plan", credential=None, sealed="x.y"), ERROR).headers
    assert "method" not in headers and "credential" not in headers
    assert (headers["plan"], headers["sealed"]) == ("1", "x.y")


def test_of_a_plan_it_names_the_step_that_failed() -> None:
    reply = Reply(400, b'{"error":"X","error_description":"step \'deal\': refused","step":"deal","steps":{}}')
    headers = LETTERS.letter(row(plan=True, method="plan"), ERROR, reply).headers
    assert headers["dl-last-error"] == headers["dl-first-error"] == f"step 'deal': {ERROR}"
    assert headers["dl-error-class"] == ERROR.error_class
    # a call alone has no steps, and what could not be begun names none
    assert LETTERS.letter(row(), ERROR, reply).headers["dl-last-error"] == str(ERROR)
    other = Reply(0, b'{"error":"BUS_BAD_REQUEST","error_description":"no plan"}')
    assert LETTERS.letter(row(plan=True, method="plan"), ERROR, other).headers["dl-last-error"] == str(ERROR)


def test_of_an_item_of_a_run() -> None:
    headers = LETTERS.letter(row(plan=True, method="plan", run={"run": "r", "item": "7"}), ERROR).headers
    assert (headers["run"], headers["item"], headers["plan"]) == ("r", "7", "1")
