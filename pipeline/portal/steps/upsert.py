"""Add an object, change it, or leave it: by its external key, with the links as memory (issue 4, section 1, point 8).

    link known -> older version: stale | same hash: unchanged | update -> gone in the portal: forget the link, look
                  (a version that cannot be compared is not older)
    no link    -> look in the portal -> found: link, update | not found: add -> link
                  (`new`: add without a look; `once`: what is there, or linked, stays as it is)

An add whose outcome nobody knows is looked up like any other missing link, after the portal's time limit. An update
that appends phones and the like reads the object first, and gives it only what it lacks.

An add or update that is refused with a code of the step's `fallback` is made once more with its fields. That changes
nothing of what is remembered: content that is the same makes no call, whichever of the two the portal has taken. Nor is
it noted that it was refused: the next owner asks once more, and is refused once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.delivery.errors import Permanent, PipelineError, Unknown
from pipeline.portal.entities import PAGE, Inside, entity
from pipeline.portal.links.store import Link
from pipeline.portal.links.versions import is_older
from pipeline.portal.plan import UpsertStep
from pipeline.portal.steps.appending import Appending, appending
from pipeline.portal.steps.call import MOST_TRIES
from pipeline.portal.steps.command import Command, Executed, LookUp, Refused, Result, Unclear
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.upsert_log import tell_deleted, tell_doubles, tell_fallback, tell_kinds, tell_replaced
from pipeline.portal.steps.upsert_memory import Memory
from pipeline.portal.wire.faults import PortalPermanent
from pipeline.portal.wire.outcomes import is_missing

__all__ = ["UpsertRun"]

#: name of the fallback's fields within the content; no field of a portal has such a name
_INSTEAD = "$fallback"


class UpsertRun:
    """As `CallRun`; when it is over, `done` holds the result: `{"id", "action", "doubles"?, "fallback"?}`.

    `link`, `alias`: what the links must say before anything else happens; the caller writes them, and sets both to
    None. `forget`: links that must be dropped first, (entity, external key); the caller empties it.
    `is_new`: the portal has just answered that it made the object. `fell_back`: with the fallback's fields.
    """

    def __init__(
        self,
        step: UpsertStep,
        fields: Mapping[str, Any],
        env: Env,
        inside: Inside = (),
        *,
        force: bool = False,
        was_listed: bool = False,
        instead: Mapping[str, Any] | None = None,
    ) -> None:
        """`fields` with their references resolved; `inside`: where the object lies; `force`: whatever the hash says.

        `instead`: the fallback's fields, with their references resolved, where there is one.

        `was_listed`: the portal has just shown what is there, so a link to what is `new` leads nowhere.
        """
        self._step = step
        self._kind = entity(step.entity)
        self._fields = dict(fields)
        self._inside = inside
        #: fields that are given when those of the step are refused; None: there is no such way, or it was taken
        self._instead = None if step.fallback is None else dict(instead or {})
        self._memory = Memory(step, {**fields, **({_INSTEAD: instead} if instead else {})}, inside, env)
        self._force = force
        self._was_listed = was_listed
        self._env = env
        self._phase = ""
        self._tries = 0
        #: a try that has left may have been executed
        self.open = False
        self._added = False
        #: ids that the portal lists, but says are not there
        self._gone: dict[str, PipelineError] = {}
        self._appending: Appending | None = None
        self._doubles: list[str] = []
        self._id = ""
        self.sent_at = 0.0
        self.due = 0.0
        self.command: Command | None = None
        self.done: dict[str, Any] | None = None
        self.fault: PipelineError | None = None
        self.unsettled = False
        self.link: Link | None = None
        self.alias: Link | None = None
        self.forget: list[tuple[str, str]] = []
        self.is_new = False
        self.fell_back = False
        self._begin()

    @property
    def adds(self) -> bool:
        """Is `command` the add?"""
        return self._phase == "add"

    def was_sent(self, sent_at: float, *, added: bool) -> None:
        """A worker before us sent a call of this step at `sent_at` and did not live to see its answer.

        `added`: that was the add, so what a look-up finds is what it has made; else it was there before.
        """
        if self.command is None:
            return  # the links know its outcome
        if self._phase == "add":
            self._look()
        self.due = sent_at + self._env.request_limit
        self.open = True
        self._added = added and self._phase == "look"

    def take(self, result: Result) -> None:
        """What became of `command`."""
        if isinstance(result, Unclear):
            self._unknown(result)
        elif isinstance(result, Refused):
            self._refused(result.fault)
        elif self._phase == "look":
            self._looked(result)
        elif self._phase == "read":
            self._was_read(result)
        elif self._phase == "add":
            self._was_added(result)
        else:
            self._finish("updated")

    def _begin(self) -> None:
        link = self._memory.before
        if self._step.new and (link is None or self._was_listed):
            if link is not None:
                # should the add be executed unseen, a find after it must look, not meet what is gone
                self.forget = self._memory.forgotten(link.id)
            self._add()
            return
        if link is None:
            self._look()
            return
        self._id = link.id
        if self._step.once:
            self._finish("found", write=False)
            return
        older = is_older(self._step.version, link.version)
        if older is None:
            tell_kinds(self._env.portal, self._step, link)
        if older:
            self._finish("stale", write=False)
        elif link.hash == self._memory.hash and not self._force:
            self._finish("unchanged", write=self._memory.has_news)
        else:
            self._update()

    def _look(self, due: float = 0.0, *, alone: bool = False) -> None:
        self._phase = "look"
        key = self._step.key
        params = self._kind.lookup_params([key.id], key.originator, self._inside)
        lookup = None if alone else LookUp(self._kind.name, key.originator, key.id, self._inside)
        self.command, self.due = Command(self._kind.list_method, params, write=False, lookup=lookup), due

    def _update(self, due: float = 0.0) -> None:
        params = self._kind.update_params(self._id, self._fields, self._step.key.id, self._inside)
        self._appending = appending(self._kind.update_method, params)
        if self._appending is not None:
            self._phase, self.command = "read", self._appending.look()
        else:
            self._phase, self.command = "update", Command(self._kind.update_method, params, write=True)
        self.due = due

    def _was_read(self, result: Executed) -> None:
        assert self._appending is not None
        params = self._appending.mended(result.content())
        if params is None:
            self._finish("updated")
            return
        self._phase, self.command, self.due = "update", Command(self._kind.update_method, params, write=True), 0.0

    def _add(self) -> None:
        self._phase = "add"
        key = self._step.key
        params = self._kind.add_params(self._fields, key.id, key.originator, self._inside)
        self.command, self.due = Command(self._kind.add_method, params, write=True), 0.0

    def _looked(self, result: Executed) -> None:
        rows = self._kind.rows(result.content().get("result"))
        full = len(rows) >= PAGE
        named = self._named(rows, exactly=self._added or (full and self._is_shared))
        found = sorted((number for row in named if (number := self._kind.id_of(row)) is not None), key=int)
        there = [number for number in found if number not in self._gone]
        if not there:
            self._not_found(found, hidden=full and len(named) < len(rows))
            return
        self._id, *self._doubles = there
        if self._doubles:
            tell_doubles(self._env.portal, self._step, len(found), self._id, self._doubles, full=full)
        if self._added or self._step.once:
            self._finish("added" if self._added else "found")
            return
        # known before it is changed: else a crash during the change would take the object for one that it has added
        self.link, self.alias = self._memory.found(self._id), self._memory.alias(self._id)
        self._update()

    @property
    def _is_shared(self) -> bool:
        """Does the look-up travel with others, whose rows may hide some of ours?"""
        return self.command is not None and self.command.lookup is not None

    def _named(self, rows: list[dict[str, Any]], *, exactly: bool) -> list[Mapping[str, Any]]:
        key = self._step.key
        return self._kind.named(rows, key.id, key.originator, self._inside, exactly=exactly)

    def _not_found(self, gone: list[str], *, hidden: bool) -> None:
        """`gone`: what the portal lists and cannot change; `hidden`: a full page of others may hide ours."""
        if gone:
            self._end(self._gone[gone[0]])
        elif not hidden:
            self.open = False
            self._add()
        elif self._is_shared:
            self._look(alone=True)
        else:
            fault = f"looking for {self._step.entity} {self._step.key.id!r} answers a full page of others"
            self.unsettled = self._added
            self._end(Unknown(fault) if self._added else Permanent(fault))

    def _was_added(self, result: Executed) -> None:
        number = self._kind.made(result.content().get("result"))
        if number is None:
            self._end(Permanent(f"{self._kind.add_method} answered no id"))
            return
        self._id, self.is_new = number, True
        self._finish("added")

    def _unknown(self, result: Unclear) -> None:
        self.sent_at = result.sent_at
        self.open = True
        self._tries += 1
        if not self._env.settle:
            self.due = 0.0
        elif self._tries > MOST_TRIES:
            self.unsettled = True
            self._end(result.fault)
        elif self._phase == "add":
            self._added = True
            self._look(result.sent_at + self._env.request_limit)
        elif self._appending is not None:
            self._update(result.sent_at + self._env.request_limit)
        else:
            self.due = result.sent_at + self._env.request_limit

    def _refused(self, fault: PipelineError) -> None:
        if self._phase in ("read", "update") and is_missing(fault):
            self._gone[self._id] = fault
            self.forget = self._memory.forgotten(self._id)
            self.open = False
            if not self._env.add_again:
                self._end(Permanent(f"{self._step.entity} {self._id} was deleted in the portal: {fault}"))
                return
            tell_deleted(self._env.portal, self._step, self._id)
            self._look()
        elif self._phase in ("add", "update") and self._falls_back(fault):
            assert self._instead is not None
            tell_fallback(self._env.portal, self._step, fault)
            self._fields, self._instead, self.fell_back = {**self._fields, **self._instead}, None, True
            if self._phase == "add":
                self._add()
            else:
                self._update()
        elif self._phase == "look" and self._added:
            self.unsettled = True
            self._end(Unknown(f"nobody knows whether it was added, and looking was refused: {fault}"))
        else:
            self._end(fault)

    def _falls_back(self, fault: PipelineError) -> bool:
        fallback = self._step.fallback
        if fallback is None or self._instead is None or not isinstance(fault, PortalPermanent):
            return False
        return fallback.holds_for(fault.code)

    def _finish(self, action: str, *, write: bool = True) -> None:
        self.command, self.open = None, False
        tell_replaced(self._env.portal, self._step, self._gone, self._id, action)
        self._env.known.add(self._kind.objects, self._id)
        self.done = {"id": self._id, "action": action}
        if self._doubles:
            self.done["doubles"] = self._doubles
        if self.fell_back:
            self.done["fallback"] = True
        if write:
            self.link = self._memory.done(self._id)
        if action != "stale":
            self.alias = self._memory.alias(self._id)

    def _end(self, fault: PipelineError) -> None:
        if self.open and self._phase in ("read", "update"):
            self.link = self._memory.doubted(self._id)
        self.command, self.fault, self.open = None, fault, False
