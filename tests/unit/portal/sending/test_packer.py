"""pipeline/portal/sending/packer.py: what leaves together, what alone, and what waits."""

import time
from typing import Any

import orjson
import pytest

from pipeline.portal.limits.costs import Costs
from pipeline.portal.limits.governor import Governor
from pipeline.portal.requests.lanes import LANES, Lane
from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.packer import Packer
from pipeline.portal.sending.scheduler import Scheduler
from pipeline.portal.sending.shipment import Flight, Shipment
from pipeline.portal.steps.command import Command, LookUp
from pipeline.portal.wire.times import Times
from tests.unit.portal.fakes import row


class Ground:
    """A packer whose requests make the calls that `add` was told. `free` connections of each lane."""

    def __init__(
        self, governor: Governor | None = None, costs: Costs | None = None, *, budget: float = 30.0, room: int = 50
    ) -> None:
        costs = costs or Costs()
        self.governor = governor or Governor(None, 600.0, costs)
        self.scheduler = Scheduler(
            blocked=lambda credential, method, lane: self.governor.ready_at(credential, method, time.time())
        )
        self.packer = Packer(self.scheduler, self.governor, costs, self._prepare, budget=budget, room=room)
        self.calls: dict[Entry, list[Command] | None] = {}
        self.prepared: list[Entry] = []
        self.free = 1

    def add(self, *commands: Command | str, alone: bool = False, **given: Any) -> Entry:
        """A request of these calls; of none = it is over without one."""
        made = [Command(one, {}, write=False) if isinstance(one, str) else one for one in commands]
        method = made[0].name if made else "plan"
        entry = Entry(row(method=method, **given), alone=alone)
        self.calls[entry] = made or None
        self.scheduler.add(entry)
        return entry

    async def _prepare(self, entry: Entry) -> tuple[Flight, list[Command]] | None:
        self.prepared.append(entry)
        commands = self.calls[entry]
        if commands is None:
            self.scheduler.finish(entry)
            return None
        entry.method = commands[0].name
        return Flight(entry, entry.row), commands

    async def pack(self, lanes: tuple[Lane, ...] = LANES) -> Shipment | None:
        """The next shipment."""
        return await self.packer.pack(lanes, lambda lane: self.free)

    async def names(self) -> list[str]:
        """Methods of the next shipment."""
        shipment = await self.pack()
        return [] if shipment is None else [shot.method for shot in shipment.shots]


def call(method: str = "crm.deal.list", **params: Any) -> Command:
    return Command(method, params, write=False)


def look(external: str, entity: str = "deal", originator: str = "") -> Command:
    return Command(
        f"crm.{entity}.list",
        {"filter": {"ORIGIN_ID": external}},
        write=False,
        lookup=LookUp(entity, originator, external),
    )


async def test_nothing_waits() -> None:
    assert await Ground().pack() is None


async def test_a_lone_request_goes_alone() -> None:
    ground = Ground()
    ground.add(call(filter={"ID": 5}))
    shipment = await ground.pack()
    assert shipment is not None and not shipment.packed
    assert (shipment.method(), shipment.body()) == ("crm.deal.list", b'{"filter":{"ID":5}}')


@pytest.mark.parametrize(("waiting", "free", "packed"), [(3, 3, 1), (4, 3, 4), (2, 1, 2), (1, 1, 1), (5, 4, 5)])
async def test_it_packs_when_more_waits_than_connections_are_free(waiting: int, free: int, packed: int) -> None:
    ground = Ground()
    ground.free = free
    for number in range(waiting):
        ground.add(f"crm.a{number}.list")
    assert len(await ground.names()) == packed


async def test_a_batch_has_at_most_fifty_commands() -> None:
    ground = Ground()
    for number in range(120):
        ground.add(f"crm.a{number}.list")
    batches = [await ground.names(), await ground.names(), await ground.names()]
    assert [len(names) for names in batches] == [50, 50, 20]
    assert [name for names in batches for name in names] == [f"crm.a{number}.list" for number in range(120)]


async def test_and_at_most_as_many_as_the_settings_say() -> None:
    ground = Ground(room=3)
    for _ in range(4):
        ground.add("crm.a.list")
    assert [len(await ground.names()) for _ in range(2)] == [3, 1]
    never = Ground(room=1)
    never.add("crm.a.list", "crm.b.list")
    never.add("crm.a.list")
    assert [await never.names() for _ in range(2)] == [["crm.a.list"], ["crm.a.list"]]


async def test_the_expected_time_stays_within_the_budget() -> None:
    costs = Costs()
    for _ in range(50):
        costs.learn("crm.slow.add", 7.0)
        costs.learn("crm.fast.add", 0.5)
    ground = Ground(costs=costs)
    for _ in range(6):
        ground.add("crm.slow.add")
    assert len(await ground.names()) == 4
    quick = Ground(costs=costs)
    for _ in range(100):
        quick.add("crm.fast.add")
    assert len(await quick.names()) == 50


async def test_a_call_that_is_longer_than_the_budget_goes_alone() -> None:
    ground = Ground(budget=0.1)
    ground.add("crm.item.add")
    ground.add("crm.item.add")
    assert [await ground.names() for _ in range(2)] == [["crm.item.add"]] * 2


async def test_a_batch_is_of_one_lane_and_one_credential() -> None:
    ground = Ground()
    for _ in range(2):
        ground.add("crm.i.list")
        ground.add("crm.b.list", lane="b")
        ground.add("crm.c.list", credential_id="other")
    shipments = [await ground.pack() for _ in range(3)]
    seen = {
        (shipment.lane, shipment.credential_id, tuple(shot.method for shot in shipment.shots))
        for shipment in shipments
        if shipment is not None
    }
    assert seen == {
        ("i", "all", ("crm.i.list",) * 2),
        ("b", "all", ("crm.b.list",) * 2),
        ("i", "other", ("crm.c.list",) * 2),
    }


UNFIT = [
    call(filter={"ID": None}),
    call(filter={"X": True}),
    call("crm.x.list", filter=[]),
    call("crm.x.add", fields={"F": {"fileData": ["a.txt", "aGVsbG8="]}}),
    call(filter={"TITLE": "$result[c0]"}),
    Command("crm.deal.list", ["by", "place"], write=False),
    call("batch", cmd={"a": "crm.deal.list"}),
]


@pytest.mark.parametrize("unfit", UNFIT, ids=lambda command: str(command.params)[:30])
async def test_what_a_query_string_would_change_goes_alone_first_or_later(unfit: Command) -> None:
    ground = Ground()
    first = ground.add(unfit)
    ground.add("crm.a.list")
    last = ground.add(Command(unfit.method, unfit.params, write=False))
    ground.add("crm.b.list")
    shipments = [await ground.pack() for _ in range(3)]
    assert [[shot.method for shot in shipment.shots] for shipment in shipments if shipment] == [
        [unfit.name],
        ["crm.a.list", "crm.b.list"],
        [unfit.name],
    ]
    assert [list(shipments[0].flights), list(shipments[2].flights)] == [[first], [last]]  # type: ignore[union-attr]


async def test_a_clients_own_batch_is_billed_by_its_commands() -> None:
    governor = Governor(480.0, 600.0, Costs())
    ground = Ground(governor)
    ground.add(call("batch", cmd={"a": "crm.deal.list", "b": "crm.deal.get?id=1"}))
    assert await ground.names() == ["batch"]
    now = time.time()
    rooms = [governor.room("all", name, now) for name in ("crm.deal.list", "crm.deal.get", "crm.deal.add", "batch")]
    assert rooms == [0, 0, 1, 1]


async def test_it_waits_for_the_method_within_it_that_is_held() -> None:
    governor = Governor(480.0, 600.0, Costs())
    governor.sent("all", "crm.deal.get", time.time())
    ground = Ground(governor)
    entry = ground.add(call("batch", cmd={"a": "crm.deal.list", "b": "crm.deal.get?id=1"}))
    ground.add("crm.a.list")
    assert await ground.names() == ["crm.a.list"] and entry.method == "crm.deal.get"
    governor.answered("all", "crm.deal.get", time.time(), None)
    assert await ground.names() == ["batch"]


async def test_what_must_go_alone_goes_alone_with_one_command() -> None:
    ground = Ground()
    ground.add("crm.a.list", "crm.b.list", alone=True)
    ground.add("crm.c.list")
    ground.add("crm.d.list", alone=True)
    ground.add("crm.e.list")
    assert [await ground.names() for _ in range(3)] == [["crm.a.list"], ["crm.c.list", "crm.e.list"], ["crm.d.list"]]


async def test_the_steps_of_a_plan_that_are_ready_go_together() -> None:
    ground = Ground()
    ground.free = 3
    entry = ground.add("crm.a.list", "crm.b.list", "crm.c.list")
    shipment = await ground.pack()
    assert shipment is not None and len(shipment.shots) == 3
    (flight,) = shipment.flights.values()
    assert flight.entry is entry and flight.commands == ground.calls[entry]


async def test_of_a_plan_only_what_fits_and_may_go_leaves() -> None:
    governor = Governor(480.0, 600.0, Costs())
    governor.sent("all", "crm.b.list", time.time())
    ground = Ground(governor)
    ground.add("crm.a.list", "crm.b.list", "crm.c.list")
    assert await ground.names() == ["crm.a.list"]
    unfit = Ground()
    unfit.add("crm.a.list", call(filter={"ID": None}), "crm.c.list")
    assert await unfit.names() == ["crm.a.list"]


async def test_what_needs_no_call_is_passed_over() -> None:
    ground = Ground()
    over = [ground.add(), ground.add("crm.a.list"), ground.add(), ground.add("crm.b.list")]
    assert await ground.names() == ["crm.a.list", "crm.b.list"]
    assert set(ground.scheduler) == {over[1], over[3]}


# -- look-ups


async def test_look_ups_of_one_entity_and_originator_are_one_command() -> None:
    ground = Ground()
    entries = [ground.add(look(str(number))) for number in range(60)]
    ground.add(look("a", originator="other"))
    ground.add(look("b", entity="company"))
    shipment = await ground.pack()
    assert shipment is not None
    assert [len(shot.members) for shot in shipment.shots] == [50, 10, 1, 1]
    assert list(shipment.flights)[:60] == entries
    assert shipment.shots[0].params["filter"] == {"@ORIGIN_ID": [str(number) for number in range(50)]}
    assert shipment.shots[3].params["filter"] == {"ORIGIN_ID": "b"}


async def test_the_same_key_is_asked_for_once() -> None:
    ground = Ground()
    for _ in range(3):
        ground.add(look("7"))
    shipment = await ground.pack()
    assert shipment is not None and len(shipment.shots) == 1 and not shipment.packed
    assert orjson.loads(shipment.body())["filter"] == {"ORIGIN_ID": "7"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1.23", "abcd"),  # looks like a file: its name and its content
        ("7", "$result[c0]"),
        ("$result[c0]", "7"),
        ("a" * 40_000, "b" * 40_000),  # each fits, together they are too long
    ],
    ids=["file", "reference", "reference first", "long"],
)
async def test_keys_that_no_batch_can_carry_together_are_asked_for_apart(first: str, second: str) -> None:
    ground = Ground()
    entries = {ground.add(look(first)), ground.add(look(second))}
    shipments = [await ground.pack(), await ground.pack()]
    shots = [shot for shipment in shipments if shipment is not None for shot in shipment.shots]
    assert [shot.params["filter"]["ORIGIN_ID"] for shot in shots] == [first, second]
    assert {flight.entry for shot in shots for flight, _ in shot.members} == entries
    for shipment in shipments:
        assert shipment is None or shipment.body()


async def test_a_look_up_of_several_is_one_call_for_the_governor(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = Ground()
    sent: list[str] = []
    monkeypatch.setattr(ground.governor, "sent", lambda credential, method, now, **given: sent.append(method))
    for number in range(5):
        ground.add(look(str(number)))
    ground.add("crm.a.list")
    shipment = await ground.pack()
    assert shipment is not None and [len(shot.members) for shot in shipment.shots] == [5, 1]
    assert sent == ["crm.deal.list", "crm.a.list", "batch"]
    assert shipment.expected == pytest.approx(0.32)


# -- the governor


async def test_as_many_of_a_method_leave_as_the_governor_has_room_for() -> None:
    costs = Costs()
    for _ in range(50):
        costs.learn("crm.deal.add", 2.0)
    governor = Governor(480.0, 600.0, costs)
    now = time.time()
    governor.sent("all", "batch", now, seconds=1.0)
    governor.answered("all", "batch", now, None, seconds=1.0)
    governor.sent("all", "crm.deal.add", now)
    governor.answered("all", "crm.deal.add", now, Times(operating=325.0, reset_at=now + 300, duration=2.0, finish=now))
    assert 1 < governor.room("all", "crm.deal.add", now) < 15
    ground = Ground(governor, costs)
    room = governor.room("all", "crm.deal.add", time.time())
    entries = [ground.add("crm.deal.add", lane="b") for _ in range(15)]
    ground.add("crm.a.list", lane="b")
    names = await ground.names()
    assert room <= names.count("crm.deal.add") <= room + 1 and "crm.a.list" in names, "a portion, in one batch"
    assert ground.scheduler.ready("b") == 15 - names.count("crm.deal.add") and set(entries) < set(ground.scheduler)
    while await ground.pack() is not None:
        assert ground.scheduler.ready("b"), "the rest waits"
    assert ground.scheduler.next_time(time.time()) is not None


async def test_an_unknown_method_sends_one_to_ask() -> None:
    ground = Ground(Governor(480.0, 600.0, Costs()))
    for _ in range(3):
        ground.add("crm.deal.add")
    ground.add("crm.b.list")
    assert await ground.names() == ["crm.deal.add", "crm.b.list"]


def billing(operating: float) -> Governor:
    """Of a portal that bills batches, and has told how much of the limit they used."""
    governor = Governor(480.0, 600.0, Costs())
    now = time.time()
    governor.sent("all", "batch", now, seconds=1.0)
    governor.answered(
        "all", "batch", now, Times(operating=operating, reset_at=now + 300, duration=1.0, finish=now), seconds=1.0
    )
    return governor


async def test_a_batch_that_is_billed_itself_keeps_to_its_seconds() -> None:
    governor = billing(420.0)
    seconds = governor.room_seconds("all", time.time(), urgent=True)
    assert 1.0 < seconds < 29.0
    ground = Ground(governor)
    for number in range(60):
        ground.add(f"crm.a{number}.item.add")
    first = await ground.pack()
    assert first is not None and first.packed and seconds - 1.8 <= first.expected <= seconds


async def test_when_its_seconds_are_used_up_calls_go_one_by_one_also_the_steps_of_a_plan() -> None:
    ground = Ground(billing(481.0))
    ground.add("crm.a.list", "crm.b.list")
    ground.add("crm.c.list")
    assert [await ground.names() for _ in range(2)] == [["crm.a.list"], ["crm.c.list"]]


async def test_what_is_given_back_is_all_that_was_reserved() -> None:
    governor = Governor(480.0, 600.0, Costs())
    ground = Ground(governor)
    ground.add(call("batch", cmd=["crm.a.list", "crm.b.list"]))
    for name in ("crm.c.list", "crm.d.list"):
        ground.add(name)
    shipments = [await ground.pack(), await ground.pack()]
    now = time.time()
    methods = ["crm.a.list", "crm.b.list", "crm.c.list", "crm.d.list", "batch"]
    assert [governor.room("all", method, now) for method in methods] == [0] * 5
    for shipment in shipments:
        assert shipment is not None
        ground.packer.release(shipment)
    assert [governor.room("all", method, now) for method in methods] == [1] * 5


# -- put back


async def test_what_was_looked_at_and_put_back_forgets_its_course_unless_a_call_was_made() -> None:
    """Thousands may wait for one method: their bodies stay in the table."""
    governor = Governor(480.0, 600.0, Costs())
    governor.sent("all", "crm.a.list", time.time())
    ground = Ground(governor)
    fresh, begun = ground.add("crm.b.list", "crm.a.list"), ground.add("crm.c.list")
    for entry in (fresh, begun):
        entry.course = entry  # type: ignore[assignment]
        ground.calls[entry] = [call("crm.a.list")]
    begun.begun = True
    assert await ground.pack() is None
    assert fresh.course is None and begun.course is begun  # type: ignore[comparison-overlap]
    assert ground.scheduler.ready("i") == 2


async def test_a_search_ends_after_so_many_that_must_go_alone() -> None:
    ground = Ground()
    ground.add("crm.a.list")
    for _ in range(100):
        ground.add(call(filter={"ID": None}))
    ground.add("crm.b.list")
    assert await ground.names() == ["crm.a.list"] and len(ground.prepared) == 26
    assert ground.scheduler.ready("i") == 101
