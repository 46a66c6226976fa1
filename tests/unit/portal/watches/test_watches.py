"""pipeline/portal/watches/watches.py and waking.py: what is kept, who is woken, and what a take-over finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NoReturn, cast

import pytest

from pipeline.delivery.errors import BadInput, Transient
from pipeline.delivery.flow import Event
from pipeline.delivery.ownership import Lost
from pipeline.delivery.retry import Backoff
from pipeline.delivery.tables import DurableTable
from pipeline.portal.control import Control
from pipeline.portal.links.messages import put_records
from pipeline.portal.links.store import Link, Links
from pipeline.portal.partition import partition_of
from pipeline.portal.requests.row import Row
from pipeline.portal.steps.plan_end import Missing, PlanEnd
from pipeline.portal.watches import waking, watches
from pipeline.portal.watches.watches import Watches
from pipeline.topology import CONTROL, REQUESTS_BULK
from tests.unit.portal.fakes import Kafka, MemoryTable, row, settle, until

PLACE = partition_of("default")
A, B = ("product:23", "a"), ("product:23", "b")


def plan(watch: str | None = None, **given: Any) -> Row:
    return row(plan=True, source="settlements", lane="b", partition=PLACE, watch=watch, **given)


def link(external: str, number: int = 5) -> Link:
    return Link("default", "product:23", external, str(number))


class Died(BaseException):
    """In place of the end of the process."""


class Ground:
    """Watches of one portal, the links, and Kafka."""

    def __init__(self) -> None:
        self.table, self.linked = MemoryTable(), MemoryTable()
        self.kafka = Kafka()
        #: so fast that there is no pause
        self.scale = 1e6
        self.links = Links(cast(DurableTable, self.linked))
        self.watches = self.owner()

    def owner(self) -> Watches:
        """Of the same tables."""
        table, backoff = cast(DurableTable, self.table), Backoff(0.001, 0.002)
        self.watches = Watches(table, self.links, self.kafka.send, backoff, scale=lambda portal: self.scale)
        return self.watches

    async def ends(self, *missing: Missing, subject: str = "s", watch: str | None = None, **given: Any) -> Row:
        """A plan that has not found these ends well."""
        one = plan(watch, **given)
        await self.watches.ended(one, PlanEnd(subject, missing, missing))
        return one

    async def put(self, *links: Link) -> None:
        """As a plan or an import does."""
        await self.links.put_many(PLACE, links)
        self.watches.linked(links)

    def token(self, subject: str = "s") -> str | None:
        return self.watches.token("default", subject)

    @property
    def woken(self) -> list[str]:
        """Tokens of what was sent again."""
        return [record.headers["watch"] for record in self.kafka.of(REQUESTS_BULK)]

    async def take_over(self, waiting: Any = ()) -> None:
        """Another worker begins, with what is in the tables."""
        await self.watches.end()
        self.owner().begin((PLACE,), waiting)
        await settle()


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    def died(reason: str, error: BaseException | None = None) -> NoReturn:
        seen.append(reason)
        raise Died

    for module in (waking, watches):
        monkeypatch.setattr(module, "die", died)
    return seen


@pytest.fixture
async def ground(deaths: list[str]) -> AsyncIterator[Ground]:
    ground = Ground()
    ground.watches.begin((PLACE,))
    yield ground
    ground.kafka.gate.set()
    await ground.watches.end()
    assert deaths == []


async def test_a_plan_is_run_again_when_what_it_missed_is_linked(ground: Ground) -> None:
    await ground.ends(A, B, body=b'{"v": 1}')
    token = ground.token()
    await ground.put(link("c"))
    await settle()
    assert ground.woken == [] and ground.watches.count("default") == 1
    await ground.put(link("b"))
    await until(lambda: ground.woken == [token])
    (record,) = ground.kafka.taken
    assert (record.value, record.key) == (b'{"v": 1}', b"default")
    await ground.put(link("a"))
    await settle()
    assert ground.woken == [token], "it will see that, too"


async def test_many_that_appear_run_a_plan_again_once(ground: Ground) -> None:
    ground.scale = 1e-6
    keys = [("product:23", str(number)) for number in range(10)]
    await ground.ends(*keys)
    token = ground.token()
    for _, key in keys[:9]:
        await ground.put(link(key, int(key) + 1))
        await settle()
    assert ground.woken == [], "more may come"
    await ground.put(link("9", 10))
    await until(lambda: ground.woken == [token])
    ground.scale = 1e-6  # a pause that never ends, unless all is there
    await ground.ends(A, B, subject="t")
    await ground.put(link("a"))
    await settle()
    assert ground.woken == [token], "more may come"
    await ground.put(link("b", 6))
    await until(lambda: ground.woken == [token, ground.token("t")])


async def test_what_is_linked_while_the_plan_ends_is_not_missed(ground: Ground) -> None:
    await ground.put(link("a"))
    await ground.ends(A, B)
    await until(lambda: ground.woken == [ground.token()])


async def test_a_plan_run_again_waits_for_what_it_still_misses(ground: Ground) -> None:
    await ground.ends(A, B)
    first = ground.token()
    await ground.put(link("a"))
    await until(lambda: ground.woken == [first])
    await ground.ends(B, watch=first)
    second = ground.token()
    assert second not in (None, first)
    await ground.put(link("a", 6))
    await settle()
    assert ground.woken == [first], "that is no longer missing"
    await ground.put(link("b"))
    await until(lambda: ground.woken == [first, second])
    await ground.ends(watch=second)
    assert ground.token() is None and ground.watches.count("default") == 0 and ground.table.rows == {}


async def test_a_link_that_was_dropped_and_put_again_wakes_who_misses_it_by_then(ground: Ground) -> None:
    await ground.put(link("a"))
    await ground.links.drop(PLACE, "default", "product:23", "a")
    await ground.ends(A)
    await settle()
    assert ground.woken == []
    await ground.put(link("a"))
    await until(lambda: ground.woken == [ground.token()])


async def test_an_import_of_links_wakes(ground: Ground) -> None:
    await ground.ends(A, subject="a")
    await ground.ends(B, subject="b")
    control = Control(["default"], ground.links, ground.watches.linked)
    (record,) = put_records("default", [link("b", 9)])
    value = control.flow().decode(record.value or b"")
    ground.linked.errors = [Transient("away")]
    with pytest.raises(Transient):
        await control.handle(Event(CONTROL, PLACE, 0, b"default", {}, b"", value, 0.0))
    await settle()
    assert ground.woken == [], "only what is durable is told"
    await control.handle(Event(CONTROL, PLACE, 0, b"default", {}, b"", value, 0.0))
    await until(lambda: ground.woken == [ground.token("b")])


async def test_a_plan_without_a_subject_leaves_nothing(ground: Ground) -> None:
    await ground.watches.ended(plan(), PlanEnd(None, (A,)))
    assert ground.table.log == []


async def test_what_stands_there_is_not_written_again(ground: Ground) -> None:
    one = await ground.ends(A)
    await ground.watches.ended(one, PlanEnd("s", (A,), (A,)))
    await ground.ends(subject="other")
    assert len(ground.table.log) == 1


async def test_the_watch_is_durable_before_the_plan_goes_on(ground: Ground) -> None:
    ground.table.errors = [Transient("Kafka is away"), Transient("Kafka is away")]
    await ground.ends(A)
    assert ground.token() is not None and ground.table.errors == []
    ground.table.errors = [Lost("gone")]
    with pytest.raises(Lost):
        await ground.ends(B)


async def test_kafka_away_holds_up_nobody_and_loses_nothing(ground: Ground) -> None:
    await ground.ends(A, subject="s")
    await ground.ends(B, subject="t")
    ground.kafka.errors = [Transient("away")] * 5
    await ground.put(link("a"))
    assert ground.kafka.taken == []
    await ground.put(link("b"))
    await until(lambda: set(ground.woken) == {ground.token("s"), ground.token("t")})


async def test_a_record_that_kafka_refuses_is_told(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    ground.kafka.errors = [BadInput("too long")]
    await ground.ends(A, subject="s")
    await ground.ends(A, subject="t")
    await ground.put(link("a"))
    await until(lambda: ground.woken)
    assert "is not run again: too long" in caplog.text and len(ground.woken) == 1


async def test_a_flood_is_sent_bit_by_bit(ground: Ground) -> None:
    for number in range(70):
        await ground.ends(A, subject=f"s{number}")
    ground.kafka.gate.clear()
    await ground.put(link("a"))
    await settle()
    assert 0 < ground.kafka.on_its_way <= 20
    ground.kafka.gate.set()
    await until(lambda: len(ground.woken) == 70)
    assert len(set(ground.woken)) == 70


# -- ownership


async def test_a_take_over_compares_watches_with_links(ground: Ground) -> None:
    await ground.ends(A, subject="there")
    await ground.ends(B, subject="not there")
    await ground.watches.end()
    await ground.links.put(PLACE, link("a"))  # its owner died before it told anybody
    await ground.take_over()
    await until(lambda: ground.woken == [ground.token("there")])
    assert ground.watches.count("default") == 2
    await ground.put(link("b"))
    await until(lambda: ground.woken == [ground.token("there"), ground.token("not there")])


async def test_a_take_over_between_the_link_and_the_waking(ground: Ground) -> None:
    await ground.ends(A)
    ground.kafka.gate.clear()
    await ground.put(link("a"))
    await settle()
    await ground.watches.end()
    assert ground.woken == []
    ground.kafka.gate.set()
    await ground.take_over()
    await until(lambda: ground.woken == [ground.token()])


async def test_a_take_over_sends_twice_unless_it_waits_already(ground: Ground) -> None:
    await ground.ends(A)
    await ground.put(link("a"))
    await until(lambda: len(ground.woken) == 1)
    await ground.take_over()
    await until(lambda: len(ground.woken) == 2)
    await ground.take_over(waiting=[ground.token()])
    await ground.put(link("a", 6))
    await settle()
    assert len(ground.woken) == 2


async def test_what_ends_before_its_watch_is_taken_over(ground: Ground) -> None:
    for subject in ("s", "t"):
        await ground.ends(A, subject=subject)
    await ground.put(link("a"))
    await until(lambda: len(ground.woken) == 2)
    await ground.watches.end()
    ground.owner().begin((PLACE,))
    await ground.ends(subject="s")
    await ground.ends(B, subject="t")
    await settle()
    assert len(ground.woken) == 2 and ground.watches.count("default") == 1
    await ground.put(link("b"))
    await until(lambda: ground.woken[2:] == [ground.token("t")])


async def test_what_is_lost_is_left_alone(ground: Ground) -> None:
    await ground.ends(A)
    await ground.watches.end()
    assert ground.watches.count("default") == 0
    await ground.put(link("a"))
    await settle()
    assert ground.woken == []


async def test_the_end_of_a_generation_ends_a_take_over(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    await ground.ends(A)
    await ground.watches.end()

    def scan(*given: Any) -> NoReturn:
        raise Lost("gone")

    monkeypatch.setattr(ground.table, "scan", scan)
    await ground.take_over()
    assert ground.watches.count("default") == 0


@pytest.mark.parametrize("where", ["scan", "send"])
async def test_a_defect_ends_the_worker(
    ground: Ground, deaths: list[str], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: Any) -> NoReturn:
        raise RuntimeError

    await ground.ends(A)
    await ground.put(link("a"))
    await until(lambda: ground.woken)
    target: Any = ground.table if where == "scan" else ground.kafka
    monkeypatch.setattr(target, where, broken)
    await ground.take_over()
    await until(lambda: deaths)
    assert len(deaths) == 1
    deaths.clear()


async def test_old_watches_are_dropped(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    await ground.ends(A, subject="old", accepted=100.0)
    await ground.ends(A, subject="new", accepted=200.0)
    assert await ground.watches.expire(150.0) == 1
    assert (ground.token("old"), ground.token("new") is None) == (None, False)
    assert "old was not run again" in caplog.text and ground.watches.count("default") == 1
    ground.table.errors = [Transient("away")]
    with pytest.raises(Transient):
        await ground.watches.expire(250.0)
    assert ground.token("new") is not None and ground.watches.count("default") == 1, "tried again at the next round"
    await ground.watches.expire(250.0)
    await ground.put(link("a"))
    await settle()
    assert ground.woken == [] and ground.table.rows == {}


async def test_a_watch_that_is_renewed_meanwhile_is_not_dropped(ground: Ground) -> None:
    await ground.ends(A, accepted=100.0)
    await ground.ends(B, subject="other", accepted=100.0)
    held = ground.table.put

    async def put(partition: int, key: bytes, value: bytes | None) -> None:
        monkey.append(key)
        await held(partition, key, value)
        if len(monkey) == 1:
            await ground.ends(B, subject="other", accepted=300.0)

    monkey: list[bytes] = []
    ground.table.put = put  # type: ignore[method-assign]
    assert await ground.watches.expire(200.0) == 1
    assert ground.token("other") is not None and ground.watches.count("default") == 1


async def test_a_take_over_of_long_watches_lets_others_go_on() -> None:
    """A catalogue that is not there yet: each settlement misses hundreds of goods."""
    ground = Ground()
    for number in range(8):
        await ground.ends(*(("product:23", f"{number}-{good}") for good in range(500)), subject=f"s{number}")
    heir = ground.owner()
    heir.begin([PLACE])
    seen = set()
    while heir.count("default") < 8:
        seen.add(heir.count("default"))
        await settle(1)
    assert len(seen) >= 3
    await heir.end()
