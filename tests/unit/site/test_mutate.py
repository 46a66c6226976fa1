"""Broken messages: repeatable, named, and really broken in every way that there is."""

from __future__ import annotations

import orjson

from sandbox.site.day import make_day
from sandbox.site.mutate import MUTATIONS, mutated
from sandbox.site.sizes import Sizes

DAY = make_day(Sizes(users=10, products=10, sections=5, settlements=5), 1)


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def test_the_same_seed_breaks_the_same() -> None:
    assert list(mutated(DAY.messages, 100, 3)) == list(mutated(DAY.messages, 100, 3))
    assert list(mutated(DAY.messages, 100, 3)) != list(mutated(DAY.messages, 100, 4))


def test_every_mutation_is_used_and_says_what_it_did() -> None:
    made = list(mutated(DAY.messages, 20 * len(MUTATIONS), 1))
    bodies = {one.body for one in DAY.messages}
    for name in MUTATIONS:
        mine = [one for one in made if one.what.split(" at ")[0] == name]
        assert len(mine) == 20
        assert any(one.message.body not in bodies for one in mine), name
    assert all(one.message.wrong == one.what for one in made)


def test_some_are_no_json_and_some_are() -> None:
    made = [one.message.body for one in mutated(DAY.messages, 200, 1)]
    assert 20 < sum(map(_is_json, made)) < 200


def test_without_messages_there_is_nothing_to_break() -> None:
    assert list(mutated([], 5)) == []
