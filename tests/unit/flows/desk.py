"""A worker in small: runs plans of flows against the simulator in this process, with links, parts and watches.

Everything is real but Kafka, HTTP and the packing into batches; orders are kept as strictly as a real shop does.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from pipeline.delivery.errors import BadInput
from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.flows import catalog_sections, companies
from pipeline.flows.catalog_products import product
from pipeline.flows.mapping import Mapping, load
from pipeline.flows.settlements import settlement
from pipeline.portal.links.parts import PartNote
from pipeline.portal.links.store import Link
from pipeline.portal.plan import Plan, parse_plan
from pipeline.portal.steps.command import Command, Executed, Refused, Result
from pipeline.portal.steps.env import Env, Stamp
from pipeline.portal.steps.plan_course import PlanCourse
from pipeline.portal.wire.encode import Unfit
from pipeline.portal.wire.encode import command as encoded
from pipeline.portal.wire.faults import Answer, PortalPermanent
from sandbox.portal.errors import RestError
from sandbox.site.mapping import MAPPING_FILE
from tests.unit.flows import strict
from tests.unit.sandbox.calling import Desk

DAY_MAPPING = load(MAPPING_FILE)
#: without collections: the first product is number 1
PLAIN_MAPPING = DAY_MAPPING.model_copy(
    update={"catalogs": {"default": DAY_MAPPING.catalogs["default"].model_copy(update={"collection": None})}}
)
TOPICS = {"user": companies, "section": catalog_sections, "product": product, "settlement": settlement}


@dataclass
class SmallWorker:
    """`calls`: methods that were called, with how often; `alone`: those that fit into no batch.

    `now` moves only while something waits.
    """

    mapping: Mapping = DAY_MAPPING
    desk: Desk = field(default_factory=Desk)
    links: dict[tuple[str, str], Link] = field(default_factory=dict)
    parts: dict[tuple[str, str, str], PartNote] = field(default_factory=dict)
    watches: dict[str, tuple[Plan, set[tuple[str, str]]]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    alone: list[str] = field(default_factory=list)
    now: float = 1_700_000_000.0
    results: list[dict[str, Any]] = field(default_factory=list)
    _flows: dict[str, Flow] = field(default_factory=dict)
    _plans: Iterable[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self._flows = {kind: module.flow(self.mapping) for kind, module in TOPICS.items()}

    def send(self, kind: str, body: Any, at: int | None = None, **headers: str) -> list[Record]:
        """An event; `at`: when it was published, minutes of a day. Raises BadInput as the flow does."""
        if at is not None:
            moment = datetime(2026, 1, 1, tzinfo=UTC).timestamp() + 60 * at
            headers = {"amqp-timestamp": str(int(moment)), **headers}
        records = records_of(self._flows[kind], body, headers)
        for record in records:
            assert record.value is not None
            self.run(parse_plan(record.value))
        return records

    def run(self, plan: Plan, *, again: bool = False) -> dict[str, Any]:
        """A plan, until it is over; then those that waited for what it has made."""
        subject = plan.subject or ""
        before = self.watches.get(subject)
        started = self.now
        env = Env("default", lambda *place: self.links.get(place), part=lambda *place: self.parts.get(place))
        stamp = Stamp(f"t{next(iter(self._plans))}")
        course = PlanCourse(plan, env, stamp, None, sent_at=None, accepted=started)
        woken: list[str] = []
        while course.reply is None:
            woken += self._write(course)
            commands = course.commands(self.now)
            if course.reply is not None:
                break
            if not commands:
                due = course.due()
                assert due is not None, "it never ends"
                self.now = max(self.now + 0.1, due)
                course.look(self.now)
                continue
            course.mark_sent(commands, self.now)
            self.rounds += 1
            for command in commands:
                course.take(command, self._execute(command))
        woken += self._write(course)
        result: dict[str, Any] = orjson.loads(course.reply.body)
        self.results.append(result)
        assert course.letter is None, (course.letter, plan)
        end = course.end()
        if not (end.stale and not again and before is not None):
            self.watches.pop(subject, None)
            if end.watched:
                self.watches[subject] = plan, set(end.watched)
        for name in dict.fromkeys(woken):
            if name in self.watches and name != subject:
                self.run(self.watches[name][0], again=True)
        return result

    def calls_of(self, action: Any) -> Counter[str]:
        """What was called while `action` ran."""
        before = self.calls.copy()
        action()
        return self.calls - before

    def list(self, method: str, **params: Any) -> list[dict[str, Any]]:
        """Rows of the portal, without counting the call."""
        found = self.desk.result(method, params)
        rows: list[dict[str, Any]] = next(iter(found.values())) if isinstance(found, dict) else found
        return rows

    def one(self, method: str, **wanted: Any) -> dict[str, Any]:
        """The only row with these values."""
        (row,) = (one for one in self.list(method) if all(one.get(name) == value for name, value in wanted.items()))
        return row

    def _write(self, course: PlanCourse) -> list[str]:
        """Links, as the table takes them; returns the subjects that waited for one of them."""
        changes = course.links()
        for place in changes.drops:
            self.links.pop(place, None)
        for link in changes.found:
            known = self.links.get((link.entity, link.external))
            self.links[link.entity, link.external] = link if known is None else replace(known, title=link.title)
        for link in changes.puts:
            self.links[link.entity, link.external] = link
        for note in changes.parts:
            self.parts[note.entity, note.external, note.part] = note
        places = {(link.entity, link.external) for link in [*changes.puts, *changes.found]}
        return [subject for subject, (_, missing) in self.watches.items() if missing & places]

    def _execute(self, command: Command) -> Result:
        self.calls[command.method] += 1
        try:
            encoded(command.method, command.params)
        except Unfit:
            self.alone.append(command.method)
        try:
            params = orjson.loads(orjson.dumps(command.params))
            strict.check(self.desk.portal.store, command.method, params)
            reply = self.desk.reply(command.method, params)
        except RestError as error:
            problem = error.problem
            answer = Answer(problem.status, orjson.dumps(problem.body()))
            text = f"HTTP {problem.status} {problem.code}: {problem.text}"
            return Refused(PortalPermanent(text, code=str(problem.code), answer=answer))
        content = {"result": reply.result, "total": reply.total, "next": reply.next}
        return Executed(200, orjson.dumps({name: value for name, value in content.items() if value is not None}))


def records_of(flow: Flow, body: Any, headers: dict[str, str] | None = None) -> list[Record]:
    """What a flow makes of an event. Raises BadInput."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    event: Event[Any] = Event(flow.topics[0], 0, 0, b"", headers or {}, raw, None, 0.0)
    event.value = flow.decode(raw)
    made: Any = flow.handler(event)
    return list(made)


def refused(flow: Flow, body: Any, headers: dict[str, str] | None = None) -> str:
    """Why a flow refuses an event."""
    try:
        made = records_of(flow, body, headers)
    except BadInput as error:
        return str(error)
    raise AssertionError(f"it was taken: {made}")
