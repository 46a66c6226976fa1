"""Edges of users, products, sections and settlements: whatever comes goes through, keyed, its bytes as they came."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bridge.edges import EdgeContext, edge_of
from pipeline.bridge.envelope import MOST, applications
from pipeline.bridge.message import AmqpMessage
from pipeline.delivery.records import Record
from pipeline.settings import Settings
from pipeline.topology import InboundQueue, site_queues

QUEUES = {queue.event: queue for queue in site_queues(Settings.model_construct())}
BRAND = InboundQueue("brand", "events.product", "event", event="product", catalog="maxonor")
CONTEXT = EdgeContext(Settings.model_construct(), None)  # type: ignore[arg-type]


def message(body: bytes, **given: Any) -> AmqpMessage:
    fields: dict[str, Any] = {
        "exchange": "users",
        "routing_key": "key",
        "queue": "q",
        "headers": {},
        "message_id": None,
        "correlation_id": None,
        "reply_to": None,
        "content_type": None,
        "timestamp": None,
        "redelivered": False,
        "body": body,
    }
    return AmqpMessage(**(fields | given))


def records(body: bytes, event: str = "user", inbound: InboundQueue | None = None, **given: Any) -> list[Record]:
    made = edge_of(inbound or QUEUES[event], CONTEXT)(message(body, **given))
    return [made] if isinstance(made, Record) else made


def unknown(body: bytes) -> bytes:
    return b"?" + hashlib.sha256(body).hexdigest().encode()


@pytest.mark.parametrize("event", ["user", "product", "section"])
@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"XML_ID": "a-1", "NAME": "x"}', b"a-1"),
        (b'{"XML_ID": "  a-1\\n"}', b"a-1"),
        (b'{"XML_ID": 4711}', b"4711"),
        (b'{"XML_ID": "00012"}', b"00012"),
        (b'{"XML_ID": 12345678901234567890123}', b"12345678901234567890123"),
        (b'\xef\xbb\xbf{"XML_ID": "with-bom"}', b"with-bom"),
        ('{"XML_ID": "товар"}'.encode(), "товар".encode()),
        (b'{"XML_ID": "a", "PRICE": NaN}', b"a"),
        (b'{"XML_ID": "\\ud800"}', b"\\ud800"),
        (b'{"XML_ID": "old", "XML_ID": "new"}', b"new"),
    ],
)
def test_the_key_is_the_xml_id(event: str, body: bytes, key: bytes) -> None:
    (record,) = records(body, event)
    assert (record.key, record.value, record.topic) == (key, body, QUEUES[event].topic)


@pytest.mark.parametrize("event", ["user", "product", "section", "settlement"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"{",
        b'{"XML_ID": ""}',
        b'{"XML_ID": " "}',
        b'{"XML_ID": null}',
        b'{"XML_ID": true}',
        b'{"XML_ID": ["a"]}',
        b'{"XML_ID": "\xff"}',
        b'{"NAME": "partial"}',
        "{'XML_ID': 'кавычки'}".encode("cp1251"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"XML_ID": "a"} {"XML_ID": "b"}',
    ],
)
def test_what_shows_no_xml_id_goes_through_under_its_hash(event: str, body: bytes) -> None:
    """A compacted topic refuses records without a key; the flow makes the dead letter."""
    (record,) = records(body, event)
    assert (record.key, record.value) == (unknown(body), body)


def test_one_product_in_two_catalogues_is_two_keys() -> None:
    """The topic is compacted: under one key the brand's queue would wipe out what the other queue brought."""
    body = b'{"XML_ID": "p1"}'
    keys = {records(body, "product")[0].key, records(body, inbound=BRAND)[0].key}
    assert keys == {b"p1", b"p1\x1fmaxonor"}
    default = InboundQueue("other", "events.product", "event", event="product", catalog="default")
    assert records(body, inbound=default)[0].key == b"p1"


def test_an_endless_id_does_not_become_an_endless_key() -> None:
    (record,) = records(b'{"XML_ID": "%s"}' % (b"x" * 100_000))
    assert record.key is not None and len(record.key) == 65


def test_headers_say_where_it_came_from() -> None:
    (record,) = records(
        b"{}",
        inbound=BRAND,
        queue="brand",
        exchange="products",
        routing_key="property.brand.X",
        message_id="m1",
        redelivered=True,
        timestamp=datetime(2024, 8, 30, 12, 29, 5, tzinfo=UTC),
        headers={"token": "not to be seen"},
    )
    assert record.headers == {
        "amqp-exchange": "products",
        "amqp-routing-key": "property.brand.X",
        "amqp-message-id": "m1",
        "amqp-redelivered": "1",
        "amqp-timestamp": "1725020945",
        "queue": "brand",
        "catalog": "maxonor",
    }
    assert records(b"{}")[0].headers == {"amqp-exchange": "users", "amqp-routing-key": "key", "queue": "q"}


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (datetime(2024, 8, 30, 12, 29, 5, 250_000, tzinfo=UTC), "1725020945.250"),
        (datetime(2024, 8, 30, 12, 29, 5), "1725020945"),
        (1_800_000_000 * 10**9, None),
        (None, None),
    ],
)
def test_times_of_messages(timestamp: Any, text: str | None) -> None:
    assert records(b"{}", timestamp=timestamp)[0].headers.get("amqp-timestamp") == text


# -- settlements


def test_one_application_stays_as_it_came() -> None:
    body = b' { "site" : {"XML_ID": "s1", "SUM": 0.10} }\n'
    (record,) = records(body, "settlement")
    assert (record.key, record.value) == (b"s1", body)


def test_several_applications_are_a_record_each_with_their_own_bytes() -> None:
    one = '{"XML_ID": "s1",  "SUM": 0.10, "N": 12345678901234567890, "NAME": "А\\u0411", "E": 1e2}'
    two = '{"XML_ID": 42, "ORDERS": [ {"GOODS": []} ]}'
    body = f'\ufeff{{"site": {one} ,\n"\\u0031C": {two}}}'.encode()
    made = records(body, "settlement", message_id="m1")
    assert [(record.key, record.value) for record in made] == [
        (b"s1", f'{{"site":{one}}}'.encode()),
        (b"42", f'{{"\\u0031C":{two}}}'.encode()),
    ]
    assert {record.headers["amqp-message-id"] for record in made} == {"m1"}


def test_a_type_that_comes_twice_loses_nothing() -> None:
    made = records(b'{"site": {"XML_ID": "a"}, "site": {"XML_ID": "b"}}', "settlement")
    assert [record.key for record in made] == [b"a", b"b"]


def test_what_is_no_application_does_not_hide_the_good_ones() -> None:
    made = records(b'{"site": {"XML_ID": "a"}, "total": 2, "other": {"NUMBER": 1}}', "settlement")
    assert [(record.key, record.value) for record in made] == [
        (b"a", b'{"site":{"XML_ID": "a"}}'),
        (unknown(b'{"total":2}'), b'{"total":2}'),
        (unknown(b'{"other":{"NUMBER": 1}}'), b'{"other":{"NUMBER": 1}}'),
    ]


def test_an_application_without_its_envelope_stays_whole() -> None:
    body = b'{"XML_ID": "a", "COMPANY": {"XML_ID": "c"}, "SOURCE": {"XML_ID": "x"}}'
    (record,) = records(body, "settlement")
    assert (record.key, record.value) == (b"a", body)


def test_a_list_is_an_envelope_whose_types_are_numbers() -> None:
    made = records(b'[{"XML_ID": "a"}, {"XML_ID": "b"}]', "settlement")
    assert [record.value for record in made] == [b'{"0":{"XML_ID": "a"}}', b'{"1":{"XML_ID": "b"}}']


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\u0019eE.-XML_ID \n', max_size=40).map(str.encode))
def test_any_bytes_make_records_with_keys_and_lose_nothing(body: bytes) -> None:
    for event in ("user", "settlement"):
        made = records(body, event)
        assert made and all(record.key and record.value is not None for record in made)
        if len(made) == 1 and not body.lstrip().startswith(b"["):
            assert made[0].value == body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.text(max_size=6).filter(lambda name: name != "XML_ID"),
        st.dictionaries(st.sampled_from(["XML_ID", "NUMBER", "ORDERS"]), JSON, max_size=3),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
    st.sampled_from([None, 1, "\t"]),
)
def test_an_envelope_is_taken_apart_into_what_a_decoder_sees(
    envelope: dict[str, Any], ascii_only: bool, indent: Any
) -> None:
    text = json.dumps(envelope, ensure_ascii=ascii_only, indent=indent)
    try:
        body = text.encode()
    except UnicodeEncodeError:
        body = json.dumps(envelope).encode()
    found = applications(body)
    assert [json.loads(one.value) for one in found] == [{name: value} for name, value in envelope.items()]
    if len(found) == 1:
        assert found[0].value == body


def test_more_applications_than_can_be_taken_apart_in_time_stay_whole() -> None:
    assert len(applications(b"[" + b",".join([b'{"XML_ID":1}'] * MOST) + b"]")) == MOST
    assert applications(b"[" + b",".join([b'{"XML_ID":1}'] * (MOST + 1)) + b"]") == []
