"""What a day is played on: an installation with names of its own, a portal that lives faster, a supervised worker."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
import orjson

from sandbox.site.day import EXCHANGES
from sandbox.site.publish import NoExchange, Publisher
from stack.quiet import Quiet
from stack.sandbox import Portal
from stack.worker import Worker
from tests.chaos.day.control import Control
from tests.chaos.day.shape import Shape, Urls
from tests.chaos.keeper import Keeper
from tests.day.mapping import MAPPING_TOML

__all__ = ["ALIAS", "DayStage", "day_stage"]

_EVENTS = {"users": "user", "products": "product", "section": "section", "mutualsettlements": "settlement"}
_KEYS = {"products": "#", "section": "site.#"}
_DEFAULTS = ("crm_user_queue", "crm_product_queue", "crm_section_queue", "crm_mutualsettlements_queue")
_CREDENTIAL = "site"
_PATIENCE = 75.0
_DECLARED = 60.0
ALIAS = "catalog"


@dataclass
class DayStage:
    """One installation. Names of its exchanges and queues begin with `prefix`, of its topics with `topics`."""

    folder: Path
    urls: Urls
    shape: Shape
    portal: Portal
    control: Control
    keeper: Keeper
    prefix: str
    topics: str
    alias: str
    quiet: Quiet

    async def publisher(self) -> Publisher:
        """A publisher whose exchanges are there; waits for the worker to declare them."""
        deadline = asyncio.get_running_loop().time() + _DECLARED
        while True:
            try:
                async with Publisher(self.urls.rabbitmq, self.prefix) as publisher:
                    await publisher.look(EXCHANGES)
                await self.quiet.queued()
                return Publisher(self.urls.rabbitmq, self.prefix)
            except (NoExchange, aio_pika.exceptions.ChannelClosed) as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise TimeoutError(f"the worker has not declared exchanges and queues: {error}") from error
                await asyncio.sleep(0.2)


@asynccontextmanager
async def day_stage(folder: Path, urls: Urls, shape: Shape) -> AsyncIterator[DayStage]:
    """An empty portal and a worker that is not started."""
    run = uuid.uuid4().hex[:6]
    folder.mkdir(parents=True, exist_ok=True)
    arguments = ["--scale", f"{shape.scale:g}", "--cost", f"{shape.cost:g}", "--no-limits", "--journal", "1000000"]
    portal = Portal(folder / "portal", arguments=arguments)
    await asyncio.to_thread(portal.start)
    alias = f"{ALIAS}-{run}"
    mapping = folder / "mapping.toml"
    mapping.write_text(_mapping(alias if urls.search else ""))
    env = _environment(folder, urls, shape, run, portal) | {"PIPELINE_MAPPING": str(mapping)}
    keeper = Keeper(Worker(folder / "worker", env))
    control = Control(portal.url)
    quiet = Quiet(urls.rabbitmq, [f"{run}-{name}" for name in EXCHANGES], keeper.worker.url, portal.url)
    try:
        async with quiet:
            yield DayStage(folder, urls, shape, portal, control, keeper, f"{run}-", f"day-{run}.", alias, quiet)
    finally:
        await keeper.close()
        await control.close()
        await asyncio.to_thread(portal.kill)


def _mapping(index: str) -> str:
    """The sample day's mapping with an index of its own, "" = none."""
    text = MAPPING_TOML.replace("[portal]", f'[portal]\ncredential = "{_CREDENTIAL}"', 1)
    return text.replace(f'index = "{ALIAS}"', f'index = "{index}"')


def _environment(folder: Path, urls: Urls, shape: Shape, run: str, portal: Portal) -> dict[str, str]:
    queues: dict[str, Any] = {name: {"enabled": False} for name in _DEFAULTS}
    for exchange, event in _EVENTS.items():
        name = f"{run}-{exchange}"
        queues[name] = {"event": event, "exchange": name, "routing_key": _KEYS.get(exchange, "")}
    own = {
        "address": portal.rest,
        "rate": "none",
        "scale": shape.scale,
        "credentials": {_CREDENTIAL: {"user": "1", "token": "sandbox"}},
    }
    return {
        "KAFKA_URL": urls.kafka,
        "AMPQURL": urls.rabbitmq,
        "AMPQIN": f"bitrix24in-{run}",
        "AMPQOUT": f"bitrix24out-{run}",
        "PIPELINE_APP_ID": f"day-{run}",
        "PIPELINE_TOPIC_PREFIX": f"day-{run}.",
        "PIPELINE_KEY_FILE": str(folder / "seal.key"),
        "PIPELINE_PORTALS": orjson.dumps({"default": own}).decode(),
        "PIPELINE_QUEUES": orjson.dumps(queues).decode(),
        "PIPELINE_SESSION_TIMEOUT": f"{shape.session:g}",
        "PIPELINE_REQUEST_TIMEOUT": f"{_PATIENCE / shape.scale:g}",
        # pauses of an installation, made shorter, as the portal lives faster
        "PIPELINE_RETRY_MIN": "0.1",
        "PIPELINE_RETRY_MAX": "2",
        **({"ES_URL": urls.search} if urls.search else {}),
    }
