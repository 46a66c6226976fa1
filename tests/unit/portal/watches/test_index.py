"""pipeline/portal/watches/index.py against the plain list of watches."""

from __future__ import annotations

import random

from pipeline.portal.watches.index import Index
from pipeline.portal.watches.watch import Watch

OBJECTS = [("product:23", key) for key in "abcd"]
SUBJECTS = [(portal, subject) for portal in ("one", "two") for subject in "xyz"]


def test_it_is_what_a_list_of_watches_would_say() -> None:
    fate = random.Random(7)
    index, plain = Index(), dict[tuple[str, str], Watch]()
    for number in range(2000):
        place = fate.choice(SUBJECTS)
        if fate.random() < 0.6:
            missing = tuple(fate.sample(OBJECTS, fate.randint(1, 3)))
            watch = plain[place] = Watch(*place, f"t{number}", missing, float(number), {}, b"")
            index.put(watch)
        else:
            plain.pop(place, None)
            index.drop(place)
        assert len(index) == len(plain)
        for portal in ("one", "two"):
            assert index.count(portal) == sum(of == portal for of, _ in plain)
            for wanted in OBJECTS:
                waiting = {at for at, watch in plain.items() if at[0] == portal and wanted in watch.missing}
                assert set(index.waiting(portal, wanted)) == waiting
        limit = number - 20.0
        assert set(index.older(limit)) == {at for at, watch in plain.items() if watch.at < limit}
        noted = index.get(place)
        assert (noted and noted.token) == (plain[place].token if place in plain else None)
    index.clear()
    assert not len(index) and not index.count("one") and index.waiting("one", OBJECTS[0]) == ()


def test_nothing_is_kept_of_what_is_gone() -> None:
    index = Index()
    index.put(Watch("one", "x", "t", (OBJECTS[0], OBJECTS[0]), 1.0, {}, b""))
    index.drop(("one", "x"))
    index.drop(("one", "x"))
    assert not index._waiting and not index._watches
