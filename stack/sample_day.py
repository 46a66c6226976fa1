"""The sample day of `make run`: a site and its 1C tell of a day, and a table shows what came of it.

Users become companies, products and sections a catalogue and an index, settlements deals and orders. The same day
is then played once more, and the portal must not be written to.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import aio_pika
import httpx
from aio_pika.exceptions import ChannelClosed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sandbox.site.day import EXCHANGES, Day, make_day, shuffled
from sandbox.site.forms import ZONE
from sandbox.site.mapping import MAPPING_FILE
from sandbox.site.message import Message
from sandbox.site.publish import NoExchange, Publisher
from sandbox.site.sizes import Sizes
from stack.quiet import Look, NotDone, Quiet

__all__ = ["MAPPING_FILE", "DayResult", "DayTarget", "play_sample_day"]

QUEUES = ("crm_user_queue", "crm_product_queue", "crm_section_queue", "crm_mutualsettlements_queue")
"""The worker's queues for the site."""
DECLARED = 30.0
"""Seconds within which the worker must have declared exchanges and queues."""
CALM, STALL = 3.0, 90.0
"""Seconds without any movement: after which it is done, and after which it is given up."""

SIZES = Sizes(wrong=0, unversioned=0.0)
"""Every message says how new it is, so the whole day can come again and change nothing."""

#: Tables of the simulated portal, as its counters name them -> what the table calls them
_SHOWN = {
    "company": "companies",
    "section": "sections",
    "product": "products",
    "deal": "deals",
    "order": "orders",
    "payment": "payments",
    "shipment": "shipments",
}


@dataclass(frozen=True)
class DayTarget:
    """Where the day is played. Addresses without a slash at the end; `search` "" = there is no Elasticsearch."""

    amqp_url: str
    worker: str
    portal: str
    search: str = ""
    alias: str = "catalog"


@dataclass
class DayResult:
    """`made`: new objects by name; `there`: all that are there; `documents` None = there is no index.

    `again_writes`: of the second play, by verb and object.
    """

    messages: int = 0
    seconds: float = 0.0
    calls: int = 0
    made: dict[str, int] = field(default_factory=dict)
    there: dict[str, int] = field(default_factory=dict)
    documents: int | None = None
    again: int = 0
    again_writes: dict[str, int] = field(default_factory=dict)
    problem: str = ""

    @property
    def held(self) -> bool:
        """All is there, by this play or an earlier one on the same data, and the second play wrote nothing."""
        return not self.problem and bool(self.there) and all(self.there.values()) and not self.again_writes

    def table(self) -> Table:
        """What `make run` shows."""
        table = Table(show_header=False)
        rows = {"messages of the day": str(self.messages), **{name: self._count(name) for name in self.made}}
        rows["documents in the index"] = "no Elasticsearch" if self.documents is None else str(self.documents)
        rows |= {"portal calls": str(self.calls), "seconds": f"{self.seconds:.1f}"}
        written = ", ".join(f"{name} {count}" for name, count in self.again_writes.items())
        rows[f"portal writes of a second play ({self.again} messages)"] = written or "0"
        for name, value in rows.items():
            table.add_row(name, value)
        return table

    def _count(self, name: str) -> str:
        """How many were made, and, where an earlier run has left some, how many there are."""
        made, there = self.made[name], self.there[name]
        return str(made) if made == there else f"{made} new, {there} in all"


async def play_sample_day(target: DayTarget, console: Console, sizes: Sizes | None = None, seed: int = 1) -> DayResult:
    """Play the day shuffled, wait, play it again, print the table.

    The day begins now, so that it is newer than that of an earlier run on the same data. What does not work out is
    told in `problem` and printed; raises OSError and aio_pika's errors when RabbitMQ cannot be reached.
    """
    day = make_day(sizes or SIZES, seed, midnight=datetime.now(ZONE).replace(microsecond=0))
    result = DayResult()
    async with _Watch(target) as watch:
        try:
            await _play(watch, day, seed, result, console)
        except (NoExchange, ChannelClosed, NotDone, httpx.HTTPError) as error:
            result.problem = str(error) or repr(error)
    console.print(result.table())
    if result.problem:
        console.print(f"[red]The sample day was not played to its end: {result.problem}[/]", highlight=False)
    return result


@dataclass(frozen=True)
class _Counted:
    executions: int
    objects: Counter[str]
    writes: Counter[str]


class _Watch:
    """The target's broker, worker, portal and index, to be asked what they hold."""

    def __init__(self, target: DayTarget) -> None:
        self.target = target
        self.quiet = Quiet(target.amqp_url, QUEUES, target.worker, target.portal)

    async def __aenter__(self) -> "_Watch":
        self._http = httpx.AsyncClient(timeout=10, trust_env=False)
        await self.quiet.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.quiet.__aexit__()
        await self._http.aclose()

    async def counters(self) -> _Counted:
        """What the simulated portal has counted until now."""
        answer = await self._http.get(f"{self.target.portal}/_sandbox/counters", params={"detail": "0"})
        found = answer.raise_for_status().json()
        writes = {f"{verb} {name}": n for verb, names in found["writes"].items() for name, n in names.items()}
        return _Counted(sum(found["executions"].values()), Counter(found["objects"]), Counter(writes))

    async def documents(self) -> int | None:
        """Documents behind the alias; None without Elasticsearch."""
        if not self.target.search:
            return None
        alias = f"{self.target.search}/{self.target.alias}"
        (await self._http.post(f"{alias}/_refresh")).raise_for_status()
        return int((await self._http.get(f"{alias}/_count")).raise_for_status().json()["count"])

    async def declared(self) -> None:
        """Until the worker has made its exchanges and queues. Raises NoExchange, ChannelClosed."""
        deadline = time.monotonic() + DECLARED
        while True:
            try:
                async with Publisher(self.target.amqp_url) as publisher:
                    await publisher.look(EXCHANGES)
                await self.quiet.queued()
                return
            except (NoExchange, aio_pika.exceptions.ChannelClosed):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)


async def _play(watch: _Watch, day: Day, seed: int, result: DayResult, console: Console) -> None:
    await watch.declared()
    before = await watch.counters()
    began = time.monotonic()
    messages = shuffled(day.messages, seed)
    await _send(watch, messages, console, "a day of the site")
    after = await watch.counters()
    result.messages, result.seconds = len(messages), time.monotonic() - began - CALM
    result.calls = after.executions - before.executions
    result.made = {name: after.objects[key] - before.objects[key] for key, name in _SHOWN.items()}
    result.there = {name: after.objects[key] for key, name in _SHOWN.items()}
    result.documents = await watch.documents()
    again = day.again().messages
    await _send(watch, list(again), console, "the same day again")
    result.again = len(again)
    # a difference of counters keeps what is above 0
    result.again_writes = dict((await watch.counters()).writes - after.writes)


async def _send(watch: _Watch, messages: list[Message], console: Console, what: str) -> None:
    """Publish, and wait until all is done, with a line of progress for each."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        sent = progress.add_task(f"{what}: published", total=len(messages))
        done = progress.add_task(f"{what}: done", total=len(messages))
        async with Publisher(watch.target.amqp_url) as publisher:
            await publisher.send(messages, lambda count: progress.advance(sent, count))
        most = 1

        def show(look: Look) -> None:
            nonlocal most
            most = max(most, look.left)
            # what is left is counted in messages, records and requests: a share of the most that it ever was
            progress.update(done, completed=round(len(messages) * (1 - look.left / most)))

        await watch.quiet.done(calm=CALM, stall=STALL, seen=show)
        progress.update(done, completed=len(messages))
