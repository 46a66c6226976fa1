"""Whatever comes in whatever order, in the end each subject's newest plan has seen all that is there."""

from __future__ import annotations

import random
from typing import cast

import pytest

from pipeline.delivery.errors import Transient
from pipeline.delivery.retry import Backoff
from pipeline.delivery.tables import DurableTable
from pipeline.portal.links.store import Link, Links
from pipeline.portal.requests.row import Row
from pipeline.portal.steps.plan_end import Missing, PlanEnd
from pipeline.portal.watches.watches import Watches
from pipeline.topology import REQUESTS_BULK
from tests.unit.portal.fakes import Kafka, MemoryTable, row, settle

OBJECTS: list[Missing] = [("product:23", key) for key in "abcdef"]
SUBJECTS = ("s", "t", "u")


class History:
    """Plans of three subjects, each of which wants some objects."""

    def __init__(self, seed: int) -> None:
        self.fate = random.Random(seed)
        self.table, self.kafka = MemoryTable(), Kafka()
        self.links = Links(cast(DurableTable, MemoryTable()))
        #: body -> what that plan wants
        self.wants: dict[bytes, tuple[Missing, ...]] = {}
        #: by subject: the newest body, and what its last run has not found
        self.newest: dict[str, bytes] = {}
        self.seen: dict[str, tuple[Missing, ...]] = {}
        self.delivered = 0
        self.runs = 0
        self.begin()

    def begin(self) -> None:
        """A worker takes over."""
        self.watches = Watches(
            cast(DurableTable, self.table),
            self.links,
            self.kafka.send,
            Backoff(0.0, 0.0),
            scale=lambda portal: 1e9,
            partition_of=lambda portal: 0,
        )
        self.watches.begin((0,))

    async def step(self) -> None:
        """Something happens."""
        await self.fate.choice((self.plan, self.link, self.link, self.drop, self.take_over, self.deliver, self.away))()
        if self.fate.random() < 0.5:
            await settle(3)

    async def plan(self) -> None:
        """A new one."""
        subject, body = self.fate.choice(SUBJECTS), f"{len(self.wants)}".encode()
        self.wants[body] = tuple(self.fate.sample(OBJECTS, self.fate.randint(1, 4)))
        self.newest[subject] = body
        await self.run(subject, row(plan=True, lane="b", body=body))

    async def run(self, subject: str, plan: Row) -> None:
        """Finds what is there; meanwhile something else may come, and the worker may end before the answer is out."""
        self.runs += 1
        missing = tuple(one for one in self.wants[plan.body] if self.links.get(0, "default", *one) is None)
        if self.fate.random() < 0.3:
            await self.link()
        end = PlanEnd(subject, missing, missing)
        await self.watches.ended(plan, end)
        if self.fate.random() < 0.2:
            await self.take_over()
            await self.watches.ended(plan, end)
        assert plan.body == self.newest[subject], "an old plan is not run any more"
        self.seen[subject] = missing

    async def link(self) -> None:
        """An object appears, or is told again; a worker may end before it tells anybody."""
        entity, external = self.fate.choice(OBJECTS)
        link = Link("default", entity, external, str(ord(external)))
        await self.links.put(0, link)
        if self.fate.random() < 0.1:
            await self.take_over()
        else:
            self.watches.linked([link])

    async def drop(self) -> None:
        await self.links.drop(0, "default", *self.fate.choice(OBJECTS))

    async def take_over(self) -> None:
        await self.watches.end()
        self.begin()

    async def away(self) -> None:
        """Kafka takes nothing for a while."""
        self.kafka.errors += [Transient("away")] * self.fate.randint(1, 3)

    async def deliver(self) -> None:
        """A record that was sent again comes to its turn."""
        records = self.kafka.of(REQUESTS_BULK)
        if self.delivered < len(records):
            record = records[self.delivered]
            self.delivered += 1
            token = record.headers["watch"]
            for subject in SUBJECTS:
                if self.watches.token("default", subject) == token:
                    await self.run(subject, row(plan=True, lane="b", body=record.value, watch=token))

    async def finish(self) -> None:
        """Nothing new comes; what is on its way arrives."""
        for _ in range(40):
            await settle(10)
            await self.deliver()


@pytest.mark.parametrize("first", range(0, 100, 50))
async def test_in_the_end_all_that_is_there_was_seen(first: int) -> None:
    for seed in range(first, first + 50):
        history = History(seed)
        for _ in range(40):
            await history.step()
        runs = history.runs
        await history.finish()
        for subject, body in history.newest.items():
            unlinked = {one for one in history.wants[body] if history.links.get(0, "default", *one) is None}
            missed = set(history.seen[subject])
            assert missed <= unlinked, (seed, subject, "something is there, and was not seen")
            watch = history.watches.get(("default", subject))
            assert (set(watch.missing) if watch is not None else set()) == missed, (seed, subject)
        assert history.runs - runs <= 3 * len(SUBJECTS), (seed, "it goes on and on")
        assert history.delivered == len(history.kafka.of(REQUESTS_BULK)), seed
        await history.watches.end()
