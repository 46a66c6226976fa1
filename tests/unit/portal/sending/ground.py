"""An executor on a portal in memory: the real parts, but for the table, Kafka and HTTP."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import orjson

from pipeline.delivery.errors import PipelineError
from pipeline.delivery.guard import FreezeGuard
from pipeline.delivery.retry import Backoff
from pipeline.delivery.tables import DurableTable
from pipeline.portal import methods
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.limits.costs import Costs
from pipeline.portal.limits.governor import Governor
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.limits.pause import Probes
from pipeline.portal.limits.presets import PRESETS, PortalLimits
from pipeline.portal.links.store import Links
from pipeline.portal.requests.completion import Completion
from pipeline.portal.requests.letters import Letters
from pipeline.portal.requests.row import DONE, Row
from pipeline.portal.sending.courses import Courses
from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.executor import Executor
from pipeline.portal.sending.parts import Parts
from pipeline.portal.sending.route_throttles import RouteThrottles
from pipeline.portal.steps.env import Env
from pipeline.portal.watches.watches import Watches
from pipeline.portal.wire.access import Access
from pipeline.portal.wire.faults import Answer
from pipeline.portal.wire.outcomes import judge
from pipeline.portal.wire.statuses import status_of
from pipeline.settings import PortalSettings
from pipeline.topology import RESULTS
from sandbox.portal.php import parse_query
from tests.unit.portal.fakes import Kafka, MemoryTable, book_on, row, until

#: A portal without limits, that cuts requests after half a second.
LIMITS = PortalLimits(rate=None, burst=50, operating_limit=None, operating_window=6.0, request_limit=0.5)
PROBES = Probes(method_hold=0.2, credential_probe=0.2, blocked_probe=0.2)

#: of one HTTP request: an answer or a fault in place of the portal's own; None = the portal answers
Outcome = Answer | PipelineError | None


@dataclass
class Refusal:
    """The answer to one method, within a batch or by itself; `packed`: only within."""

    code: str
    packed: bool = False


@dataclass
class Call:
    """One HTTP request. `commands`: those of a batch, else the call itself; `stored`: states of all rows then."""

    access: Access
    method: str
    body: bytes
    commands: list[tuple[str, Any]]
    stored: str
    at: float = field(default_factory=time.time)

    @property
    def names(self) -> list[str]:
        """Methods of the commands."""
        return [name for name, _ in self.commands]

    @property
    def packed(self) -> bool:
        """Is it a batch of ours, no client's own?"""
        return self.method == methods.BATCH and b'"halt"' in self.body


class Portal:
    """The client of one portal, and the portal: deals by external id, 1 as the result of everything else.

    `outcomes` replace the next answers, then those that `fate` draws; `by` and `refused` replace those of a method;
    `silent` are commands that the answer of a batch leaves out; `executes` tells whether what is answered by a fault
    was executed; `gate` holds answers back, and the execution too, unless it is `eager`; only those of `slow` methods,
    where there are some.
    """

    def __init__(self, states: Callable[[], str]) -> None:
        self._states = states
        self.outcomes: list[Outcome] = []
        self.by: dict[str, Outcome] = {}
        self.fate: Callable[[Portal], Outcome] = lambda portal: None
        self.executed: list[tuple[str, Any]] = []
        self.refused: dict[str, Refusal] = {}
        self.silent: set[str] = set()
        self.executes = False
        self.eager = False
        self.slow: set[str] = set()
        self.times: dict[str, Any] = {}
        self.moved: dict[str, str] = {}
        self.calls: list[Call] = []
        self.deals: dict[int, dict[str, Any]] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.out = 0
        self.most_out = 0
        self._ids = itertools.count(100)

    async def call(self, address: str, access: Access, method: str, body: bytes) -> Answer:
        """See PortalClient."""
        assert address == "https://one.example/rest/"
        params = orjson.loads(body)
        packed = method == methods.BATCH
        commands = [(name, parse_query(query)) for name, query in methods.commands(params)] if packed else []
        self.calls.append(Call(access, method, body, commands or [(method, params)], self._states()))
        self.out += 1
        self.most_out = max(self.most_out, self.out)
        try:
            if self.eager:
                answer = self._answer(method, params, commands)
                await self._held()
                return answer
            await self._held()
            return self._answer(method, params, commands)
        finally:
            self.out -= 1

    @property
    def methods(self) -> list[str]:
        """Of all HTTP requests."""
        return [call.method for call in self.calls]

    @property
    def commands(self) -> list[str]:
        """Methods of all commands, in batches or not."""
        return [name for call in self.calls for name in call.names]

    async def _held(self) -> None:
        if not self.slow or self.slow & set(self.calls[-1].names):
            await self.gate.wait()

    def _answer(self, method: str, params: Any, commands: list[tuple[str, Any]]) -> Answer:
        outcome = self.by.get(method) or (self.outcomes.pop(0) if self.outcomes else self.fate(self))
        if outcome is None:
            return self._batch(commands, params) if commands else self._single(method, params)
        if self.executes:
            for name, given in self.calls[-1].commands:
                self._execute(name, given)
        if isinstance(outcome, PipelineError):
            raise outcome
        return outcome

    def _single(self, method: str, params: Any) -> Answer:
        refusal = self.refused.get(method)
        if refusal is not None and not refusal.packed:
            body = orjson.dumps({"error": refusal.code, "error_description": "no"})
            return judge(status_of(refusal.code, "no"), {}, body, time.time())
        answer = {"result": self._execute(method, params)}
        if self.times:
            answer["time"] = self._times(method)
        return Answer(200, orjson.dumps(answer))

    def _batch(self, commands: list[tuple[str, Any]], params: Any) -> Answer:
        maps: dict[str, dict[str, Any]] = {"result": {}, "result_error": {}, "result_time": {}}
        for key, (name, given) in zip(params["cmd"], commands, strict=True):
            if name in self.silent:
                continue
            if name in self.refused:
                maps["result_error"][key] = {"error": self.refused[name].code, "error_description": "no"}
                continue
            maps["result"][key] = self._execute(name, given)
            if self.times:
                maps["result_time"][key] = self._times(name)
        return Answer(200, orjson.dumps({"result": maps, "time": {"duration": 0.01, "finish": time.time()}}))

    def _times(self, method: str) -> dict[str, Any]:
        return {"duration": 0.01, "finish": time.time(), **self.times}

    def _execute(self, method: str, params: Any) -> Any:
        self.executed.append((method, params))
        if method == "crm.deal.add":
            number = next(self._ids)
            self.deals[number] = {"ID": str(number), **params.get("fields", {})}
            return number
        if method == "crm.deal.update":
            self.deals[int(params["id"])] |= params["fields"]
            return True
        if method == "crm.deal.list":
            wanted = params.get("filter") or {}
            one, many = wanted.get("ORIGIN_ID"), wanted.get("@ORIGIN_ID")
            if one is None and many is None:
                return 1
            ids = [one] if one is not None else list(many.values() if isinstance(many, dict) else many)
            return [deal for _, deal in sorted(self.deals.items()) if deal.get("ORIGIN_ID") in ids][:50]
        return 1


class Ground:
    """An executor that has begun, and what it stands on."""

    def __init__(
        self,
        portals: dict[str, PortalSettings],
        credentials: Credentials,
        *,
        limits: PortalLimits = LIMITS,
        limiter: Limiter | None = None,
        connections: int = 3,
        batch_room: int = 50,
        costs: Costs | None = None,
        stamp: bool = True,
        table: MemoryTable | None = None,
        watched: MemoryTable | None = None,
        portal: Portal | None = None,
        bulk_share: float = 0.2,
        governor: Callable[[Costs], Governor] | None = None,
        probes: Probes = PROBES,
    ) -> None:
        self.table = table or MemoryTable()
        self.watched = watched or MemoryTable()
        self.kafka = Kafka()
        self.book = book_on(self.table)
        self.completion = Completion(self.book, cast(Any, self.kafka), Backoff(0.001, 0.002))
        self.portal = portal or Portal(lambda: self.states())
        self.finished = 0
        self.rows: list[Row] = []
        self.links = Links(cast(DurableTable, self.table))
        backoff = Backoff(0.002, 0.01)
        self.watches = Watches(
            cast(DurableTable, self.watched),
            self.links,
            self.kafka.send,
            backoff,
            scale=lambda portal: 100.0,
            partition_of=lambda portal: 0,
        )
        costs = costs or Costs(600 / limits.operating_window)
        env = Env(
            portal="default",
            link=lambda entity, external: self.links.get(0, "default", entity, external),
            part=lambda entity, external, part: self.links.part(0, "default", entity, external, part),
            request_limit=limits.request_limit * 1.1,
            stamp=stamp,
        )
        self.parts = Parts(
            address=portals["default"].address,
            limits=limits,
            limiter=limiter or Limiter(None, 50),
            governor=governor(costs)
            if governor is not None
            else Governor(limits.operating_limit, limits.operating_window, costs, hold=probes.method_hold),
            costs=costs,
            courses=Courses(env, "bus-test", self.watches.token),
            book=self.book,
            links=self.links,
            watches=self.watches,
            throttles=RouteThrottles(cast(DurableTable, self.table), portals),
            client=cast(Any, self.portal),
            credentials=credentials,
            completion=self.completion,
            letters=Letters(lambda topic: topic, 1_000_000),
            backoff=backoff,
            probes=probes,
            guard=FreezeGuard(60.0),
            bulk_share=bulk_share,
            connections=connections,
            batch_room=batch_room,
        )
        self.executor = Executor("default", self.parts, self._on_finished)
        self.looked = asyncio.Event()
        self.looked.set()

    def start(self) -> Ground:
        """Begin to call."""
        self.executor.start(self._look)
        return self

    async def _look(self, executor: Executor) -> None:
        assert executor is self.executor
        await self.looked.wait()

    def _on_finished(self) -> None:
        self.finished += 1

    async def accept(self, **given: Any) -> Row:
        """A new row, not yet given to the executor."""
        one = row(**given)
        await self.book.accept(one)
        self.rows.append(one)
        return one

    async def add(self, **given: Any) -> Row:
        """A new request."""
        one = await self.accept(**given)
        self.enqueue(one)
        return one

    async def add_all(self, *many: dict[str, Any]) -> list[Row]:
        """New requests that the executor sees together."""
        rows = [await self.accept(**given) for given in many]
        for one in rows:
            self.enqueue(one)
        return rows

    def enqueue(self, one: Row) -> None:
        """As intake and take-over do."""
        self.executor.add(Entry(one, attempts=one.attempts))

    def states(self) -> str:
        """Of all rows in the table, in order."""
        return "".join(self.state(one) for one in self.rows)

    def state(self, one: Row) -> str:
        """Of a row in the table."""
        return self.book.load(one).state

    async def take_over(self, before: Ground) -> Ground:
        """Go on with the rows that another owner left."""
        self.rows = before.rows
        async for one in self.book.unfinished(0):
            self.enqueue(one)
        return self

    async def all_done(self) -> None:
        """Every request is finished."""
        await until(lambda: set(self.states()) <= {DONE})

    def answer(self, one: Row) -> Any:
        """The record of its only answer."""
        (record,) = [record for record in self.kafka.of(RESULTS) if record.headers["answer-id"] == one.identity]
        return record

    def result(self, one: Row) -> Any:
        """Of its answer, parsed."""
        return orjson.loads(self.answer(one).value)

    async def end(self) -> None:
        """Stop, after a test."""
        self.portal.gate.set()
        await self.executor.stop()
        await self.completion.drain(1)


def deal(external: str | None = None, **fields: Any) -> dict[str, Any]:
    """A request that adds a deal."""
    given = fields if external is None else {**fields, "ORIGIN_ID": external}
    return {"method": "crm.deal.add", "body": orjson.dumps({"fields": {"TITLE": "x", **given}})}


def limited(**given: Any) -> PortalLimits:
    """Limits of a cloud portal, scaled, with some of its own."""
    return replace(PRESETS["cloud"].scaled(100), rate=None, **given)
