"""pipeline/portal/wire/batch.py: bodies of batches, and their answers taken apart."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portal.wire.batch import LIMIT, CommandAnswer, NotABatch, build, take_apart
from sandbox.portal.php import php_map

TIME = {"start": 1.0, "finish": 1.5, "duration": 0.5, "operating_reset_at": 1725, "operating": 0.25}


def answer(**maps: Any) -> bytes:
    """What a portal answers; maps that are not given are empty."""
    names = ("result", "result_error", "result_total", "result_next", "result_time")
    return orjson.dumps({"result": {name: maps.get(name, []) for name in names}, "time": maps.get("time", TIME)})


def one(**maps: Any) -> CommandAnswer:
    """The answer of the only command."""
    found = take_apart(answer(**maps), 1).commands[0]
    assert found is not None
    return found


def test_body() -> None:
    assert build(["profile", "a.b?x=1"]) == b'{"halt":0,"cmd":{"c0":"profile","c1":"a.b?x=1"}}'
    assert orjson.loads(build(["profile"], halt=True))["halt"] == 1
    assert list(orjson.loads(build(["profile"] * LIMIT))["cmd"]) == [f"c{number}" for number in range(50)]


@pytest.mark.parametrize("count", [0, LIMIT + 1])
def test_a_body_has_bounds(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 50"):
        build(["profile"] * count)


def test_the_documented_answer() -> None:
    parts = take_apart(
        answer(
            result={"c0": 123, "c1": [{"ID": "1"}], "c4": None},
            result_error={"c2": {"error": "ERROR_CORE", "error_description": "wrong<br>"}},
            result_total={"c1": 75},
            result_next={"c1": 50},
            result_time={"c0": TIME, "c1": TIME},
        ),
        6,
    )
    added, listed, failed, halted, empty, beyond = parts.commands
    assert added is not None
    assert listed is not None
    assert failed is not None
    assert empty is not None
    assert orjson.loads(added.body) == {"result": 123, "time": TIME}
    assert (added.ok, added.code, added.description) == (True, "", "")
    assert (added.times.operating, added.times.reset_at, added.times.duration) == (0.25, 1725.0, 0.5)
    assert listed.body.startswith(b'{"result":[{"ID":"1"}],"next":50,"total":75,"time":{')
    assert failed.body == b'{"error":"ERROR_CORE","error_description":"wrong<br>"}'
    assert (failed.ok, failed.code, failed.description) == (False, "ERROR_CORE", "wrong<br>")
    assert empty.body == b'{"result":null}'
    assert (halted, beyond) == (None, None)
    assert parts.time is not None
    assert parts.time.duration == 0.5


def test_maps_that_php_made_lists() -> None:
    parts = take_apart(answer(result=[1, 2], result_total=["75"], result_time=[TIME, TIME]), 3)
    assert [found and orjson.loads(found.body) for found in parts.commands] == [
        {"result": 1, "total": 75, "time": TIME},
        {"result": 2, "time": TIME},
        None,
    ]


@pytest.mark.parametrize(
    ("entry", "code", "description", "body"),
    [
        ({"error": "", "error_description": "Not found"}, "", "Not found", None),
        ({"error": 100, "error_description": "no {fields}"}, "100", "no {fields}", None),
        ({"error": 0, "error_description": None}, "0", "", None),
        ({"error": "X", "error_description": "y", "validation": [1]}, "X", "y", None),
        ({"error": "X"}, "X", "", {"error": "X", "error_description": ""}),
        ("Access denied", "", "Access denied", {"error": "", "error_description": "Access denied"}),
        (
            "QUERY_LIMIT_EXCEEDED",
            "QUERY_LIMIT_EXCEEDED",
            "",
            {"error": "QUERY_LIMIT_EXCEEDED", "error_description": ""},
        ),
        ("expired_token", "expired_token", "", {"error": "expired_token", "error_description": ""}),
        ("", "", "", {"error": "", "error_description": ""}),
        (200040300010, "200040300010", "", {"error": 200040300010, "error_description": ""}),
        ([], "", "", {"error": "", "error_description": ""}),
    ],
)
def test_errors(entry: Any, code: str, description: str, body: Any) -> None:
    found = one(result_error={"c0": entry})
    assert (found.ok, found.code, found.description) == (False, code, description)
    assert orjson.loads(found.body) == (body or entry)


def test_an_error_wins_over_a_result() -> None:
    assert not one(result={"c0": []}, result_error={"c0": {"error": "X"}}).ok


@pytest.mark.parametrize(
    ("given_next", "given_total", "shown"),
    [
        (50, 75, {"next": 50, "total": 75}),
        ("50", "75", {"next": 50, "total": 75}),
        (None, 0, {"total": 0}),
        ("many", "", {"next": "many", "total": ""}),
    ],
)
def test_numbers_of_lists(given_next: Any, given_total: Any, shown: dict[str, Any]) -> None:
    found = one(result={"c0": []}, result_next={"c0": given_next}, result_total={"c0": given_total})
    assert orjson.loads(found.body) == {"result": [], **shown}


def test_results_keep_their_values() -> None:
    result = (
        '{"long":9223372036854775807,"least":-9223372036854775808,"price":"1.50","rate":0.1,"whole":1.0,"tiny":1e-7,'
        '"name":"\\u0401\\u043b\\u043a\\u0430 \\ud83d\\ude00","url":"https:\\/\\/a\\/b","empty":[],"none":null,'
        '"a\\/b":"\\u0000"}'
    )
    maps = f'{{"result":{{"c0":{result}}},"result_error":[]}}'
    found = take_apart(f'\ufeff{{"result":{maps}}}'.encode(), 1).commands[0]
    assert found is not None
    single = orjson.loads(found.body)["result"]
    assert single == orjson.loads(result)
    assert (type(single["long"]), type(single["whole"])) == (int, float)
    assert list(single) == list(orjson.loads(result))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'{"error":"QUERY_LIMIT_EXCEEDED","error_description":"Too many requests"}',
        b'{"result":[]}',
        b'{"result":true}',
        b'{"result":{}}',
        b'{"result":{"ID":"1"}}',
        b'{"result":{"result":null}}',
        b'{"result":{"result":5,"result_error":[]}}',
        b'{"result":{"result":{"c0":1}',
    ],
)
def test_what_is_no_batch(body: bytes) -> None:
    with pytest.raises(NotABatch):
        take_apart(body, 1)


@pytest.mark.parametrize("maps", [{"result_error": 5, "result_time": "x"}, {"result_next": None}, {"time": []}])
def test_odd_maps_do_no_harm(maps: dict[str, Any]) -> None:
    assert one(result={"c0": 1}, **maps).ok
    assert maps != {"time": []} or take_apart(answer(result={"c0": 1}, **maps), 1).time is None


RESULTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc01", max_size=3), inner, max_size=3),
    max_leaves=8,
)
#: What became of a command: a result with total and next, an error, or nothing because the batch was halted.
FATES = st.one_of(
    st.tuples(st.just("done"), RESULTS, st.none() | st.integers(0, 10**6), st.none() | st.integers(50, 1000)),
    st.tuples(st.just("failed"), st.text("AB_", max_size=5), st.text(max_size=5), st.none()),
    st.just(("halted", None, None, None)),
)


@given(st.lists(FATES, min_size=1, max_size=LIMIT))
def test_every_command_gets_its_own_answer(fates: list[tuple[str, Any, Any, Any]]) -> None:
    maps: dict[str, dict[str, Any]] = {name: {} for name in ("result", "result_error", "result_total", "result_next")}
    keys = orjson.loads(build(["profile"] * len(fates)))["cmd"]
    for key, (fate, first, second, third) in zip(keys, fates, strict=True):
        if fate == "done":
            maps["result"][key] = first
            maps["result_total"] |= {} if second is None else {key: second}
            maps["result_next"] |= {} if third is None else {key: third}
        elif fate == "failed":
            maps["result_error"][key] = {"error": first, "error_description": second}
    found = take_apart(answer(**{name: php_map(entries) for name, entries in maps.items()}), len(fates)).commands
    for command, (fate, first, second, third) in zip(found, fates, strict=True):
        if fate == "halted":
            assert command is None
            continue
        assert command is not None
        expected = {"result": first, "total": second, "next": third} if command.ok else None
        assert command.ok == (fate == "done")
        assert orjson.loads(command.body) == (
            {name: value for name, value in expected.items() if name == "result" or value is not None}
            if expected
            else {"error": first, "error_description": second}
        )
