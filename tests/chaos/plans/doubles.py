"""Adds that were executed, or stand in a portal, more than once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.chaos.plans.case import Case
from tests.chaos.plans.objects import Objects, marker_of

__all__ = ["doubled"]

#: portal, and a Place
_Seen = set[tuple[str, tuple[str, str, str]]]


def doubled(cases: Iterable[Case], objects: Mapping[str, Objects]) -> list[str]:
    """By what the portals hold, and by what they have executed: by marker, by external id, by stamp."""
    seen: _Seen = set()
    found = [text for case in cases for text in _of_case(case, objects[case.portal], seen)]
    for portal, held in objects.items():
        for (entity, by, value), times in held.executed.items():
            if by == "external" and times > 1 and not _is_seen(portal, entity, value, held, seen):
                found.append(f"{portal}: {entity} with the external id {value!r} was added {times} times")
    return found


def _of_case(case: Case, held: Objects, seen: _Seen) -> list[str]:
    """One text for each entity that it adds."""
    # a client that publishes a message again has asked twice
    asked = max(1, case.attempts)
    texts = {}
    for place in case.places:
        times = max(len(held.found.get(tuple(place), ())), held.executed[tuple(place)])
        if times > asked and (case.portal, tuple(place)) not in seen:
            seen.add((case.portal, tuple(place)))
            texts.setdefault(place.entity, f"{case.name}: {place.entity} {place.value!r} {times} times")
    return list(texts.values())


def _is_seen(portal: str, entity: str, external: str, held: Objects, seen: _Seen) -> bool:
    markers = [marker_of(row) for row in held.found.get((entity, "external", external), ())]
    places = [(entity, "external", external), *((entity, "marker", marker) for marker in markers)]
    return any((portal, place) in seen for place in places)
