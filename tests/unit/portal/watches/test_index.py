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
    still: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for number in range(2000):
        place = fate.choice(SUBJECTS)
        if fate.random() < 0.2:
            portal, wanted = fate.choice(("one", "two")), fate.choice(OBJECTS)
            waiting = {at for at in plain if at[0] == portal and wanted in still[at]}
            for at in waiting:
                still[at].discard(wanted)
            told = index.appeared(portal, wanted)
            assert {at: noted.open for at, noted in told} == {at: still[at] for at in waiting}
            assert index.appeared(portal, wanted) == []
        elif fate.random() < 0.7:
            missing = tuple(fate.sample(OBJECTS, fate.randint(1, 3)))
            still[place] = set(missing)
            watch = plain[place] = Watch(*place, f"t{number}", missing, float(number), {}, b"")
            index.put(watch, missing)
        else:
            plain.pop(place, None)
            index.drop(place)
        assert len(index) == len(plain)
        for portal in ("one", "two"):
            assert index.count(portal) == sum(of == portal for of, _ in plain)
        limit = number - 20.0
        assert set(index.older(limit)) == {at for at, watch in plain.items() if watch.at < limit}
    index.clear()
    assert not len(index) and not index.count("one") and index.appeared("one", OBJECTS[0]) == []


def test_nothing_is_kept_of_what_is_gone() -> None:
    index = Index()
    index.put(Watch("one", "x", "t", (OBJECTS[0], OBJECTS[1]), 1.0, {}, b""), OBJECTS[:2])
    index.appeared("one", OBJECTS[0])
    index.drop(("one", "x"))
    index.drop(("one", "x"))
    assert not index._waiting and not index._watches
