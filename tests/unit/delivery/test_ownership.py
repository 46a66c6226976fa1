"""pipeline/delivery/ownership.py: who is told what, and when."""

import asyncio

from pipeline.delivery.ownership import Ownership
from tests.unit.delivery.fakes import settle


class Owner:
    def __init__(self, ownership: Ownership) -> None:
        self.ownership = ownership
        self.told: list[object] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def on_owned(self, partitions: frozenset[int]) -> None:
        await self.gate.wait()
        self.told.append(set(partitions))

    async def on_lost(self) -> None:
        # tables can still be written: the partitions are ours until this returns
        self.told.append(("lost", self.ownership.owned("a")))
        await self.gate.wait()


async def test_owners_are_told_and_may_write_until_they_have_let_go() -> None:
    ownership = Ownership()
    one, other = Owner(ownership), Owner(ownership)
    ownership.register("a", one)
    ownership.register("b", other)
    assert not ownership.settled and ownership.generation == 0
    await ownership.gained([("a", 1), ("a", 3), ("c", 0)])
    assert ownership.settled and ownership.generation == 1
    assert (one.told, other.told) == ([{1, 3}], [set()])
    assert ownership.owned("a") == {1, 3} and ownership.owned("b") == frozenset()
    one.gate.clear()
    losing = asyncio.create_task(ownership.lost())
    await settle()
    assert not losing.done() and ownership.generation == 1 and ownership.owned("a") == {1, 3}
    one.gate.set()
    await losing
    assert ownership.generation == 2 and not ownership.settled and ownership.owned("a") == frozenset()
    assert one.told[-1] == ("lost", {1, 3})
    await ownership.lost()
    assert ownership.generation == 2 and len(one.told) == 2


async def test_a_loss_waits_for_a_take_over_that_is_under_way() -> None:
    ownership = Ownership()
    owner = Owner(ownership)
    ownership.register("a", owner)
    owner.gate.clear()
    gaining = asyncio.create_task(ownership.gained([("a", 0)]))
    await settle()
    losing = asyncio.create_task(ownership.lost())
    await settle()
    assert owner.told == []
    owner.gate.set()
    await asyncio.gather(gaining, losing)
    assert owner.told == [{0}, ("lost", {0})]
    assert ownership.owned("a") == frozenset()
