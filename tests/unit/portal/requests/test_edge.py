"""pipeline/portal/requests/edge.py: from AMQP to Kafka, and no token on the way."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.records import wire_headers
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.seal import Sealer
from pipeline.portal.requests.edge import HEADER_ROOM, AmqpMessage, to_record

MIB = 1024 * 1024
LIMIT = 17 * MIB
PLAIN = AmqpMessage(
    exchange="",
    routing_key="bitrix24in",
    queue="bitrix24in",
    headers={"method": "crm.deal.list", "user": "1", "token": "crmcrmcrm"},
    message_id="m-1",
    correlation_id=None,
    reply_to=None,
    content_type="text/json",
    timestamp=None,
    redelivered=False,
    body=b'{"filter":{}}',
)


def headers_of(credentials: Credentials, given: Mapping[str, object]) -> dict[str, str]:
    return dict(to_record(replace(PLAIN, headers=given), credentials, LIMIT).headers)


def test_a_plain_message(credentials: Credentials) -> None:
    record = to_record(PLAIN, credentials, LIMIT)
    assert record.topic == "portal.requests.interactive"
    assert record.key == b"default"
    assert record.value == PLAIN.body
    assert record.headers == {
        "source": "amqp",
        "portal": "default",
        "method": "crm.deal.list",
        "user": "1",
        "credential": "crm",
        "amqp-exchange": "",
        "amqp-routing-key": "bitrix24in",
        "amqp-queue": "bitrix24in",
        "amqp-message-id": "m-1",
        "amqp-content-type": "text/json",
    }


def test_all_properties(credentials: Credentials) -> None:
    message = replace(
        PLAIN,
        correlation_id="c",
        reply_to="answers",
        timestamp=datetime(2027, 1, 15, 8, 0, tzinfo=UTC),
        redelivered=True,
    )
    headers = to_record(message, credentials, LIMIT).headers
    assert headers["amqp-correlation-id"] == "c"
    assert headers["amqp-reply-to"] == "answers"
    assert headers["amqp-timestamp"] == "1800000000"
    assert headers["amqp-redelivered"] == "1"


@pytest.mark.parametrize("user", [1, "1", b"1"])
@pytest.mark.parametrize("token", ["crmcrmcrm", b"crmcrmcrm"])
def test_types_that_publishers_use(credentials: Credentials, user: object, token: object) -> None:
    headers = headers_of(credentials, {"method": b"profile", "user": user, "token": token})
    assert (headers["method"], headers["user"], headers["credential"]) == ("profile", "1", "crm")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"method": "profile"}, "no-token"),
        ({"method": "profile", "user": "1"}, "no-token"),
        ({"method": "profile", "token": "crmcrmcrm"}, "no-token"),
        ({"user": "", "token": ""}, "no-token"),
        ({"user": None, "token": None}, "no-token"),
        ({"user": True, "token": "crmcrmcrm"}, "bad-token"),
        ({"user": 1.0, "token": "crmcrmcrm"}, "bad-token"),
        ({"user": "1", "token": ["crmcrmcrm"]}, "bad-token"),
        ({"user": "1", "token": Decimal("1.5")}, "bad-token"),
        ({"user": "1", "token": "a/../b"}, "bad-token"),
        ({"user": "1", "token": "stranger", "portal": "closed"}, "unknown-token"),
    ],
)
def test_problems_of_tokens(credentials: Credentials, given: dict[str, object], problem: str) -> None:
    headers = headers_of(credentials, given)
    assert headers["auth-problem"] == problem
    assert "credential" not in headers
    assert "sealed" not in headers


def test_an_unknown_token_is_sealed(credentials: Credentials, sealer: Sealer) -> None:
    headers = headers_of(credentials, {"method": "profile", "user": 7, "token": "strangertoken"})
    assert sealer.open(headers["sealed"]) == ("7", "strangertoken")


@pytest.mark.parametrize(
    ("given", "portal"),
    [(None, "default"), ("", "default"), ("closed", "closed"), (b"closed", "closed"), ("nowhere", "nowhere")],
)
def test_portals(credentials: Credentials, given: object, portal: str) -> None:
    record = to_record(replace(PLAIN, headers={**PLAIN.headers, "portal": given}), credentials, LIMIT)
    assert record.key == portal.encode()
    assert record.headers["portal"] == portal


@pytest.mark.parametrize(
    ("given", "method"),
    [("../", "../"), (5, "5"), ("x" * 600, "x" * 499 + "…"), (None, None), (True, None), ([1], None), (1.5, None)],
)
def test_methods_are_kept_as_given(credentials: Credentials, given: object, method: str | None) -> None:
    assert headers_of(credentials, {"method": given}).get("method") == method


def test_other_headers(credentials: Credentials) -> None:
    headers = headers_of(
        credentials,
        {
            **PLAIN.headers,
            "trace": "t-1",
            "number": 5,
            "flag": True,
            "nothing": None,
            "price": Decimal("1.50"),
            "x-death": [{"count": 1, "queue": "q", "time": datetime(2027, 1, 1, tzinfo=UTC)}],
            "long": "y" * 5000,
        },
    )
    assert headers["amqp-header-trace"] == "t-1"
    assert headers["amqp-header-number"] == "5"
    assert headers["amqp-header-flag"] == "true"
    assert headers["amqp-header-nothing"] == "null"
    assert headers["amqp-header-price"] == '"1.50"'
    assert headers["amqp-header-x-death"] == '[{"count":1,"queue":"q","time":"2027-01-01T00:00:00+00:00"}]'
    assert len(headers["amqp-header-long"]) == 1000


SECRET = "very-secret-token"


@pytest.mark.parametrize(
    "given",
    [
        {"Token": SECRET},
        {"TOKEN": SECRET.encode()},
        {"x-access-token": SECRET},
        {"Authorization": f"Bearer {SECRET}"},
        {"api_key": "k", "copy": f"https://portal.example/rest/1/{SECRET}/"},
        {"x-death": [{"headers": {"token": SECRET}}]},
        {SECRET: 1},
    ],
)
def test_no_token_gets_out(credentials: Credentials, given: dict[str, object]) -> None:
    headers = headers_of(credentials, {"method": "profile", "user": "1", "token": SECRET, **given})
    assert SECRET not in str(headers)


@pytest.mark.parametrize("user", ["..", "1"])
def test_no_bad_token_gets_out(credentials: Credentials, user: str) -> None:
    headers = headers_of(credentials, {"method": "profile", "user": user, "token": f"{SECRET}/x"})
    assert SECRET not in str(headers)


@pytest.mark.parametrize(("length", "kept"), [(0, True), (LIMIT - HEADER_ROOM, True), (LIMIT - HEADER_ROOM + 1, False)])
def test_a_body_that_kafka_cannot_take(credentials: Credentials, length: int, kept: bool) -> None:
    body = b"x" * length
    record = to_record(replace(PLAIN, body=body), credentials, LIMIT)
    assert record.value == (body if kept else b"")
    assert record.headers.get("body-length") == (None if kept else str(length))
    assert record.headers.get("body-sha256") == (None if kept else hashlib.sha256(body).hexdigest())


_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.text(alphabet=st.characters(codec=None, categories=["Cs"]), max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["method", "user", "token", "portal"]) | st.text(max_size=300), _values, max_size=60
    )
)
def test_whatever_the_headers_are(credentials: Credentials, given: dict[str, Any]) -> None:
    record = to_record(replace(PLAIN, headers=given), credentials, LIMIT)
    wire = wire_headers(record.headers)
    assert sum(len(name.encode()) + len(value) for name, value in wire) < HEADER_ROOM
    assert record.key
    assert sum(name in record.headers for name in ("credential", "sealed", "auth-problem")) == 1
