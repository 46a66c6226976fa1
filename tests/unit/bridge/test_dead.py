"""Dead letters of the inbound bridge tell everything but secrets."""

from __future__ import annotations

import hashlib

from pipeline.bridge.dead import edge_letter, too_long_letter
from pipeline.delivery.errors import BadInput
from pipeline.delivery.records import Record
from pipeline.portal.requests.edge import AmqpMessage
from pipeline.topology import DEAD_LETTERS, InboundQueue

INBOUND = InboundQueue("in", "portal.requests.interactive", "bitrix24")
TOKEN = "very-secret"


def message(body: bytes = b"{}") -> AmqpMessage:
    return AmqpMessage(
        exchange="e",
        routing_key="in",
        queue="in",
        headers={"method": "profile", "user": 1, "token": TOKEN, "Authorization": TOKEN},
        message_id="m1",
        correlation_id=None,
        reply_to="back",
        content_type=None,
        timestamp=None,
        redelivered=False,
        body=body,
    )


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_defect_of_an_edge_keeps_the_bytes_and_leaves_its_text_out() -> None:
    letter = edge_letter(INBOUND, message(), raised(KeyError(TOKEN)), version="1", message_limit=10**6)
    assert letter.topic == DEAD_LETTERS
    assert letter.value == b"{}"
    assert TOKEN not in repr(letter)
    headers = letter.headers
    assert headers["dl-error-class"] == "unexpected"
    assert "KeyError at raised" in headers["dl-last-error"]
    assert headers["dl-queue"] == "in"
    assert headers["amqp-message-id"] == "m1"
    assert headers["amqp-reply-to"] == "back"
    assert headers["method"] == "profile"
    assert headers["user"] == "1"
    assert "token" in headers["amqp-header-names"]


def test_error_of_the_taxonomy_may_speak() -> None:
    letter = edge_letter(INBOUND, message(), BadInput("no method"), version="1", message_limit=10**6)
    assert letter.headers["dl-error-class"] == "permanent"
    assert letter.headers["dl-last-error"] == "no method"


def test_body_that_no_record_takes_leaves_its_length_and_hash() -> None:
    body = b"x" * 200_000
    letter = edge_letter(INBOUND, message(body), ValueError(), version="1", message_limit=150_000)
    assert letter.value == b""
    assert letter.headers["dl-value-length"] == "200000"
    assert letter.headers["dl-value-sha256"] == hashlib.sha256(body).hexdigest()


def test_record_that_kafka_found_too_long() -> None:
    record = Record("portal.requests.interactive", b"xyz", key=b"default", headers={"method": "profile"})
    letter = too_long_letter(INBOUND, record, BadInput("too long"), version="1")
    assert (letter.value, letter.key) == (b"", b"default")
    assert letter.headers["method"] == "profile"
    assert letter.headers["dl-value-length"] == "3"
    assert letter.headers["dl-last-error"] == "too long"
