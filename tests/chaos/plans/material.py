"""The mix of requests: which kinds, how often, and the objects that must be there before."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from tests.chaos.cases import Seed
from tests.chaos.plans import adds, chains, seeded, upserts
from tests.chaos.plans.case import Case
from tests.chaos.plans.maker import Maker
from tests.chaos.plans.portals import PlansControl

__all__ = ["draw", "make_cases", "make_seeds"]

#: kind -> how often among 100 draws, what makes it, the entity of the object that it needs
_KINDS: dict[str, tuple[int, Callable[[Maker, str], list[Case]], str | None]] = {
    "add": (36, adds.make_add, None),
    "add with own id": (10, adds.make_own_add, None),
    "upserts": (8, upserts.make_upserts, None),
    "chain": (13, chains.make_chain, None),
    "deal update": (6, seeded.make_deal_update, "deal"),
    "updates in a row": (3, seeded.make_updates_in_a_row, "deal"),
    "item update": (4, seeded.make_item_update, "item"),
    "phone": (4, seeded.make_phone, "contact"),
    "deal delete": (4, seeded.make_deal_delete, "deal"),
    "item delete": (2, seeded.make_item_delete, "item"),
    "get": (5, seeded.make_get, "deal"),
    "list": (5, seeded.make_list, "company"),
}


def draw(dice: random.Random, portals: Sequence[str], count: int) -> list[tuple[str, str]]:
    """(portal, kind) pairs that make at least `count` requests; each kind at least once."""
    kinds = [*_KINDS, *dice.choices(list(_KINDS), weights=[share for share, _, _ in _KINDS.values()], k=count)]
    return [(portals[number % len(portals)], kind) for number, kind in enumerate(kinds[: max(count, len(_KINDS))])]


async def make_seeds(
    control: PlansControl, run: str, drawn: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[Seed]]:
    """The objects that the drawn kinds need, by portal and entity."""
    needs = Counter((portal, entity) for portal, kind in drawn if (entity := _KINDS[kind][2]) is not None)
    seeds = {}
    for (portal, entity), count in sorted(needs.items()):
        markers = [f"seed {run} {entity} {number}" for number in range(count)]
        ids = await control.seed_rows(portal, entity, markers)
        seeds[portal, entity] = [Seed(number, marker) for number, marker in zip(ids, markers, strict=True)]
    return seeds


def make_cases(
    dice: random.Random,
    run: str,
    drawn: Sequence[tuple[str, str]],
    seeds: Mapping[tuple[str, str], list[Seed]],
    count: int,
) -> list[Case]:
    """About `count` cases in random order; those of one object stay one after another."""
    maker = Maker(dice, run, seeds)
    groups: list[list[Case]] = []
    made = 0
    for portal, kind in drawn:
        if made >= count:
            break
        groups.append(_KINDS[kind][1](maker, portal))
        made += len(groups[-1])
    dice.shuffle(groups)
    return [case for group in groups for case in group]
