"""encode.py and the simulator's php.py beside PHP itself, with calls and queries made at random."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.portal.wire.encode import Unfit, command
from sandbox.portal.php import parse_query

READER = Path(__file__).parents[1] / "php" / "reader.php"


class Php:
    """A running PHP that reads commands and JSON (tests/php/reader.php)."""

    def __init__(self) -> None:
        assert shutil.which("php"), "PHP is needed: python -m stack.install php"
        self.process = subprocess.Popen(["php", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **question: str) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(orjson.dumps(question) + b"\n")
        self.process.stdin.flush()
        return orjson.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate(timeout=10)


@pytest.fixture(scope="module")
def php() -> Iterator[Php]:
    reader = Php()
    yield reader
    reader.close()


METHODS = ("some.method", "crm.deal.list", "crm.deal.add", "crm.contact.update", "crm.deal.productrows.set")
#: What schema.py says otherwise than JSON, written down once more: paths of Y and N, and what may be left out.
FLAGS = {
    "crm.deal.add": {"fields.OPENED": "YN", "params.REGISTER_SONET_EVENT": "YN"},
    "crm.contact.update": {"fields.OPENED": "YN", "params.REGISTER_SONET_EVENT": "YN", "params.IMPORT": "Y0"},
    "crm.deal.productrows.set": {"rows.0.TAX_INCLUDED": "YN", "rows.1.TAX_INCLUDED": "YN"},
}
LEFT_OUT = {
    "crm.deal.list": {"filter", "order", "select"},
    "crm.deal.add": {"params"},
    "crm.contact.update": {"params"},
}


def as_a_batch_shows_it(method: str, shown: list[Any], path: str = "") -> list[Any]:
    """What PHP shows of a call in JSON, with the schema's substitutions in it."""
    if shown[0] == "bool":
        texts = FLAGS[method][path]
        return ["text", texts[0] if shown[1] else texts[1]]
    if shown[0] != "array":
        return shown
    entries = [
        [kind, key, as_a_batch_shows_it(method, item, f"{path}.{key}" if path else key)]
        for kind, key, item in shown[1]
        if path or item != ["array", []] or key not in LEFT_OUT.get(method, ())
    ]
    return ["array", entries]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text(
    "aЯ&=+%#[]$ .;?:/@\\\"'\r\n\t", max_size=8
)
KEYS = st.one_of(
    st.sampled_from(["TITLE", "OPENED", "TAX_INCLUDED", "IMPORT", "REGISTER_SONET_EVENT", ">=DATE", "!@ID", "Ключ"]),
    st.sampled_from(["0", "1", "2", "-1", "-0", "01", "9223372036854775807", "9223372036854775808", "1.5", " 1", "1 "]),
    TEXTS,
)
SCALARS = st.one_of(
    TEXTS,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-(10**9), 10**9, places=2, allow_nan=False).map(float),
    st.booleans(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
FLAGGED = ("OPENED", "TAX_INCLUDED", "REGISTER_SONET_EVENT", "IMPORT")
FIELDS = st.fixed_dictionaries({}, optional=dict.fromkeys(FLAGGED, st.booleans())) | st.dictionaries(
    KEYS, TEXTS | st.integers(0, 9) | st.booleans(), max_size=5
)
PLAIN = st.dictionaries(st.sampled_from(["TITLE", "COMMENTS", "ID"]), st.text("aЯ&=+% #", max_size=8), max_size=3)
PARAMS = st.one_of(
    st.fixed_dictionaries({"fields": PLAIN}),
    st.dictionaries(KEYS, VALUES, max_size=4),
    st.fixed_dictionaries(
        {},
        optional={
            "fields": FIELDS,
            "params": FIELDS,
            "rows": st.lists(FIELDS, min_size=1, max_size=2),
            "filter": FIELDS,
            "select": st.lists(TEXTS, max_size=3),
            "start": st.integers(-1, 50),
        },
    ),
)


def test_php_reads_a_command_as_it_reads_the_call(php: Php) -> None:
    accepted = refused = 0

    @settings(max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(METHODS), PARAMS)
    def compare(method: str, params: dict[str, Any]) -> None:
        nonlocal accepted, refused
        try:
            text = command(method, params)
        except Unfit:
            refused += 1
            return
        accepted += 1
        assert text.isascii()
        batched = php.ask(command=text)
        single = php.ask(json=orjson.dumps(params).decode())
        assert batched["path"] == method
        assert batched["params"] == as_a_batch_shows_it(method, single["params"])

    compare()
    assert min(accepted, refused) >= 100, (accepted, refused)


def shown_by_the_simulator(value: Any) -> Any:
    """parse_query's result in the reader's form, without the kinds of the keys, which it does not keep."""
    if isinstance(value, str):
        return ["text", value]
    entries = value.items() if isinstance(value, dict) else ((str(place), item) for place, item in enumerate(value))
    return ["array", [[key, shown_by_the_simulator(item)] for key, item in entries]]


def without_kinds(shown: list[Any]) -> list[Any]:
    if shown[0] != "array":
        return shown
    return ["array", [[key, without_kinds(item)] for _, key, item in shown[1]]]


# no letters of hex digits: halves of characters would be shown in other ways by JSON
QUERIES = st.lists(
    st.sampled_from(["p", "q", "[", "]", "[]", "[p]", "[0]", "[-2]", "[1]", "[ ]", "[ q]", "=", "=x", "&", "&p[", "&p"])
    | st.sampled_from(
        [".", "+", "%20", "%2E", "%5B", "%5D", "%09", "%00", "%3D", "%26", "%", "%2", "0", "01", "-", "Я"]
    ),
    max_size=14,
).map("".join)


def test_the_simulator_reads_queries_as_php_does(php: Php) -> None:
    @settings(max_examples=1500, deadline=None, database=None)
    @given(QUERIES)
    def compare(query: str) -> None:
        shown = php.ask(command=f"some.method?{query}")
        assert shown_by_the_simulator(parse_query(query)) == without_kinds(shown["params"])

    compare()
