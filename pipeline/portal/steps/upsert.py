"""Add an object, change it, or leave it: by its external key, with the links as memory (issue 4, section 1, point 8).

    link known -> older version: stale | same hash: unchanged | update -> gone in the portal: forget the link, look
                  (a version that cannot be compared is not older)
    no link    -> look in the portal -> found: link, update | not found: add -> link

An add whose outcome nobody knows is looked up like any other missing link, after the portal's time limit. An update
that appends phones and the like reads the object first, and gives it only what it lacks.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.delivery.errors import Permanent, PipelineError, Unknown
from pipeline.portal.entities import PAGE, entity
from pipeline.portal.links.keys import external_key
from pipeline.portal.links.store import Link
from pipeline.portal.links.versions import is_older, kind_of
from pipeline.portal.plan import UpsertStep
from pipeline.portal.steps.appending import Appending, appending
from pipeline.portal.steps.call import MOST_TRIES
from pipeline.portal.steps.command import Command, Executed, LookUp, Refused, Result, Unclear
from pipeline.portal.steps.env import Env
from pipeline.portal.wire.outcomes import is_missing

__all__ = ["UpsertRun", "content_hash"]

log = logging.getLogger(__name__)


def content_hash(fields: Mapping[str, Any]) -> str:
    """The same for the same content, whatever the order of its names."""
    return hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


class UpsertRun:
    """As `CallRun`; when it is over, `done` holds the result of the step: `{"id", "action", "doubles"?}`.

    `link`: what the links must say before anything else happens; the caller writes it, and sets it to None.
    `forget`: the link must be dropped first.
    """

    def __init__(self, step: UpsertStep, fields: Mapping[str, Any], env: Env) -> None:
        """`fields` with their references resolved."""
        self._step = step
        self._kind = entity(step.entity)
        self._external = external_key(step.key.originator, step.key.id)
        self._fields = dict(fields)
        self._hash = step.hash or content_hash(fields)
        self._env = env
        self._phase = ""
        self._tries = 0
        #: a try that has left may have been executed
        self.open = False
        self._added = False
        #: ids that the portal lists, but says are not there
        self._gone: dict[str, PipelineError] = {}
        self._version = step.version
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
        self.forget: tuple[str, str] | None = None
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
        link = self._env.link(self._step.entity, self._external)
        if link is None:
            self._look()
            return
        self._id = link.id
        self._version = link.version if self._version is None else self._version
        older = is_older(self._step.version, link.version)
        if older is None:
            self._tell_kinds(link)
        if older:
            self._finish("stale", write=False)
        elif link.hash == self._hash:
            newer = self._step.version is not None and self._step.version != link.version
            self._finish("unchanged", write=newer)
        else:
            self._update()

    def _tell_kinds(self, link: Link) -> None:
        assert self._step.version is not None and link.version is not None
        log.warning(
            "portal %s: %s %r: version %r (%s) cannot be compared with %r (%s), which was applied; it takes its place",
            self._env.portal,
            self._step.entity,
            self._step.key.id,
            self._step.version,
            kind_of(self._step.version),
            link.version,
            kind_of(link.version),
        )

    def _look(self, due: float = 0.0, *, alone: bool = False) -> None:
        self._phase = "look"
        key = self._step.key
        params = self._kind.lookup_params([key.id], key.originator)
        lookup = None if alone else LookUp(self._kind.name, key.originator, key.id)
        self.command, self.due = Command(self._kind.list_method, params, write=False, lookup=lookup), due

    def _update(self, due: float = 0.0) -> None:
        params = self._kind.update_params(self._id, self._fields)
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
        self.command = Command(
            self._kind.add_method, self._kind.add_params(self._fields, key.id, key.originator), write=True
        )
        self.due = 0.0

    def _looked(self, result: Executed) -> None:
        rows = self._kind.rows(result.content().get("result"))
        key = self._step.key
        named = [row for row in rows if self._kind.is_named(row, key.id, key.originator)]
        found = sorted((number for row in named if (number := self._kind.id_of(row)) is not None), key=int)
        there = [number for number in found if number not in self._gone]
        if not there:
            self._not_found(found, hidden=len(rows) >= PAGE and len(named) < len(rows))
            return
        self._id, *self._doubles = there
        if self._doubles:
            more = " and more" if len(rows) >= PAGE else ""
            log.warning(
                "portal %s: %s %r exists %d times: %s is used, the others are %s%s",
                self._env.portal,
                self._step.entity,
                self._step.key.id,
                len(found),
                self._id,
                ", ".join(self._doubles),
                more,
            )
        if self._added:
            self._finish("added")
            return
        # known before it is changed: else a crash during the change would take the object for one that it has added
        self.link = Link(self._env.portal, self._step.entity, self._external, self._id)
        self._update()

    def _not_found(self, gone: list[str], *, hidden: bool) -> None:
        """`gone`: what the portal lists and cannot change; `hidden`: a full page of others may hide ours."""
        if gone:
            self._end(self._gone[gone[0]])
        elif not hidden:
            self.open = False
            self._add()
        elif self.command is not None and self.command.lookup is not None:
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
        self._id = number
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
            self.forget = (self._step.entity, self._external)
            self.open = False
            if not self._env.add_again:
                self._end(Permanent(f"{self._step.entity} {self._id} was deleted in the portal: {fault}"))
                return
            log.warning(
                "portal %s: %s %s was deleted; its external id %r is looked for",
                self._env.portal,
                self._step.entity,
                self._id,
                self._step.key.id,
            )
            self._look()
        elif self._phase == "look" and self._added:
            self.unsettled = True
            self._end(Unknown(f"nobody knows whether it was added, and looking was refused: {fault}"))
        else:
            self._end(fault)

    def _finish(self, action: str, *, write: bool = True) -> None:
        self.command, self.open = None, False
        for gone in self._gone:
            log.warning(
                "portal %s: %s %s was deleted; %s %s in its place",
                self._env.portal,
                self._step.entity,
                gone,
                self._id,
                action,
            )
        self._env.known.add(self._kind.objects, self._id)
        self.done = {"id": self._id, "action": action}
        if self._doubles:
            self.done["doubles"] = self._doubles
        if write:
            self.forget = None
            self.link = Link(self._env.portal, self._step.entity, self._external, self._id, self._hash, self._version)

    def _end(self, fault: PipelineError) -> None:
        self.command, self.fault, self.open = None, fault, False
