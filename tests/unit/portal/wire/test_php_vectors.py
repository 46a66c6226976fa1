"""encode.py and the simulator's php.py beside what PHP itself made (tests/php/make_vectors.php)."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portal.wire.encode import DEEPEST, MOST_VALUES, Unfit, command
from sandbox.portal.php import as_map, from_json, parse_query

VECTORS = orjson.loads((Path(__file__).parents[3] / "php" / "vectors.json").read_bytes())


def as_texts(value: Any) -> Any:
    """Every scalar as PHP's text of it; for the vectors' numbers Python's is the same."""
    if isinstance(value, dict):
        return {key: as_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_texts(item) for item in value]
    return str(value)


@pytest.mark.parametrize("vector", VECTORS["build"], ids=lambda vector: vector["query"][:40])
def test_a_call_is_written_as_php_writes_it(vector: dict[str, Any]) -> None:
    assert command("crm.deal.add", vector["params"]) == f"crm.deal.add?{vector['query']}"


@pytest.mark.parametrize("vector", VECTORS["build"], ids=lambda vector: vector["query"][:40])
def test_the_simulator_reads_what_php_writes(vector: dict[str, Any]) -> None:
    assert parse_query(vector["query"]) == as_map(from_json(as_texts(vector["params"])))


@pytest.mark.parametrize("vector", VECTORS["parse"], ids=lambda vector: vector["query"] or "nothing")
def test_the_simulator_reads_as_php_reads(vector: dict[str, Any]) -> None:
    read = parse_query(vector["query"])
    expected = as_map(vector["params"])
    assert read == expected
    assert orjson.dumps(read) == orjson.dumps(expected), "the order of keys"


@pytest.mark.parametrize("vector", VECTORS["numbers"], ids=lambda vector: vector["json"])
def test_a_number_is_written_as_php_shows_it_or_not_at_all(vector: dict[str, str]) -> None:
    number = float("inf") if vector["json"] == "1e400" else orjson.loads(vector["json"])
    if "E" in vector["text"] or vector["text"] == "INF" or type(number)(vector["text"]) != number:
        with pytest.raises(Unfit):
            command("a.b", {"n": number})
    else:
        assert command("a.b", {"n": number}) == f"a.b?n={vector['text']}"


def test_bounds_are_below_those_of_php() -> None:
    limits = VECTORS["limits"]
    assert limits["values"] > MOST_VALUES
    assert limits["levels"] > DEEPEST


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
VALUES = st.recursive(
    st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_the_simulator_reads_back_what_is_written(params: dict[str, Any]) -> None:
    try:
        text = command("a.b", params)
    except Unfit:
        return
    assert parse_query(text.partition("?")[2]) == as_map(from_json(as_texts(params)))
