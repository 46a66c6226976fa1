"""Runs plans in the simulator without HTTP, as an executor does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.portal.links.parts import PartNote
from pipeline.portal.links.store import Link
from pipeline.portal.plan import Plan
from pipeline.portal.steps.command import Command, Executed, Refused, Result, Unclear
from pipeline.portal.steps.env import Env, Stamp
from pipeline.portal.steps.plan_course import PlanCourse
from sandbox.portal.errors import RestError
from tests.unit.portal.steps.world import refusal, steps_of, unknown
from tests.unit.sandbox.calling import Desk


@dataclass
class Driver:
    """Runs plans. Answers of the writes whose numbers are in `lost` do not come back, though they were executed."""

    desk: Desk = field(default_factory=Desk)
    links: dict[tuple[str, str], Link] = field(default_factory=dict)
    parts: dict[tuple[str, str, str], PartNote] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    now: float = 1_700_000_000.0

    def run(self, plan: Plan, lost: frozenset[int] = frozenset(), name: str = "t") -> dict[str, Any]:
        env = Env(
            "main",
            lambda entity, external: self.links.get((entity, external)),
            part=lambda entity, external, part: self.parts.get((entity, external, part)),
        )
        course = PlanCourse(plan, env, Stamp(name), None, sent_at=None, accepted=self.now)
        writes = 0
        while course.reply is None:
            self.now = max(self.now, course.due() or 0.0)
            course.look(self.now)
            commands = course.commands(self.now)
            course.mark_sent(commands, self.now)
            for command in commands:
                result = self._execute(command)
                if command.write:
                    result = Unclear(unknown(), self.now) if writes in lost else result
                    writes += 1
                course.take(command, result)
            changes = course.links()
            for place in changes.drops:
                self.links.pop(place, None)
            self.links |= {(link.entity, link.external): link for link in (*changes.found, *changes.puts)}
            self.parts |= {(note.entity, note.external, note.part): note for note in changes.parts}
        assert course.reply.error_class is None, course.reply.body
        return steps_of(course.reply)

    def _execute(self, command: Command) -> Result:
        self.calls.append(command.name)
        try:
            return Executed(200, orjson.dumps({"result": self.desk.result(command.method, command.params)}))
        except RestError as error:
            return Refused(refusal(error.problem.text, str(error.problem.code), error.problem.status))

    def rows(self, table: str) -> list[dict[str, Any]]:
        return list(self.desk.portal.store.tables[table].rows.values())
