"""Whatever comes, a decoder gives a model or BadInput, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.delivery.errors import BadInput
from pipeline.flows.messages import decode_product, decode_section, decode_settlement, decode_user
from tests.unit.flows.messages.test_page import blocks

DECODERS: dict[str, Callable[[bytes], Any]] = {
    "user": decode_user,
    "product": decode_product,
    "section": decode_section,
    "settlement": decode_settlement,
}
GOOD = {name: [orjson.loads(block) for block in blocks(name)] for name in DECODERS}
GOOD["settlement"] += [orjson.loads(block) for block in blocks("flat")]

KEYS = sorted({key for messages in GOOD.values() for message in messages for key in message} | {"0", "VALUE", "SRC"})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(
        ["", "0", "Y", "1,5", "(1)", "@1", "01.01.0001", "2024-01-01 1:00 Europe/Nowhere", "a@b.ru", "+-1"]
    ),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner)
    ),
    max_leaves=12,
)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def model_or_bad_input(decode: Callable[[bytes], Any], raw: bytes) -> None:
    """The faults are a text that can be written and shown."""
    try:
        decode(raw)
    except BadInput as error:
        assert 0 < len(str(error).encode()) < 60_000 and "\n" not in str(error)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of a message with a key in it."""
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in rows for place in [(value, key), *places(item)]]


@pytest.mark.parametrize("name", DECODERS)
@quick
@given(JSON)
def test_any_json(name: str, value: Any) -> None:
    model_or_bad_input(DECODERS[name], orjson.dumps(value))


@pytest.mark.parametrize("name", DECODERS)
@quick
@given(st.randoms(use_true_random=False), st.lists(JSON, min_size=1, max_size=4))
def test_good_messages_with_something_else_in_them(name: str, dice: random.Random, others: list[Any]) -> None:
    message = orjson.loads(orjson.dumps(dice.choice(GOOD[name])))
    for other in others:
        container, key = dice.choice(places(message))
        container[key] = other
    model_or_bad_input(DECODERS[name], orjson.dumps(message))


@pytest.mark.parametrize("name", DECODERS)
@quick
@given(st.randoms(use_true_random=False), st.binary(max_size=6))
def test_good_messages_with_other_bytes(name: str, dice: random.Random, other: bytes) -> None:
    raw = orjson.dumps(dice.choice(GOOD[name]))
    start = dice.randrange(len(raw))
    model_or_bad_input(DECODERS[name], raw[:start] + other + raw[start + dice.randrange(8) :])


DEEP = b'{"XML_ID": 1, "NAME": "x", "%s": %s}'
NESTED = b"[" * 1000 + b"]" * 1000


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xef\xbb\xbf",
        b"[" * 100_000,
        b'{"XML_ID": "\\ud800"}',
        b'{"XML_ID": 1, "XML_ID": [1]}',
        b'{"XML_ID": 123456789012345678901234567890}',
        b'{"XML_ID": 1, "NAME": NaN}',
        *(DEEP % (key, NESTED) for key in (b"ORDERS", b"PROPERTY_VALUES", b"PRICES", b"EMAIL", b"TIMESTAMP_X")),
        b'{"XML_ID": 1, "PAYMENTS": %s, "PAYNEMTS": %s}' % (NESTED, NESTED),
        DEEP % (b"PREVIEW_PICTURE", NESTED),
        *(DEEP % (key, b"[" + b"0," * 100_001 + b"0]") for key in (b"ORDERS", b"PRICES", b"EMAIL", b"IBLOCK_SECTION")),
        DEEP % (b"EMAIL", b'"' + b"a " * 100_000 + b'"'),
        DEEP % (b"EMAIL", b'"' + b"a@" + b"." * 200_000 + b'@"'),
        DEEP % (b"PRICES", b'"' + b"1 " * 100_000 + b'"'),
        DEEP % (b"TIMESTAMP_X", b'"' + b"1" * 100_000 + b'"'),
        DEEP % (b"ORDERS", b"[" + b",".join([b'{"STATUS": []}'] * 5000) + b"]"),
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_odd_ones(name: str, raw: bytes) -> None:
    model_or_bad_input(DECODERS[name], raw)
