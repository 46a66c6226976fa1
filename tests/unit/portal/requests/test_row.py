"""pipeline/portal/requests/row.py: rows and keys of the table `requests`."""

from dataclasses import fields, replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portal.access.credentials import Credentials
from pipeline.portal.requests.inspect import inspect
from pipeline.portal.requests.row import (
    DONE,
    SENT,
    WAITING,
    Row,
    decode,
    encode,
    is_done,
    new_row,
    request_prefix,
    seen_key,
)
from tests.unit.portal.fakes import record, row

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
#: "" and None mean the same in a row: absent
OPTIONAL = st.none() | TEXT.filter(bool)
TIME = st.floats(0, 4e9)

ROWS = st.builds(
    Row,
    lane=st.sampled_from(["i", "b"]),
    partition=st.integers(0, 11),
    epoch=st.integers(0, 10**5),
    offset=st.integers(0, 2**63 - 1),
    state=st.sampled_from([WAITING, SENT, DONE]),
    portal=TEXT,
    method=TEXT,
    source=TEXT,
    accepted=TIME,
    user=TEXT,
    credential=OPTIONAL,
    credential_id=TEXT,
    sealed=OPTIONAL,
    message_id=OPTIONAL,
    reply_to=OPTIONAL,
    correlation_id=OPTIONAL,
    keys=st.lists(TEXT, max_size=3).map(tuple),
    plan=st.booleans(),
    throttle=OPTIONAL,
    watch=OPTIONAL,
    run=st.none() | st.dictionaries(TEXT, TEXT, min_size=1, max_size=2),
    progress=st.none() | st.dictionaries(TEXT, st.integers(0, 9), min_size=1, max_size=2),
    attempts=st.integers(0, 10**6),
    seen=TEXT,
    sent_at=TIME,
    done_at=TIME,
    body=st.binary(max_size=200),
)


@given(ROWS)
def test_a_row_comes_back(one: Row) -> None:
    stored = encode(one)
    assert decode(stored) == one
    assert is_done(stored) == (one.state == DONE)


def test_the_strategy_covers_every_field() -> None:
    assert {field.name for field in fields(Row)} == set(ROWS.wrapped_strategy.kwargs)  # type: ignore[attr-defined]


@given(ROWS, ROWS)
def test_keys_lie_in_the_order_of_lane_epoch_and_offset(one: Row, other: Row) -> None:
    def place(of: Row) -> tuple[str, int, int]:
        return of.lane, of.epoch, of.offset

    assert (one.key < other.key) == (place(one) < place(other))
    assert one.key.startswith(request_prefix(one.lane).encode())


@given(ROWS)
def test_done_has_neither_body_nor_credential(one: Row) -> None:
    done = one.as_done(5.0)
    assert (done.state, done.done_at, done.body, done.sealed) == (DONE, 5.0, b"", None)
    assert (done.keys, done.progress, done.run) == ((), None, None)
    assert (done.key, done.identity, done.seen, done.message_id) == (one.key, one.identity, one.seen, one.message_id)


def test_the_identity_is_lane_partition_epoch_and_offset() -> None:
    assert row(lane="b", partition=3, epoch=2, offset=17).identity == "b-3-2-17"


def test_seen_tells_message_id_and_content_apart() -> None:
    keys = [seen_key("m", "f"), seen_key("m", "g"), seen_key("n", "f"), seen_key(None, "f"), seen_key("", "mf")]
    assert len(set(keys)) == len(keys) and all(key.startswith("m/") for key in keys)
    assert seen_key("m", "f") == seen_key("m", "f")


@pytest.mark.parametrize(
    ("method", "body", "keys"),
    [
        ("crm.deal.list", b"{}", ()),
        ("crm.deal.update", b'{"id": 5, "fields": {"TITLE": "x"}}', ("deal:5",)),
        ("crm.deal.add", b'{"fields": {}}', ()),
        ("crm.deal.add", b'{"fields": {"ORIGIN_ID": "7"}}', ("=deal:7",)),
    ],
)
def test_a_new_row(method: str, body: bytes, keys: tuple[str, ...], credentials: Credentials) -> None:
    event = record(7, method=method, amqp_reply_to="back", amqp_correlation_id="c", body=body)
    request = inspect(event.headers, event.key, event.raw, credentials=credentials, body_limit=1000)
    given: dict[str, Any] = {"accepted": 1.0, "seen": "s"}
    made = new_row(request, "i", 0, 2, 7, strict=False, **given)
    assert (made.state, made.keys, made.plan, made.body) == (WAITING, keys, False, body)
    assert (made.message_id, made.reply_to, made.correlation_id) == ("m7", "back", "c")
    assert (made.credential, made.credential_id, made.seen, made.attempts) == ("all", "all", "s", 0)
    strict = new_row(request, "i", 0, 2, 7, strict=True, **given)
    shared = tuple(key for key in keys if key.startswith("="))
    assert strict == replace(made, keys=("queue:amqp", *shared)), "keys that hold in both lanes stay"


def test_a_row_of_the_release_before_is_read() -> None:
    """It had one order key, and said whether a repeat does no harm."""
    new = row(offset=3, keys=("deal:5",))
    head, _, body = encode(new).partition(b"\n")
    for order, keys in (("deal:5", ("deal:5",)), (None, ())):
        fields = {**orjson.loads(head[1:]), "order": order, "repeatable": True}
        del fields["keys"]
        assert decode(b"w" + orjson.dumps(fields) + b"\n" + body) == replace(new, keys=keys)


def test_a_row_of_a_run_keeps_its_headers_and_one_of_none_is_as_before(credentials: Credentials) -> None:
    for headers, run in (({"run": "r", "item": "7", "force": "1"}, {"run": "r", "item": "7"}), ({"item": "7"}, None)):
        event = record(7, **headers)
        request = inspect(event.headers, event.key, event.raw, credentials=credentials, body_limit=1000)
        made = new_row(request, "b", 0, 2, 7, strict=False, accepted=1.0, seen="")
        assert made.run == run == decode(encode(made)).run
        assert (b'"run"' in encode(made)) is (run is not None)
