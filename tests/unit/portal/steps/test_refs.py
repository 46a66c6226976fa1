"""pipeline/portal/steps/refs.py: what each word stands for, and what is no such word."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.portal.steps.refs import OMIT, faults, paths, resolve

RESULTS: dict[str, Any] = {
    "brand": {"id": "59", "action": "found"},
    "goods": {"found": [{"id": "5", "title": "Bolt"}, None], "missing": 1},
    "gone": {"error": "X", "error_description": "no"},
    "odd": {"result": {"$omit": True}, "empty": "", "zero": 0, "list": [1]},
}
LEFT_OUT: Any = {"$if": "goods.found.1", "then": 1, "else": OMIT}


def choice(path: str, then: Any = "yes", otherwise: Any = "no") -> dict[str, Any]:
    return {"$if": path, "then": then, "else": otherwise}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("goods.found.0", "yes"),
        ("goods.found.0.title", "yes"),
        ("goods.found.1", "no"),
        ("goods.found.1.id", "no"),
        ("goods.found.2", "no"),
        ("gone.id", "no"),
        ("nothing", "no"),
        ("odd.empty", "yes"),
        ("odd.zero", "yes"),
    ],
)
def test_is_anything_there(path: str, value: str) -> None:
    assert resolve(choice(path), RESULTS) == value


def test_only_what_is_chosen_is_looked_up() -> None:
    there, missing = {"$ref": "goods.found.0.id"}, {"$ref": "goods.found.1.id"}
    assert resolve(choice("goods.found.0", there, missing), RESULTS) == "5"
    assert resolve(choice("goods.found.1", missing, [there]), RESULTS) == ["5"]
    with pytest.raises(LookupError, match=r"nothing is at 'goods\.found\.1\.id'"):
        resolve(choice("goods.found.0", missing, there), RESULTS)


def test_choices_within_choices() -> None:
    assert resolve(choice("goods.found.1", 1, choice("brand.id", {"$ref": "brand.id"}, 2)), RESULTS) == "59"


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ({"a": OMIT, "b": 1}, {"b": 1}),
        ({"a": LEFT_OUT}, {}),
        ([1, LEFT_OUT, OMIT, 2], [1, 2]),
        ({"a": [LEFT_OUT]}, {"a": []}),
        (LEFT_OUT, None),
        ({"a": {"$ref": "odd.result"}}, {"a": {"$omit": True}}),
        ({"a": {"$omit": False}}, {"a": {"$omit": False}}),
    ],
)
def test_what_is_left_out(value: Any, resolved: Any) -> None:
    """Only by the plan's own word: a portal's value is a value."""
    assert resolve(value, RESULTS) == resolved


def test_names_that_end_with_a_value() -> None:
    assert resolve({"property${brand.id}": 1, "${goods.found.0.id}-${goods.missing}": 2}, RESULTS) == {
        "property59": 1,
        "5-1": 2,
    }


def test_the_name_of_what_is_left_out_is_not_looked_up() -> None:
    assert resolve({"property${goods.found.1.id}": LEFT_OUT}, RESULTS) == {}


@pytest.mark.parametrize("path", ["goods.found.1", "odd.list", "odd.result", "goods"])
def test_no_text_is_in_no_name(path: str) -> None:
    with pytest.raises(LookupError, match=f"no text and no number is at '{path}'"):
        resolve({f"property${{{path}}}": 1}, RESULTS)


def test_paths() -> None:
    value = {
        "a": [{"$ref": "b.id"}],
        "property${c.id}": choice("d.found.0", {"$ref": "e.id"}, [{"x${f.id}": 1}]),
        "text": "$ref ${no.reference}",
    }
    assert list(paths(value)) == ["b.id", "c.id", "d.found.0", "e.id", "f.id"]


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (choice("a.b"), 0),
        ({"x": [{"$if": "a.b", "then": 1}]}, 1),
        ({"$if": 5, "then": 1, "else": 2}, 1),
        ({"$if": "a", "then": 1, "else": 2, "more": 3}, 1),
        ({"x": {"$ref": "a.b", "y": {"$ref": 5}}}, 2),
        ({"then": 1, "else": 2}, 0),
    ],
)
def test_faults(value: Any, count: int) -> None:
    assert len(list(faults(value))) == count
