"""The course of a request: which calls it makes, one after another, and its end. No I/O, no clock.

Whoever drives a course (sending/) asks for `commands`, notes them as sent where they write, makes the calls, gives each
result to `take`, writes the `links`, and asks again. While commands are out nothing else is asked of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.delivery.errors import PipelineError
from pipeline.portal.links.parts import PartNote
from pipeline.portal.links.store import Link
from pipeline.portal.requests.answers import Reply, failed
from pipeline.portal.steps.call import CallRun
from pipeline.portal.steps.command import Command, Executed, Result
from pipeline.portal.steps.env import Env

__all__ = ["CallCourse", "Course", "LinkChanges", "OverCourse", "RefusedCourse"]


@dataclass(slots=True)
class LinkChanges:
    """What the table of links must say before the course goes on. `drops`: (entity, external key).

    `found`: what a look-up has shown. It takes no other link's place or object; one that is there gets its title only.
    `parts`: what parts of objects were given.
    """

    drops: list[tuple[str, str]] = field(default_factory=list)
    puts: list[Link] = field(default_factory=list)
    found: list[Link] = field(default_factory=list)
    parts: list[PartNote] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.drops or self.puts or self.found or self.parts)


class Course(Protocol):
    """`reply` is set when it is over; `letter` then is the error that a person must look at, if any."""

    reply: Reply | None
    letter: PipelineError | None

    def commands(self, now: float) -> list[Command]:
        """What may be sent now; empty when it is over, or nothing is due."""

    def due(self) -> float | None:
        """When something may be sent, or `look` is to be called, if nothing is to be now; None = it is over."""

    def look(self, now: float) -> None:
        """Ask the links again for what is waited for."""

    def mark_sent(self, commands: Iterable[Command], now: float) -> None:
        """These leave now."""

    def not_executed(self, command: Command) -> None:
        """It left, and was refused before it was looked at: it goes again."""

    def is_out(self) -> bool:
        """Has something left whose outcome was not seen?"""

    def take(self, command: Command, result: Result) -> None:
        """What became of one."""

    def links(self) -> LinkChanges:
        """Changes of links since the last time."""

    def progress(self) -> dict[str, Any] | None:
        """What the next owner needs to go on from here; None: nothing but the request itself."""


class OverCourse:
    """A request that is over at once. `letter`: a person must look at it."""

    def __init__(self, reply: Reply, letter: PipelineError | None = None) -> None:
        self.reply: Reply | None = reply
        self.letter = letter

    def commands(self, now: float) -> list[Command]:
        """None."""
        return []

    def due(self) -> float | None:
        """It is over."""
        return None

    def look(self, now: float) -> None:
        """Nothing is waited for."""

    def mark_sent(self, commands: Iterable[Command], now: float) -> None:
        """Nothing leaves."""

    def not_executed(self, command: Command) -> None:
        """Nothing leaves."""

    def is_out(self) -> bool:
        """Nothing leaves."""
        return False

    def take(self, command: Command, result: Result) -> None:
        """Nothing comes back."""

    def links(self) -> LinkChanges:
        """None."""
        return LinkChanges()

    def progress(self) -> dict[str, Any] | None:
        """None."""
        return None


class RefusedCourse(OverCourse):
    """A request that cannot be begun: a person must look at it."""

    def __init__(self, error: PipelineError) -> None:
        super().__init__(failed(error), error)


class CallCourse:
    """A request of one call: its answer is the portal's, byte for byte where it went alone."""

    def __init__(self, method: str, params: Any, body: bytes, env: Env, stamp: str, *, sent_at: float | None) -> None:
        """`sent_at`: when a worker before us sent it, if it is a write."""
        self._run = CallRun(method, params, env, stamp, body=body)
        self.reply: Reply | None = None
        self.letter: PipelineError | None = None
        if sent_at is not None and (command := self._run.command) is not None and command.write:
            self._run.was_sent(sent_at)
            self._look()

    def commands(self, now: float) -> list[Command]:
        """The one command, when it is due."""
        self._run.asked_at = now
        command = self._run.command
        return [command] if command is not None and self._run.due <= now else []

    def due(self) -> float | None:
        """See Course."""
        return None if self._run.command is None else self._run.due

    def look(self, now: float) -> None:
        """A call waits for no link."""

    def mark_sent(self, commands: Iterable[Command], now: float) -> None:
        """The row's state says it all."""

    def not_executed(self, command: Command) -> None:
        """The row's state says it all."""

    def is_out(self) -> bool:
        """See Course."""
        return self._run.open

    def take(self, command: Command, result: Result) -> None:
        """See Course."""
        self._run.take(result)
        self._look()

    def links(self) -> LinkChanges:
        """A call changes no links."""
        return LinkChanges()

    def progress(self) -> dict[str, Any] | None:
        """Nothing beyond the row."""
        return None

    def _look(self) -> None:
        run = self._run
        if isinstance(run.answer, Executed):
            self.reply = Reply(run.answer.status, run.answer.body)
        elif run.fault is not None:
            self.reply = failed(run.fault)
            self.letter = run.fault if run.unsettled else None
