"""What a phase stands on: simulated portals that live faster, the bus, and what is to be sent."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from pipeline.portal.partition import partition_of
from pipeline.settings import Settings
from stack.sandbox import Portal
from stack.worker import Worker
from tests.chaos.cases import TOKEN, USER
from tests.chaos.keeper import Keeper
from tests.chaos.outside import Outside
from tests.chaos.plans.case import Case
from tests.chaos.plans.flow import Flow
from tests.chaos.plans.maker import CREDENTIAL
from tests.chaos.plans.material import draw, make_cases, make_seeds
from tests.chaos.plans.portals import PlansControl
from tests.chaos.plans.relay import Relay
from tests.chaos.plans.shape import Shape, Urls

__all__ = ["PORTALS", "PlansStage", "plans_stage"]

#: Names whose requests are in different partitions, which two workers share.
PORTALS = ("north", "south")
assert len({partition_of(name) for name in PORTALS}) == len(PORTALS), "two portals share a partition"

#: Portal's seconds: the worker's own patience, and that of the portal (docs/settings.md).
_PATIENCE = 75.0
#: The portal's seconds that calls take: with the budget, some batches last longer than the 60 s of a portal.
_COSTS = ("2", "crm.*.list=0.5", "crm.*.get=0.5", "crm.company.add=4", "crm.item.add=4")
_BATCH_BUDGET = 100.0


@dataclass
class PlansStage:
    """One installation. `dice` decides everything that is random."""

    folder: Path
    settings: Settings
    shape: Shape
    outside: Outside
    flow: Flow
    control: PlansControl
    cases: list[Case]
    dice: random.Random
    env: dict[str, str]
    portal: Portal
    keepers: list[Keeper] = field(default_factory=list)
    relays: list[Relay] = field(default_factory=list)
    _next: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def left(self) -> int:
        """Cases that are not sent yet."""
        return len(self.cases) - self._next

    @property
    def answered(self) -> int:
        """Cases that have an answer."""
        return self.outside.answered + self.flow.answered

    @property
    def unanswered(self) -> int:
        """Cases that were sent and have none."""
        return self.outside.sent + self.flow.sent - self.answered

    @property
    def patience(self) -> float:
        """Seconds that a worker waits for a portal's answer."""
        return _PATIENCE / self.shape.scale

    async def worker(self) -> Keeper:
        """One more worker, not started; the portals see it at an address of its own."""
        number = len(self.keepers)
        relay = Relay(self.portal.port, f"127.0.1.{number + 1}")
        await relay.start()
        env = {**self.env, "PIPELINE_PORTALS": orjson.dumps(self._portals(relay.port)).decode()}
        keeper = Keeper(Worker(self.folder / f"worker-{number}", env, name=f"worker-{number}"))
        self.relays.append(relay)
        self.keepers.append(keeper)
        return keeper

    def source(self, keeper: Keeper) -> str:
        """The address at which the portals see that worker."""
        return self.relays[self.keepers.index(keeper)].source

    def publish(self, count: int, seconds: float) -> None:
        """Begin to send the next `count` cases over `seconds`, after those that are being sent."""
        part = self.cases[self._next : self._next + count]
        self._next += len(part)
        self._tasks.append(asyncio.create_task(self._publish(part, seconds)))

    async def publish_rest(self) -> None:
        """Send all that is left; returns when everything is sent."""
        self.publish(self.left, 0.5)
        await asyncio.gather(*self._tasks)

    async def _publish(self, part: list[Case], seconds: float) -> None:
        # one part after another: a series that is cut in two keeps its order
        async with self._sending, asyncio.TaskGroup() as tasks:
            # Outside needs of a case what both kinds of it have
            tasks.create_task(self.outside.publish([case for case in part if case.record is None], seconds))  # type: ignore[misc]
            tasks.create_task(self.flow.send([case for case in part if case.record is not None], seconds))

    def _portals(self, port: int) -> dict[str, object]:
        return {
            name: {
                "address": f"http://127.0.0.1:{port}/{name}/rest/",
                "scale": self.shape.scale,
                "batch_budget": _BATCH_BUDGET,
                "stamp": self.shape.safe,
                "settle": self.shape.safe,
                "credentials": {CREDENTIAL: {"user": USER, "token": TOKEN}},
            }
            for name in PORTALS
        }


@asynccontextmanager
async def plans_stage(folder: Path, urls: Urls, shape: Shape, seed: int) -> AsyncIterator[PlansStage]:
    """An installation with names of its own, portals with objects in them; no worker yet."""
    dice = random.Random(seed)
    run = uuid.uuid4().hex[:6]
    arguments = [item for name in PORTALS for item in ("--portal", name)]
    arguments += [item for cost in _COSTS for item in ("--cost", cost)]
    arguments += ["--scale", f"{shape.scale:g}", "--journal", "1000000"]
    portal = Portal(folder / "portal", arguments=arguments)
    await asyncio.to_thread(portal.start)
    env = _environment(folder, urls, shape, run)
    settings = Settings(
        kafka_url=env["KAFKA_URL"],
        amqp_url=env["AMPQURL"],
        ampqin=env["AMPQIN"],
        ampqout=env["AMPQOUT"],
        app_id=env["PIPELINE_APP_ID"],
        topic_prefix=env["PIPELINE_TOPIC_PREFIX"],
        key_file=folder / "seal.key",
    )
    outside = Outside(urls.rabbitmq, settings.ampqin, settings.ampqout)
    control = PlansControl(portal.url, PORTALS)
    flow = Flow(settings)
    made: PlansStage | None = None
    try:
        await outside.start()
        await control.prepare()
        drawn = draw(dice, PORTALS, shape.count)
        cases = make_cases(dice, run, drawn, await make_seeds(control, run, drawn), shape.count)
        for name in PORTALS:
            await control.unlimited(name)
        await control.forget()
        made = PlansStage(folder, settings, shape, outside, flow, control, cases, dice, env, portal)
        yield made
    finally:
        if made is not None:
            for keeper in made.keepers:
                await keeper.close()
            for relay in made.relays:
                await relay.stop()
        await flow.stop()
        await outside.stop()
        await control.close()
        await asyncio.to_thread(portal.kill)


def _environment(folder: Path, urls: Urls, shape: Shape, run: str) -> dict[str, str]:
    return {
        "KAFKA_URL": urls.kafka,
        "AMPQURL": urls.rabbitmq,
        "AMPQIN": f"bitrix24in-{run}",
        "AMPQOUT": f"bitrix24out-{run}",
        "PIPELINE_APP_ID": f"plans-{run}",
        "PIPELINE_TOPIC_PREFIX": f"plans-{run}.",
        "PIPELINE_KEY_FILE": str(folder / "seal.key"),
        "PIPELINE_SESSION_TIMEOUT": f"{shape.session:g}",
        "PIPELINE_REQUEST_TIMEOUT": f"{_PATIENCE / shape.scale:g}",
        "PIPELINE_CONNECT_TIMEOUT": "5",
        # pauses of an installation, made shorter, as the portals live faster
        "PIPELINE_RETRY_MIN": "0.1",
        "PIPELINE_RETRY_MAX": "2",
    }
