"""The executor against portals of any mood: nothing lost or doubled, order kept, every reservation given back."""

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import replace
from random import Random
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.portal.access.credentials import Credentials
from pipeline.portal.limits.costs import Costs
from pipeline.portal.limits.governor import Governor, Told
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.limits.pause import Probes
from pipeline.portal.plan import parse_plan
from pipeline.portal.requests.order import call_keys, plan_keys
from pipeline.portal.requests.row import DONE, Row
from pipeline.portal.wire.faults import (
    Answer,
    PortalAuth,
    PortalBlocked,
    PortalOversize,
    PortalPermanent,
    PortalThrottled,
    PortalTransient,
    PortalUnknown,
)
from pipeline.settings import PortalSettings
from pipeline.topology import RESULTS
from tests.unit.portal.sending.ground import LIMITS, Ground, Outcome, Portal, Refusal

SOON = 0.003


class Ledger(Governor):
    """Counts what is under way; an end without its beginning is an error."""

    def __init__(self, costs: Costs, limit: float | None) -> None:
        super().__init__(limit, 6.0, costs, hold=SOON)
        self.under_way: Counter[tuple[str, str]] = Counter()
        self.seconds: dict[str, list[float | None]] = defaultdict(list)

    def sent(self, credential: str, method: str, now: float, count: int = 1, *, seconds: float | None = None) -> None:
        self.under_way[credential, method] += count
        if method == "batch" and seconds is not None:
            self.seconds[credential].append(seconds)
        super().sent(credential, method, now, count, seconds=seconds)

    def _ended(self, credential: str, method: str, seconds: float | None) -> None:
        self.under_way[credential, method] -= 1
        assert self.under_way[credential, method] >= 0, f"{method} ended twice"
        if method == "batch" and seconds is not None:
            self.seconds[credential].remove(seconds)

    def answered(
        self, credential: str, method: str, now: float, times: Told | None, *, seconds: float | None = None
    ) -> None:
        self._ended(credential, method, seconds)
        super().answered(credential, method, now, times, seconds=seconds)

    def not_executed(self, credential: str, method: str, now: float, *, seconds: float | None = None) -> None:
        self._ended(credential, method, seconds)
        super().not_executed(credential, method, now, seconds=seconds)

    def unknown(self, credential: str, method: str, now: float, *, seconds: float | None = None) -> None:
        self._ended(credential, method, seconds)
        super().unknown(credential, method, now, seconds=seconds)

    def refused(self, credential: str, method: str, now: float, *, seconds: float | None = None) -> float:
        self._ended(credential, method, seconds)
        return super().refused(credential, method, now, seconds=seconds)


class Mood:
    """What becomes of each HTTP request; the portal calms down after a while."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.left = 40

    def __call__(self, portal: Portal) -> Outcome:
        self.left -= 1
        portal.executes = False
        portal.refused.clear()
        portal.silent.clear()
        if self.left <= 0 or self.dice.random() < 0.5:
            return None
        name = self.dice.choice(["crm.x.get", "crm.x.update", "crm.deal.add", "crm.deal.list", "crm.y.list"])
        kind = self.dice.randrange(12)
        if kind == 0:
            portal.silent.add(name)
            return None
        if kind in (1, 2):
            codes = ["OPERATION_TIME_LIMIT", "QUERY_LIMIT_EXCEEDED", "OVERLOAD_LIMIT", "INTERNAL_SERVER_ERROR"]
            portal.refused[name] = Refusal(self.dice.choice(codes))
            return None
        if kind == 3:
            portal.refused[name] = Refusal("ERROR_BATCH_METHOD_NOT_ALLOWED", packed=True)
            return None
        if kind in (4, 5):
            portal.executes = self.dice.random() < 0.5
            return PortalUnknown("reset")
        if kind == 6 and portal.calls[-1].packed:
            portal.executes = True
            return self.dice.choice(
                [
                    PortalOversize("too long", length=9, exact=True, answer=Answer(200, b"")),
                    Answer(200, b'{"result":true}'),
                ]
            )
        if kind == 7 and portal.calls[-1].packed:
            return PortalPermanent("HTTP 413", answer=Answer(413, b"<html>"))
        return self.dice.choice(
            [
                PortalThrottled("503"),
                PortalThrottled("429", method_only=True),
                PortalTransient("refused", sent=False),
                PortalBlocked("OVERLOAD_LIMIT"),
                PortalAuth("expired_token", credential_dead=True),
            ]
        )


def request(dice: Random, number: int) -> dict[str, Any]:
    """One of all kinds of requests, with its order keys."""
    given: dict[str, Any] = {"lane": dice.choice("ib"), "source": dice.choice("ab")}
    kind = dice.randrange(8)
    if kind == 7:
        steps = [
            {
                "do": "upsert",
                "name": "deal",
                "entity": "deal",
                "key": {"id": f"E{dice.randrange(3)}"},
                "fields": {"TITLE": str(number)},
            },
            {"do": "call", "name": "one", "method": "crm.y.list", "after": []},
            {"do": "call", "name": "two", "method": "crm.x.get", "params": {"id": 1}, "after": []},
        ]
        body = orjson.dumps({"v": 1, "steps": steps})
        return {**given, "method": "plan", "plan": True, "body": body, "keys": plan_keys(parse_plan(body))}
    method, params = {
        0: ("crm.x.get", {"id": dice.randrange(2)}),
        1: ("crm.x.update", {"id": dice.randrange(2), "fields": {"N": number}}),
        2: ("crm.x.update", {"id": dice.randrange(2), "fields": {"N": number}}),
        3: ("crm.deal.add", {"fields": {"TITLE": str(number)}}),
        4: ("crm.deal.add", {"fields": {"TITLE": str(number), "UF": dice.choice([None, "x"])}}),
        5: ("crm.y.list", {"filter": {"A": dice.choice([None, 1])}}),
        6: ("batch", {"cmd": {"a": "crm.y.list", "b": "crm.x.get?id=1"}}),
    }[kind]
    return {**given, "method": method, "body": orjson.dumps(params), "keys": call_keys(method, params)}


async def lived(
    seed: int, limit: float | None, portals: dict[str, PortalSettings], credentials: Credentials
) -> tuple[Ground, Ledger]:
    """One history: everything is answered at its end."""
    dice = Random(seed)
    ledgers: list[Ledger] = []

    def ledger(costs: Costs) -> Ledger:
        ledgers.append(Ledger(costs, limit))
        return ledgers[-1]

    ground = Ground(
        portals,
        credentials,
        governor=ledger,
        limits=replace(LIMITS, operating_limit=limit, request_limit=SOON),
        limiter=Limiter(2000.0, 50),
        probes=Probes(SOON, SOON, SOON),
        batch_room=dice.choice([1, 3, 50]),
    )
    ground.portal.fate = Mood(dice)
    if dice.random() < 0.7:
        ground.portal.times = {"operating": 0.01}
    ground.start()
    for number in range(dice.randrange(1, 30)):
        await ground.add(**request(dice, number))
        if dice.random() < 0.3:
            await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while set(ground.states()) != {DONE}:
            await asyncio.sleep(0.002)
    await ground.end()
    return ground, ledgers[0]


def updates(rows: list[Row], number: int, lane: str) -> list[int]:
    """What the requests of a lane give the object, in their order."""
    found = (orjson.loads(one.body) for one in rows if one.method == "crm.x.update" and one.lane == lane)
    return [params["fields"]["N"] for params in found if params["id"] == number]


@given(seed=st.integers(0, 2**32), limit=st.sampled_from([None, 4.8]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_is_lost_doubled_or_out_of_order(
    seed: int, limit: float | None, portals: dict[str, PortalSettings], credentials: Credentials
) -> None:
    ground, ledger = asyncio.run(lived(seed, limit, portals, credentials))
    portal = ground.portal
    answers = Counter(record.headers["answer-id"] for record in ground.kafka.of(RESULTS))
    assert answers == Counter(one.identity for one in ground.rows), "one answer each"
    assert [record.value for record in ground.kafka.of(RESULTS) if "error-class" in record.headers] == []
    assert not +ledger.under_way and not any(ledger.seconds.values()), "what was reserved has ended"
    assert portal.most_out <= 3 and all(len(call.names) <= 50 for call in portal.calls)

    externals = Counter(deal["ORIGIN_ID"] for deal in portal.deals.values())
    assert set(externals.values()) <= {1}, "an add was doubled"
    wanted = {orjson.loads(one.body)["fields"]["TITLE"] for one in ground.rows if one.method == "crm.deal.add"}
    titles = {deal["TITLE"] for deal in portal.deals.values() if deal["ORIGIN_ID"].startswith("bus-")}
    assert titles == wanted, "an add was lost"

    for number in range(2):
        for lane in "ib":
            order = updates(ground.rows, number, lane)
            made = [
                int(params["fields"]["N"])
                for method, params in portal.executed
                if method == "crm.x.update" and int(params["id"]) == number
            ]
            ours = [one for one in made if one in order]
            # a repeat of one comes before the next one
            assert [one for at, one in enumerate(ours) if at == 0 or ours[at - 1] != one] == order
    assert len(ground.executor.scheduler) == 0 and not ground.executor.settling
    assert not ledger.holds(time.time() + 60)
