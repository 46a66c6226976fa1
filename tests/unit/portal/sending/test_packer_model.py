"""The packer keeps the order of every key, loses nothing, and reserves what it sends, for any arrivals and answers."""

import asyncio
import time
from collections import Counter, defaultdict
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.portal.limits.costs import Costs
from pipeline.portal.requests.lanes import Lane
from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.shipment import Shipment
from pipeline.portal.steps.command import Command
from tests.unit.portal.sending.test_histories import Ledger
from tests.unit.portal.sending.test_packer import Ground, call, look

REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["i", "b"]),
        st.sampled_from(["x", "y"]),
        st.lists(st.sampled_from(["deal:1", "deal:2", "=deal:7"]), unique=True, max_size=2),
        st.integers(0, 5),
    ),
    max_size=40,
)


def commands(kind: int, number: int) -> list[Command]:
    """Of one request: lists, look-ups, unfit ones, several steps, a client's batch, none at all."""
    return [
        [call("crm.a.list", filter={"N": number})],
        [look(str(number))],
        [call("crm.b.list", filter={"N": None})],
        [call("crm.a.list"), call("crm.c.list"), look(str(number))],
        [call("batch", cmd=["crm.a.list", "crm.c.list"])],
        [],
    ][kind]


async def history(
    requests: list[tuple[Lane, str, list[str], int]], seed: int, limit: float | None, room: int, budget: float
) -> None:
    dice = Random(seed)
    costs = Costs(100)
    ledger = Ledger(costs, limit)
    ground = Ground(ledger, costs, room=room, budget=budget)
    waiting = list(enumerate(requests))
    flying: list[Shipment] = []
    left: dict[Entry, list[Command]] = {}
    went: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    sent: Counter[Command] = Counter()

    def end(shipment: Shipment) -> None:
        now = time.time()
        for shot in shipment.shots:
            for method in shot.charged:
                dice.choice([ledger.answered, lambda *given: ledger.not_executed(*given[:3])])(
                    shipment.credential_id, method, now, None
                )
        if shipment.packed:
            ledger.answered(shipment.credential_id, "batch", now, None, seconds=shipment.expected)
        for entry, flight in shipment.flights.items():
            rest = [one for one in left[entry] if one not in flight.commands]
            left[entry] = ground.calls[entry] = rest
            if rest:
                ground.scheduler.retry(entry, now)
            else:
                ground.scheduler.finish(entry)

    while waiting or flying or len(ground.scheduler):
        step = dice.random()
        if waiting and step < 0.5:
            number, (lane, credential, keys, kind) = waiting.pop(0)
            made = commands(kind, number)
            entry = ground.add(
                *made, lane=lane, credential_id=credential, keys=tuple(keys), alone=dice.random() < 0.1, offset=number
            )
            left[entry] = made
        elif flying and step < 0.75:
            end(flying.pop(dice.randrange(len(flying))))
        elif len(flying) < 3:
            ground.free = dice.choice([1, 2, 3])
            shipment = await ground.pack()
            if shipment is None:
                continue
            flying.append(shipment)
            queries = [shot for shot in shipment.shots if shipment.packed and not shot.query]
            assert not queries and shipment.body()
            assert len(shipment.shots) <= room
            assert shipment.expected <= budget or len(shipment.shots) == 1
            assert not shipment.packed or not any(entry.alone for entry in shipment.flights)
            assert {(entry.row.lane, entry.row.credential_id) for entry in shipment.flights} == {
                (shipment.lane, shipment.credential_id)
            }
            for entry, flight in shipment.flights.items():
                sent.update(flight.commands)
                for key in entry.row.keys:
                    place = ("*" if key.startswith("=") else entry.row.lane, key)
                    if went[place][-1:] != [entry]:
                        went[place].append(entry)
            out = Counter(
                (key.startswith("=") or entry.row.lane, key)
                for each in flying
                for entry in each.flights
                for key in entry.row.keys
            )
            assert all(count == 1 for count in out.values()), "two of one order key at once"
    for order in went.values():
        assert [entry.row.offset for entry in order] == sorted({entry.row.offset for entry in order})
    assert all(count == 1 for count in sent.values()) and not any(left.values()), "each command once"
    assert not +ledger.under_way


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    requests=REQUESTS,
    seed=st.integers(0, 2**32),
    limit=st.sampled_from([None, 4.8]),
    room=st.sampled_from([1, 2, 4, 50]),
    budget=st.sampled_from([0.002, 0.3]),
)
def test_packer_keeps_per_key_order(
    requests: list[tuple[Lane, str, list[str], int]], seed: int, limit: float | None, room: int, budget: float
) -> None:
    asyncio.run(history(requests, seed, limit, room, budget))
