"""PHP's arrays in queries and JSON: the examples follow PHP's own parse_str and json_encode."""

from typing import Any

import pytest

from sandbox.portal.php import as_map, from_json, parse_pairs, parse_query, php_map


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a", {"a": ""}),
        ("a=1&a=2", {"a": "2"}),
        ("fields[TITLE]=a%26b+c", {"fields": {"TITLE": "a&b c"}}),
        ("fields%5BTITLE%5D=%D0%B0", {"fields": {"TITLE": "а"}}),
        ("f[PHONE][0][VALUE]=1&f[PHONE][0][TYPE]=W", {"f": {"PHONE": [{"VALUE": "1", "TYPE": "W"}]}}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[1]=x&a[0]=y", {"a": {"1": "x", "0": "y"}}),
        ("a[0]=x&a[2]=y", {"a": {"0": "x", "2": "y"}}),
        ("a[5]=x&a[]=y", {"a": {"5": "x", "6": "y"}}),
        ("a[01]=x", {"a": {"01": "x"}}),
        ("a[k]=x&a[]=y", {"a": {"k": "x", "0": "y"}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a[b]=2&a=1", {"a": "1"}),
        ("filter[>ID]=5&filter[!@STAGE_ID][]=WON", {"filter": {">ID": "5", "!@STAGE_ID": ["WON"]}}),
        ("filter[%3E%3DDATE]=1", {"filter": {">=DATE": "1"}}),
        # The first bare "=" ends the name, in PHP as here: clients must encode it.
        ("filter[>=DATE]=1", {"filter_>": "DATE]=1"}),
        ("a.b=1&c d=2", {"a_b": "1", "c_d": "2"}),
        ("a[b.c]=1", {"a": {"b.c": "1"}}),
        ("a[b=1", {"a_b": "1"}),
        ("a[b]c=1", {"a": {"b": "1"}}),
        ("a[b][c=1", {"a": {"b": "1"}}),
        ("=1&[x]=2", {}),
        ("a[][b]=1&a[][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("a=%zz", {"a": "%zz"}),
        ("e=%F0%9F%98%80", {"e": "😀"}),
    ],
)
def test_query(query: str, expected: dict[str, Any]) -> None:
    assert parse_query(query) == expected


def test_a_gap_keeps_the_order_of_keys() -> None:
    assert list(parse_query("a[9]=x&a[3]=y")["a"]) == ["9", "3"]


def test_many_appended_values_are_cheap() -> None:
    assert len(parse_query("&".join(["a[]=1"] * 20_000))["a"]) == 20_000


def test_pairs_keep_values_that_are_no_texts() -> None:
    assert parse_pairs([("f[0]", {"name": "x"})]) == {"f": [{"name": "x"}]}


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        ({}, []),
        ({0: "a", 1: "b"}, ["a", "b"]),
        ({"0": "a", "1": "b"}, ["a", "b"]),
        ({1: "b", 0: "a"}, {"1": "b", "0": "a"}),
        ({0: "a", 2: "c"}, {"0": "a", "2": "c"}),
        ({"k": 1}, {"k": 1}),
    ],
)
def test_php_map(array: dict[Any, Any], shown: Any) -> None:
    assert php_map(array) == shown


def test_json_becomes_what_php_keeps() -> None:
    assert from_json({"a": {}, "b": {"0": 1, "1": {"x": {}}}, "c": [{}]}) == {
        "a": [],
        "b": [1, {"x": []}],
        "c": [[]],
    }


def test_as_map() -> None:
    assert as_map(["x"]) == {"0": "x"}
    assert as_map([]) == {}
    assert as_map("x") is None
