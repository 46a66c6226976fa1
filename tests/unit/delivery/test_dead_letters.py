"""pipeline/delivery/dead_letters.py: the full origin, and bytes that fit."""

import hashlib
import time
from typing import Any

import pytest

from pipeline.delivery.dead_letters import HEADROOM, dead_letter
from pipeline.delivery.errors import Auth, BadInput
from pipeline.delivery.flow import Event
from pipeline.delivery.records import wire_size
from pipeline.topology import DEAD_LETTERS

LIMIT = 1024 * 1024


def event(**given: Any) -> Event[Any]:
    values: dict[str, Any] = {
        "topic": "test.in",
        "partition": 4,
        "offset": 17,
        "key": b"k",
        "headers": {"method": "crm.deal.add"},
        "raw": b"{}",
        "value": None,
        "timestamp": 1234.5,
        "attempt": 3,
    }
    return Event(**values | given)


def letter(of: Event[Any], error: BaseException, **given: Any) -> Any:
    return dead_letter(of, error, agent="flow-x", version="7", message_limit=LIMIT, **given)


def test_all_of_the_origin() -> None:
    before = time.time()
    record = letter(event(), Auth("last"), first_error="first", first_time=1300.25)
    assert (record.topic, record.key, record.value) == (DEAD_LETTERS, b"k", b"{}")
    headers = dict(record.headers)
    assert before - 0.001 <= float(headers.pop("dl-time")) <= time.time() + 0.001
    assert headers == {
        "method": "crm.deal.add",
        "dl-topic": "test.in",
        "dl-partition": "4",
        "dl-offset": "17",
        "dl-timestamp": "1234.500",
        "dl-agent": "flow-x",
        "dl-agent-version": "7",
        "dl-error-class": "auth",
        "dl-first-error": "first",
        "dl-last-error": "last",
        "dl-attempts": "3",
        "dl-first-time": "1300.250",
    }


def test_one_error_is_first_and_last() -> None:
    headers = letter(event(), BadInput("x")).headers
    assert headers["dl-first-error"] == headers["dl-last-error"] == "x"
    assert headers["dl-first-time"] == headers["dl-time"]


def test_the_unexpected_is_named_with_its_type_and_cut() -> None:
    headers = letter(event(), KeyError("y" * 9000)).headers
    assert headers["dl-error-class"] == "unexpected"
    assert headers["dl-last-error"].startswith("KeyError: ") and len(headers["dl-last-error"]) == 4096


def test_a_record_without_key_keeps_letters_of_its_partition_together() -> None:
    assert letter(event(key=None), BadInput("x")).key == b"test.in:4"


@pytest.mark.parametrize(
    ("length", "header", "whole"),
    [
        (1000, 10, True),
        (LIMIT - HEADROOM, 10, True),
        (LIMIT - HEADROOM + 1, 10, False),
        # headers of the record's own may be long, too
        (LIMIT - HEADROOM, 60_000, False),
    ],
)
def test_a_value_that_does_not_fit_is_its_length_and_hash(length: int, header: int, whole: bool) -> None:
    raw = b"z" * length
    record = letter(event(raw=raw, headers={"h": "x" * header}), BadInput("€" * 5000))
    assert wire_size(record.key, record.value, record.headers) <= LIMIT
    if whole:
        assert record.value == raw and "dl-value-length" not in record.headers
    else:
        assert record.value == b""
        assert record.headers["dl-value-length"] == str(length)
        assert record.headers["dl-value-sha256"] == hashlib.sha256(raw).hexdigest()
    assert record.headers["h"] == "x" * header
