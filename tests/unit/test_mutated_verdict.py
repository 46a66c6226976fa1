"""The judge of tests/chaos/mutated: it must see what is lost, unclear or told too much."""

from __future__ import annotations

import orjson
import pytest

from tests.chaos.mutated.fates import Fate, Letter
from tests.chaos.mutated.letters import names_a_place, personal, secrets, shape
from tests.chaos.mutated.material import make_material

PLACE = ("events.user", "3", "7")
REFUSED = Letter({"dl-topic": PLACE[0], "dl-partition": PLACE[1], "dl-offset": PLACE[2]}, b"")
FAILED = Letter({"dl-topic": "portal.requests.bulk", "plan": "1"}, b"")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ORDERS[2].GOODS[0].QUANTITY: '1,5 шт' is no number", True),
        ("XML_ID is missing: expected a text or a number", True),
        ("PROPERTY_VALUES.Цвет.VALUE: a list is no text", True),
        ("message: null is no object", True),
        ("no JSON: the body is empty", True),
        ("it went wrong", False),
        ("list index out of range", False),
        ("KeyError: 'ORDERS'", False),
        ("TypeError: unhashable type", False),
        ("", False),
    ],
)
def test_a_place_is_named(text: str, named: bool) -> None:
    assert names_a_place(text, plan=False) is named


@pytest.mark.parametrize(("text", "named"), [("step 'deal': HTTP 400 ERROR_CORE", True), ("HTTP 400", False)])
def test_a_plan_names_its_step(text: str, named: bool) -> None:
    assert names_a_place(text, plan=True) is named


def test_what_is_told_of_a_person_belongs_to_the_fault() -> None:
    body = orjson.dumps({"NAME": "ООО Василёк", "EMAIL": "someone", "SORT": "x"})
    assert personal("NAME: 'ООО Василёк' is wrong; SORT: 'x' is no number", body) == []
    assert personal("SORT: 'x' of ООО Василёк", body) == ["NAME"]
    assert personal("no JSON", b"{") == []


def test_secrets_and_shapes() -> None:
    assert secrets({"user": "1", "dl-last-error": "at /rest/1/abc/"}, {"token": "abc"}) == ["dl-last-error holds token"]
    assert list(shape("A[3].B: 'x; y' is 17; C is missing: expected a text")) == ["A[n].B: '…' is N", "C is missing"]


@pytest.mark.parametrize(
    ("fate", "ends"),
    [
        (Fate([PLACE], plans=1, answers=1), {"effect": 1}),
        (Fate([PLACE], letters=[REFUSED]), {"refused": 1}),
        (Fate([PLACE], plans=1, answers=1, failures=["x"], letters=[FAILED]), {"failed": 1}),
        (Fate(letters=[Letter({"dl-queue": "users"}, b"")]), {"refused": 1}),
    ],
)
def test_accounted_for(fate: Fate, ends: dict[str, int]) -> None:
    assert not list(fate.faults()) and fate.ends() == ends


@pytest.mark.parametrize(
    "fate",
    [
        Fate(),
        Fate([PLACE]),
        Fate([PLACE], plans=1),
        Fate([PLACE], plans=1, answers=2),
        Fate([PLACE], plans=1, answers=1, letters=[REFUSED]),
        Fate([PLACE], plans=1, answers=1, failures=["x"]),
        Fate([PLACE], plans=1, answers=1, letters=[FAILED]),
        Fate([("events.user", "1", "1")], letters=[REFUSED]),
    ],
)
def test_not_accounted_for(fate: Fate) -> None:
    assert list(fate.faults())


def test_bad_and_good_have_no_object_in_common() -> None:
    material = make_material(100, 3)
    assert len(material.bad) == 100 and len(material.mixed) == 100 + len(material.good)
    ids = {one.message_id for one in material.mixed}
    assert len(ids) == len(material.mixed)
    good = {_id(one.body) for one in material.good}
    assert not good & {_id(one.body) for one in material.ground}


def _id(body: bytes) -> str:
    found = orjson.loads(body)
    return str(found.get("XML_ID"))
