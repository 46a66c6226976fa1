"""pipeline/portal/requests/answers.py: what clients get for each kind of error."""

import orjson
import pytest

from pipeline.delivery.errors import Auth, BadInput, Blocked, PipelineError, Throttled, Transient
from pipeline.portal.requests.answers import Reply, failed, succeeded, to_record
from pipeline.portal.wire.faults import Answer, PortalAuth, PortalOversize, PortalPermanent, PortalUnknown

REFUSED = b'{"error":"ERROR_CORE","error_description":"wrong"}'


def test_success_is_verbatim() -> None:
    body = b'\xef\xbb\xbf{"result": 1.10}'
    assert succeeded(Answer(200, body)) == Reply(200, body, None)


@pytest.mark.parametrize(
    "error",
    [
        PortalPermanent("x", answer=Answer(400, REFUSED)),
        PortalAuth("x", answer=Answer(400, REFUSED)),
        PortalUnknown("x", answer=Answer(400, REFUSED)),
    ],
)
def test_the_portals_error_is_verbatim(error: PipelineError) -> None:
    assert failed(error) == Reply(400, REFUSED, error.error_class)


@pytest.mark.parametrize(
    ("error", "code", "status", "error_class"),
    [
        (BadInput("t"), "BUS_BAD_REQUEST", 0, "permanent"),
        (Auth("t"), "BUS_UNAUTHORIZED", 0, "auth"),
        (Blocked("t"), "BUS_PORTAL_BLOCKED", 0, "blocked"),
        (Transient("t"), "BUS_UNAVAILABLE", 0, "transient"),
        (Throttled("t"), "BUS_UNAVAILABLE", 0, "throttled"),
        (PortalUnknown("t"), "BUS_UNKNOWN_OUTCOME", 0, "unknown"),
        (PortalUnknown("t", answer=Answer(502, b"<html>")), "BUS_UNKNOWN_OUTCOME", 502, "unknown"),
        (PortalPermanent("t", answer=Answer(413, b"<html>")), "BUS_REFUSED", 413, "permanent"),
        (
            PortalOversize("t", length=20, exact=True, answer=Answer(200, b"")),
            "BUS_ANSWER_TOO_LONG",
            200,
            "oversize",
        ),
    ],
)
def test_our_errors(error: PipelineError, code: str, status: int, error_class: str) -> None:
    reply = failed(error)
    assert orjson.loads(reply.body) == {"error": code, "error_description": "t"}
    assert (reply.status, reply.error_class) == (status, error_class)


def test_record_of_a_success() -> None:
    record = to_record(
        Reply(200, b"{}"),
        answer_id="a",
        message_id="m",
        reply_to=None,
        correlation_id=None,
        portal="default",
        attempts=1,
        source="amqp",
    )
    assert (record.topic, record.key, record.value) == ("portal.results", b"default", b"{}")
    assert record.headers == {
        "answer-id": "a",
        "message-id": "m",
        "status": "200",
        "attempts": "1",
        "portal": "default",
        "source": "amqp",
    }


def test_record_of_a_failure() -> None:
    record = to_record(
        failed(BadInput("t")),
        answer_id="a",
        message_id="m",
        reply_to="r",
        correlation_id="c",
        portal="nowhere",
        attempts=0,
        source="amqp",
    )
    assert record.headers["error-class"] == "permanent"
    assert record.headers["reply-to"] == "r"
    assert record.headers["correlation-id"] == "c"
    assert record.headers["attempts"] == "0"
