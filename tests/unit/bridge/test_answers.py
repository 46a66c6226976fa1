"""Where an answer goes and what it looks like."""

from __future__ import annotations

import pytest

from pipeline.bridge.answers import Destination, answer_of, destination_of
from pipeline.bridge.rows import ParkedRow, decode_row, encode_row, row_key
from pipeline.delivery.errors import Permanent
from pipeline.delivery.flow import Event


@pytest.mark.parametrize(
    ("is_exchange", "reply_to", "exchange", "key"),
    [
        (False, None, "", "out"),
        (False, "", "", "out"),
        (False, "mine", "", "mine"),
        (True, "mine", "out", "mine"),
        (True, None, "out", "out"),
        (True, "", "out", "out"),
    ],
)
def test_address(is_exchange: bool, reply_to: str | None, exchange: str, key: str) -> None:
    found = destination_of("out", is_exchange, reply_to)
    assert (found.exchange, found.routing_key) == (exchange, key)


def test_names_are_bounded_in_bytes_as_amqp_counts_them() -> None:
    destination_of("out", False, "ж" * 127)
    with pytest.raises(Permanent, match="reply-to"):
        destination_of("out", False, "ж" * 128)
    with pytest.raises(Permanent, match="message-id"):
        answer_of({"message-id": "ж" * 128}, b"")


def test_answer_carries_what_the_contract_says_and_nothing_else() -> None:
    headers = {
        "message-id": "m1",
        "correlation-id": "c1",
        "answer-id": "a1",
        "status": "200",
        "attempts": "2",
        "portal": "default",
        "error-class": "auth",
        "source": "amqp",
        "sealed": "never",
    }
    properties = answer_of(headers, b"{}").properties()
    assert properties.headers == {
        "answer-id": "a1",
        "status": "200",
        "attempts": "2",
        "portal": "default",
        "error-class": "auth",
    }
    assert (properties.message_id, properties.correlation_id) == ("m1", "c1")
    assert (properties.content_type, properties.delivery_mode) == ("text/json", 2)


def test_answer_without_a_message_id_is_known_by_its_own() -> None:
    assert answer_of({"answer-id": "a1"}, b"").message_id == "a1"


def event(raw: bytes, **headers: str) -> Event[bytes]:
    return Event("portal.results", 3, 42, b"\xff\x00", headers, raw, raw, 1.5, 2)


@pytest.mark.parametrize("raw", [b"", b"{}", bytes(range(256)) * 100])
def test_row_comes_back_as_it_was(raw: bytes) -> None:
    row = ParkedRow(event(raw, **{"answer-id": "a1"}), Destination("e", "ключ"), 12.5, "full")
    assert decode_row(encode_row(row)) == row
    bare = decode_row(encode_row(row), body=False)
    assert bare.event.raw == b""
    assert bare.destination == row.destination


def test_row_of_an_answer_as_long_as_allowed_fits_into_a_record() -> None:
    row = ParkedRow(event(b"x" * 16 * 2**20), Destination("", "q"), 1.0, "full")
    assert len(encode_row(row)) < 17 * 2**20 - 128 * 1024


def test_row_key() -> None:
    assert row_key(event(b"", **{"answer-id": "a1"})) == b"a1"
    assert row_key(event(b"")) == b"portal.results:3:42"
