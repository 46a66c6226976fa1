"""Soft order keys: what plans want to be there holds them up only until it is known."""

from __future__ import annotations

import random

import pytest

from pipeline.portal.links.store import Link
from pipeline.portal.plan import Key, Plan
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.portal.requests.order import place_of_link, plan_keys
from pipeline.portal.requests.soft_keys import SoftKey, is_soft, place_of, read_soft, soft_key
from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.scheduler import Scheduler
from pipeline.portal.sending.soft_holds import SoftHolds
from tests.unit.portal.fakes import row

NOW = 1000.0
BRAND = soft_key("=property:23:brand", "property:23", "BRAND")
PLACE = "=property:23:brand"


class Holds:
    """A scheduler with links of its own."""

    def __init__(self) -> None:
        self.links: dict[tuple[str, str], Link] = {}
        self.scheduler = Scheduler()
        self.soft = SoftHolds(self.scheduler, lambda entity, external: self.links.get((entity, external)))
        self.number = 0

    def add(self, *keys: str) -> Entry:
        self.number += 1
        entry = Entry(row(offset=self.number, lane="b", keys=keys))
        self.soft.arrive(entry)
        self.scheduler.add(entry)
        return entry

    def link(self, entity: str = "property:23", external: str = "BRAND") -> None:
        self.links[entity, external] = link = Link("default", entity, external, "5")
        self.soft.linked([link])

    def picked(self) -> list[Entry]:
        found = []
        while (entry := self.scheduler.pick(NOW)) is not None:
            found.append(entry)
        return found


def plan(*, once: bool, part: bool = False) -> Plan:
    steps = PlanBuilder(subject="product:1")
    company = steps.upsert("brand", "company", Key(id="BRAND", originator="Site"), {"TITLE": "b"}, once=once)
    if part:
        whole = {"name": "rows", "entity": "company", "key": Key(id="brand", originator="site")}
        steps.call("rows", "crm.company.contact.items.set", {"id": company.id}, part=whole)
    return steps.build()


def test_what_is_wanted_once_has_a_soft_key_of_the_same_place() -> None:
    (place,) = [key for key in plan_keys(plan(once=False)) if "company" in key]
    (soft,) = [key for key in plan_keys(plan(once=True)) if "company" in key]
    assert not is_soft(place) and place_of(place) == place
    assert is_soft(soft) and place_of(soft) == place
    assert read_soft(soft) == SoftKey(place, "company", "Site\x1fBRAND")
    assert place_of_link("company", "Site\x1fBRAND") == place
    with pytest.raises(ValueError, match="no soft key"):
        read_soft(place)


def test_a_plan_that_also_changes_the_object_has_its_hard_key_alone() -> None:
    keys = [key for key in plan_keys(plan(once=True, part=True)) if "company" in place_of(key)]
    assert len(keys) == 1 and not is_soft(keys[0])


def test_the_first_goes_alone_and_the_others_when_the_object_is_known() -> None:
    holds = Holds()
    first, second, third = holds.add(BRAND), holds.add(BRAND), holds.add(BRAND)
    assert holds.picked() == [first]
    holds.link()
    assert holds.picked() == [second, third]
    for entry in (second, first, third):
        holds.scheduler.finish(entry)
    assert len(holds.scheduler) == 0
    assert holds.picked() == []


def test_the_first_ends_without_the_object_and_the_next_one_tries() -> None:
    holds = Holds()
    first, second, third = holds.add(BRAND), holds.add(BRAND), holds.add(BRAND)
    assert holds.picked() == [first]
    holds.scheduler.finish(first)
    assert holds.picked() == [second]
    holds.link()
    assert holds.picked() == [third]


def test_what_is_known_is_waited_for_by_nobody() -> None:
    holds = Holds()
    holds.link()
    assert holds.picked() == [] and len({holds.add(BRAND), holds.add(BRAND)} & set(holds.picked())) == 2


def test_those_who_change_the_object_go_on_one_after_another() -> None:
    holds = Holds()
    soft, hard, another, late = holds.add(BRAND), holds.add(PLACE), holds.add(PLACE), holds.add(BRAND)
    assert holds.picked() == [soft]
    holds.link()
    assert holds.picked() == [hard, late]
    holds.scheduler.finish(soft)
    assert holds.picked() == []
    holds.scheduler.finish(hard)
    assert holds.picked() == [another]


def test_other_keys_still_count() -> None:
    holds = Holds()
    first, second = holds.add(BRAND, "=deal:1"), holds.add(BRAND, "=deal:1")
    assert holds.picked() == [first]
    holds.link()
    assert holds.picked() == []
    holds.scheduler.finish(first)
    assert holds.picked() == [second]


def test_a_link_that_is_gone_is_looked_for_by_one_at_a_time() -> None:
    holds = Holds()
    holds.link()
    one, other, third = holds.add(BRAND), holds.add(BRAND), holds.add(BRAND)
    assert holds.picked() == [one, other, third]
    holds.links.clear()
    assert holds.soft.wait(one, NOW) == holds.soft.wait(one, NOW) == 0
    assert holds.soft.wait(other, NOW) > 0
    holds.scheduler.finish(one)
    holds.soft.over(one)
    assert holds.soft.wait(other, NOW) == 0
    holds.link()
    assert holds.soft.wait(third, NOW) == 0


def test_it_is_not_looked_for_beside_one_that_holds_the_key_and_may_be_on_its_way() -> None:
    holds = Holds()
    holds.link()
    one = holds.add(BRAND)
    holds.links.clear()
    late = holds.add(BRAND)
    assert holds.picked() == [one, late]
    assert holds.soft.wait(one, NOW) > 0
    holds.scheduler.finish(late)
    assert holds.soft.wait(one, NOW + 1) == 0


def test_one_that_waits_for_ours_is_not_waited_for() -> None:
    holds = Holds()
    holds.link()
    one = holds.add(BRAND, "=deal:1")
    holds.links.clear()
    holds.add(BRAND, "=deal:1")
    assert holds.picked() == [one] and holds.soft.wait(one, NOW) == 0


def test_nobody_waits_for_ever() -> None:
    holds = Holds()
    holds.link()
    one, other = holds.add(BRAND), holds.add(BRAND)
    holds.links.clear()
    assert holds.soft.wait(one, NOW) == 0
    assert holds.soft.wait(other, NOW) > 0 and holds.soft.wait(other, NOW + 59) > 0
    assert holds.soft.wait(other, NOW + 61) == 0


@pytest.mark.parametrize("seed", range(40))
def test_any_history_ends_and_nobody_adds_beside_another(seed: int) -> None:
    dice, holds = random.Random(seed), Holds()
    names = ["A", "B", "C"]
    keys = {name: soft_key(f"=property:23:{name.lower()}", "property:23", name) for name in names}
    running: list[Entry] = []
    left, now = 60, NOW
    while left or running:
        now += 0.1
        what = dice.random()
        if left and what < 0.4:
            left -= 1
            wanted = dice.sample(names, dice.randint(1, 2))
            hard = [f"=deal:{dice.randint(1, 3)}"] if dice.random() < 0.5 else []
            holds.add(*(place_of(keys[n]) if dice.random() < 0.2 else keys[n] for n in wanted), *hard)
        elif what < 0.7 and (entry := holds.scheduler.pick(now)) is not None:
            if holds.soft.wait(entry, now):
                holds.scheduler.retry(entry, now)
            else:
                entry.begun = True
                running.append(entry)
        elif what < 0.8:
            holds.link(external=dice.choice(names))
        elif what < 0.85:
            holds.links.pop(("property:23", dice.choice(names)), None)
        elif running:
            over = running.pop(dice.randrange(len(running)))
            holds.scheduler.finish(over)
            holds.soft.over(over)
        for key in {key for entry in running for key in entry.row.keys if not is_soft(key)}:
            assert sum(key in entry.row.keys for entry in running) == 1
        for name in names:
            soft = [entry for entry in running if keys[name] in entry.row.keys]
            assert sum(place_of(keys[name]) not in entry.free for entry in soft) <= 1
    while (entry := holds.scheduler.pick(now)) is not None:
        now += 0.1
        if holds.soft.wait(entry, now):
            holds.scheduler.retry(entry, now)
        else:
            holds.scheduler.finish(entry)
            holds.soft.over(entry)
    assert len(holds.scheduler) == 0
