"""A small portal in memory, exact where steps depend on it, and a worker that drives a course against it.

The portal ignores case and blanks at the end where it compares, keeps no external id single, and lists 50 rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from pipeline.delivery.errors import PipelineError
from pipeline.portal.entities import entity
from pipeline.portal.links.keys import external_key
from pipeline.portal.links.parts import PartNote
from pipeline.portal.links.store import Link
from pipeline.portal.plan import Plan
from pipeline.portal.requests.answers import Reply
from pipeline.portal.requests.row import SENT, WAITING
from pipeline.portal.steps.command import Command, Executed, Refused, Result, Unclear
from pipeline.portal.steps.course import CallCourse, Course
from pipeline.portal.steps.env import Env, Known, Stamp
from pipeline.portal.steps.plan_course import PlanCourse
from pipeline.portal.wire.faults import Answer, PortalPermanent, PortalUnknown

LIMIT = 60.0
START = 1_700_000_000.0

#: external ids that a look-up may ask for beside ours
OTHERS = [f"other {number}" for number in range(49)]
#: entityTypeId -> table; the others have a table `item:<type>`
_TYPES = {"1": "lead", "2": "deal", "3": "contact", "4": "company"}
_NAMES = {"originId": "ORIGIN_ID", "originatorId": "ORIGINATOR_ID", "createdTime": "DATE_CREATE", "id": "ID"}
_LISTS = ("PHONE", "EMAIL")


def refusal(text: str, code: str = "", status: int = 400) -> PortalPermanent:
    body = orjson.dumps({"error": code, "error_description": text})
    return PortalPermanent(f"HTTP {status} {code}: {text}", code=code, answer=Answer(status, body))


def unknown(text: str = "HTTP 502") -> PortalUnknown:
    return PortalUnknown(text)


def executed(result: Any, **more: Any) -> Executed:
    return Executed(200, orjson.dumps({"result": result, **more}))


@dataclass
class MemoryPortal:
    """`offset`: seconds that its clock is ahead. `writes`: (method, params) of all that was executed."""

    offset: float = 0.0
    tables: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    writes: list[tuple[str, Any]] = field(default_factory=list)
    last: int = 0

    def add(self, table: str, at: float, **fields: Any) -> int:
        """An object that is there."""
        self.last += 1
        made = datetime.fromtimestamp(at + self.offset, UTC).isoformat(timespec="seconds")
        row: dict[str, Any] = {"ID": self.last, "DATE_CREATE": made, "CREATED": made}
        self.tables.setdefault(table, {})[row["ID"]] = row
        self._write(row, fields)
        return row["ID"]

    def rows(self, table: str, **wanted: Any) -> list[dict[str, Any]]:
        """Rows that have exactly these values."""
        rows = self.tables.get(table, {}).values()
        return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]

    def phones(self, table: str, number: int) -> list[str]:
        return sorted(entry["VALUE"] for entry in self.tables[table][number].get("PHONE", ()))

    def execute(self, method: str, params: Any, at: float) -> Any:
        """The `result`. Raises PortalPermanent."""
        family, _, verb = method.lower().rpartition(".")
        if verb not in ("get", "list"):
            self.writes.append((method, params))
        table, view = self._table(family, params)
        given = next((value for name, value in params.items() if name.lower() == "fields"), {})
        fields = {view.inner(name): value for name, value in given.items()}
        if verb in ("add", "import"):
            number = self.add(table, at, **fields)
            return view.wrap(self.tables[table][number], bare=verb == "import")
        if verb == "list":
            return view.wrap_all(self._found(table, params, view))
        number = int(params["id"])
        row = self.tables.get(table, {}).get(number)
        if row is None:
            raise refusal("Not found" if verb == "get" else f"{table} is not found", view.missing)
        if verb == "get":
            return view.wrap(row, bare=False, get=True)
        if verb == "delete":
            del self.tables[table][number]
            return view.deleted
        assert verb == "update", method
        self._write(row, fields)
        return view.wrap(row, bare=False, get=True) if view.item else True

    def _write(self, row: dict[str, Any], fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            if name not in _LISTS:
                row[name] = value
                continue
            kept = row.setdefault(name, [])
            for entry in value:
                known = next((one for one in kept if one["ID"] == str(entry.get("ID"))), None)
                if known is not None and (entry.get("DELETE") == "Y" or entry.get("VALUE") == ""):
                    kept.remove(known)
                elif known is not None:
                    known |= {**entry, "ID": known["ID"]}
                elif entry.get("VALUE"):
                    self.last += 1
                    kept.append({"VALUE_TYPE": "WORK", **entry, "ID": str(self.last)})

    def _found(self, table: str, params: Any, view: View) -> list[dict[str, Any]]:
        found = []
        for row in self.tables.get(table, {}).values():
            for place, wanted in (params.get("filter") or {}).items():
                held = _fold(row.get(view.inner(place.lstrip("@"))))
                if held not in [_fold(one) for one in (wanted if isinstance(wanted, list) else [wanted])]:
                    break
            else:
                found.append(row)
        downwards = next(iter((params.get("order") or {}).values()), "ASC") == "DESC"
        return sorted(found, key=lambda row: row["ID"], reverse=downwards)[:50]

    def _table(self, family: str, params: Any) -> tuple[str, View]:
        if family == "crm.item":
            kind = str(params["entityTypeId"])
            return _TYPES.get(kind, f"item:{kind}"), View(item=True, row="item", rows="items")
        if family == "catalog.product":
            return "product", View(row="element", rows="products", get="product")
        if family == "catalog.productpropertyenum":
            return "enum", View(row="productPropertyEnum", rows="productPropertyEnums")
        if family in ("sale.order", "sale.payment"):
            name = family.removeprefix("sale.")
            return name, View(row=name, rows=f"{name}s")
        return family.removeprefix("crm."), View()


def _fold(value: Any) -> str:
    return str(value if value is not None else "").rstrip().casefold()


@dataclass(frozen=True)
class View:
    """How a family writes rows."""

    item: bool = False
    row: str | None = None
    rows: str | None = None
    get: str | None = None

    @property
    def missing(self) -> str:
        return "NOT_FOUND" if self.row else ""

    @property
    def deleted(self) -> Any:
        return [] if self.item else True

    def inner(self, name: str) -> str:
        return _NAMES.get(name, name) if self.row else name

    def wrap(self, row: dict[str, Any], *, bare: bool, get: bool = False) -> Any:
        if self.row is None:
            return self._shown(row) if get else row["ID"]
        return {(self.get if get and self.get else self.row): {"id": row["ID"]} if bare else self._shown(row)}

    def wrap_all(self, rows: list[dict[str, Any]]) -> Any:
        shown = [self._shown(row) for row in rows]
        return shown if self.rows is None else {self.rows: shown}

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        if self.row is None:
            return {name: str(value) if isinstance(value, int) else value for name, value in row.items()}
        outer = {inner: name for name, inner in _NAMES.items()}
        return {outer.get(name, name): value for name, value in row.items()}


class Crash(Exception):
    """The worker ends here."""


@dataclass
class Stored:
    """What of a request is durable: its row, as sending/records.py writes it."""

    state: str = WAITING
    sent_at: float = 0.0
    progress: Any = None

    def put(self, **values: Any) -> None:
        """As it comes out of Kafka again."""
        for name, value in values.items():
            setattr(self, name, orjson.loads(orjson.dumps(value)))


#: `choose(what, options)`: fate, by the tests
Choose = Callable[[str, tuple[str, ...]], str]


@dataclass
class World:
    """A portal, the table of links, a clock. `env_options` as in Env."""

    choose: Choose = lambda what, options: options[0]
    portal: MemoryPortal = field(default_factory=MemoryPortal)
    links: dict[tuple[str, str], Link] = field(default_factory=dict)
    parts: dict[tuple[str, str, str], PartNote] = field(default_factory=dict)
    env_options: dict[str, Any] = field(default_factory=dict)
    now: float = START
    crashes: int = 0
    known: Known = field(default_factory=Known)
    #: (when, method, params) of calls that the portal has yet to execute, although nobody waits for them
    pending: list[tuple[float, str, Any]] = field(default_factory=list)
    log: list[tuple[float, Command]] = field(default_factory=list)

    def env(self) -> Env:
        def link(entity: str, external: str) -> Link | None:
            return self.links.get((entity, external))

        def part(entity: str, external: str, name: str) -> PartNote | None:
            return self.parts.get((entity, external, name))

        return Env("main", link, LIMIT, known=self.known, part=part, **self.env_options)

    def call(self, method: str, params: Any, name: str = "r1") -> Course:
        """The course of a lone call, run to its end."""

        def course(row: Stored) -> Course:
            sent_at = row.sent_at if row.state == SENT else None
            return CallCourse(method, params, b"", self.env(), Stamp(f"t-{name}").external(""), sent_at=sent_at)

        return self.run(course)

    def plan(self, plan: Plan, name: str = "r1") -> Course:
        """The course of a plan, run to its end."""
        accepted = self.now

        def course(row: Stored) -> Course:
            sent_at = row.sent_at if row.state == SENT else None
            stamp = Stamp(f"t-{name}")
            return PlanCourse(plan, self.env(), stamp, row.progress, sent_at=sent_at, accepted=accepted)

        return self.run(course)

    def run(self, make: Callable[[Stored], Course]) -> Course:
        """Drive it as an executor does, through crashes, until its answer is out."""
        row = Stored()
        while True:
            try:
                return self._live(make, row)
            except Crash:
                self.crashes += 1
                self.known = Known()
                self.now += 5.0

    def _live(self, make: Callable[[Stored], Course], row: Stored) -> Course:
        course = make(row)
        self._write_links(course)
        for _ in range(1000):
            course.look(self.now)
            self._write_links(course)
            if course.reply is not None:
                self._may_crash("answer")
                return course
            commands = course.commands(self.now)
            if not commands:
                due = course.due()
                if course.reply is None and due is not None:
                    self.now = max(self.now + 0.01, due)
                continue
            self._turn(course, row, commands)
        raise AssertionError("it never ends")

    def _turn(self, course: Course, row: Stored, commands: list[Command]) -> None:
        if len(commands) > 1 and self.choose("all", ("yes", "no")) == "no":
            commands = commands[:1]
        self._may_crash("before sent")
        sent_at = self.now
        if any(command.write for command in commands):
            course.mark_sent(commands, self.now)
            row.put(state=SENT, sent_at=self.now, progress=course.progress())
        self.now += 1.0
        results = [(command, self._serve(command, sent_at)) for command in commands]
        self.now += 1.0
        self._may_crash("before answer")
        for command, result in results:
            if result is not None:
                course.take(command, result)
        self._write_links(course)
        self._may_crash("before row")
        progress = course.progress()
        seen = any(
            command.write and result is not None and not isinstance(result, Unclear) for command, result in results
        )
        if seen and course.reply is None and progress is not None:
            row.put(progress=progress, state=SENT if progress["sent"] else WAITING)

    def _write_links(self, course: Course) -> None:
        changes = course.links()
        if not changes:
            return
        self._may_crash("before links")
        for place in changes.drops:
            self.links.pop(place, None)
        self._may_crash("between links")
        for link in changes.puts:
            self.links[link.entity, link.external] = link
        for link in changes.found:
            self.links.setdefault((link.entity, link.external), link)
        self._may_crash("between links and parts")
        for note in changes.parts:
            self.parts[note.entity, note.external, note.part] = note

    def _may_crash(self, where: str) -> None:
        if self.choose("crash", ("no", "yes")) == "yes":
            raise Crash(where)

    def _serve(self, command: Command, sent_at: float) -> Result | None:
        """None: refused before it was looked at; it goes again."""
        self._catch_up()
        self.log.append((self.now, command))
        orjson.dumps(command.params)
        if not command.write:
            fate = self.choose("read", ("done", "again"))
            return self._execute(command) if fate == "done" else None
        fate = self.choose(
            "write", ("done", "done but lost", "done late", "lost", "again", "refused", "crash, done late")
        )
        if fate == "done but lost":
            self._execute(command)
        elif fate.endswith("done late"):
            # the portal cuts it off, or is through with it, when its time is over
            self.pending.append((sent_at + LIMIT - 0.001, command.method, command.params))
            if fate.startswith("crash"):
                raise Crash(fate)
        if fate == "again":
            return None
        if fate == "refused":
            return Refused(refusal("no", "ERROR_CORE"))
        return self._execute(command) if fate == "done" else Unclear(unknown(), sent_at)

    def _execute(self, command: Command) -> Result:
        params = command.params
        if command.lookup is not None and self.choose("look-up", ("alone", "with others")) == "with others":
            look = command.lookup
            params = entity(look.entity).lookup_params([*OTHERS, look.external], look.originator, look.inside)
        try:
            result = self.portal.execute(command.method, params, self.now)
        except PortalPermanent as fault:
            return Refused(fault)
        start = self.now + self.portal.offset
        return executed(result, time={"start": start, "finish": start})

    def _catch_up(self) -> None:
        for late in [late for late in self.pending if late[0] <= self.now]:
            self.pending.remove(late)
            try:
                self.portal.execute(late[1], late[2], late[0])
            except PipelineError:
                continue

    def finish(self) -> None:
        """Let the portal do what it has yet to do."""
        self.now += 2 * LIMIT
        self._catch_up()


def script(*fates: str, what: str = "write") -> Choose:
    """Fates of the first decisions of one kind; all else goes well."""
    left: Iterator[str] = iter(fates)

    def choose(asked: str, options: tuple[str, ...]) -> str:
        fate = next(left, options[0]) if asked == what else options[0]
        assert fate in options, (fate, options)
        return fate

    return choose


def link_of(entity: str, key: str, number: int, originator: str = "", **more: Any) -> Link:
    return Link("main", entity, external_key(originator, key), str(number), **more)


def steps_of(reply: Reply | None) -> dict[str, Any]:
    assert reply is not None
    steps: dict[str, Any] = orjson.loads(reply.body)["steps"]
    return steps
