"""Everything a scenario stands on: brokers that live through all scenarios, and one installation of the bus each."""

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
from stack.kafka import Kafka
from stack.rabbitmq import RabbitMQ
from stack.sandbox import Portal
from stack.worker import Worker
from tests.chaos.cases import SEEDED, Case, make_cases, plan_kinds
from tests.chaos.control import PortalControl
from tests.chaos.keeper import Keeper
from tests.chaos.outside import Outside

__all__ = ["PORTALS", "Brokers", "Stage", "stage"]

#: Names whose requests are in four different partitions.
PORTALS = ("north", "south", "east", "west")
assert len({partition_of(name) for name in PORTALS}) == len(PORTALS), "two portals share a partition"


class Brokers:
    """Kafka and RabbitMQ of the harness."""

    def __init__(self, folder: Path) -> None:
        self.kafka = Kafka(folder / "kafka")
        self.rabbitmq = RabbitMQ(folder / "rabbitmq")

    def start(self) -> None:
        """Start both. Raises ProcessError."""
        self.kafka.start()
        self.rabbitmq.start()

    def stop(self) -> None:
        """Kill both."""
        self.kafka.kill()
        self.rabbitmq.kill()


@dataclass
class Stage:
    """One installation. `session`: Kafka session timeout, seconds. `dice` decides everything that is random."""

    folder: Path
    brokers: Brokers
    settings: Settings
    env: dict[str, str]
    outside: Outside
    control: PortalControl
    cases: list[Case]
    dice: random.Random
    session: float
    short: bool
    keepers: list[Keeper] = field(default_factory=list)
    _next: int = 0

    @property
    def left(self) -> int:
        """Cases that are not published yet."""
        return len(self.cases) - self._next

    @property
    def idle(self) -> bool:
        """All that was taken for publishing is published and answered."""
        return self.outside.answered >= self._next

    def worker(self) -> Keeper:
        """One more worker of the installation, not started."""
        number = len(self.keepers)
        keeper = Keeper(Worker(self.folder / f"worker-{number}", self.env, name=f"worker-{number}"))
        self.keepers.append(keeper)
        return keeper

    def publish(self, count: int, seconds: float) -> asyncio.Task[None]:
        """Begin to publish the next `count` cases over `seconds`."""
        part = self.cases[self._next : self._next + count]
        self._next += len(part)
        return asyncio.create_task(self.outside.publish(part, seconds))


@asynccontextmanager
async def stage(
    folder: Path, brokers: Brokers, *, count: int, seed: int, cost: float, session: float, short: bool
) -> AsyncIterator[Stage]:
    """An installation with names of its own, seeded portals, a reader of answers; no worker yet."""
    dice = random.Random(seed)
    run = uuid.uuid4().hex[:6]
    arguments = [item for name in PORTALS for item in ("--portal", name)]
    portal = Portal(folder / "portal", arguments=[*arguments, "--no-limits", "--cost", f"{cost:g}"])
    await asyncio.to_thread(portal.start)
    env = _environment(folder, brokers, portal, run, session)
    settings = _settings(env, folder)
    outside = Outside(brokers.rabbitmq.url, settings.ampqin, settings.ampqout)
    control = PortalControl(portal.url, PORTALS)
    await outside.start()
    kinds = [(PORTALS[number % len(PORTALS)], kind) for number, kind in enumerate(plan_kinds(dice, count))]
    needs = {name: sum(1 for portal, kind in kinds if portal == name and kind in SEEDED) for name in PORTALS}
    seeds = {name: await control.seed(name, run, needed) for name, needed in needs.items()}
    await control.forget()
    cases = make_cases(dice, run, kinds, seeds)
    made = Stage(folder, brokers, settings, env, outside, control, cases, dice, session, short)
    try:
        yield made
    finally:
        for keeper in made.keepers:
            await keeper.close()
        await outside.stop()
        await control.close()
        await asyncio.to_thread(portal.kill)


def _environment(folder: Path, brokers: Brokers, portal: Portal, run: str, session: float) -> dict[str, str]:
    # a portal whose time limit is 3 s, not 60: what is unknown is settled soon, and a test need not wait a minute
    own = {"rate": "none", "request_limit": 3.0}
    portals = {name: {"address": f"{portal.url}/{name}/rest/", **own} for name in PORTALS}
    return {
        "KAFKA_URL": brokers.kafka.url,
        "AMPQURL": brokers.rabbitmq.url,
        "AMPQIN": f"bitrix24in-{run}",
        "AMPQOUT": f"bitrix24out-{run}",
        "PIPELINE_PORTALS": orjson.dumps(portals).decode(),
        "PIPELINE_APP_ID": f"chaos-{run}",
        "PIPELINE_TOPIC_PREFIX": f"chaos-{run}.",
        "PIPELINE_KEY_FILE": str(folder / "seal.key"),
        "PIPELINE_SESSION_TIMEOUT": f"{session:g}",
        # an installation's pauses, made shorter, so that a test need not wait a minute after an outage
        "PIPELINE_RETRY_MAX": "5",
    }


def _settings(env: dict[str, str], folder: Path) -> Settings:
    return Settings(
        kafka_url=env["KAFKA_URL"],
        amqp_url=env["AMPQURL"],
        ampqin=env["AMPQIN"],
        ampqout=env["AMPQOUT"],
        app_id=env["PIPELINE_APP_ID"],
        topic_prefix=env["PIPELINE_TOPIC_PREFIX"],
        key_file=folder / "seal.key",
    )
