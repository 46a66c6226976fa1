"""Read what the portal has, and make what a rule finds missing (portal/rules.py).

A step of unknown outcome needs no settling of its own: after the portal's time limit the list is read again, and
what was executed shows there.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable
from typing import Any

from pipeline.delivery.errors import Permanent, PipelineError
from pipeline.portal import methods
from pipeline.portal.plan import CallStep, ReconcileStep, UpsertStep
from pipeline.portal.plan_steps import references
from pipeline.portal.rules import rule_named
from pipeline.portal.steps.call import MOST_TRIES
from pipeline.portal.steps.command import Command, Executed, Refused, Result
from pipeline.portal.steps.env import Env

__all__ = ["MOST_PAGES", "ReconcileRun"]

#: Pages of one list; a longer one is a mistake in its filter.
MOST_PAGES = 200

log = logging.getLogger(__name__)


class ReconcileRun:
    """As `CallRun`, but `found` are steps that the caller runs; `made_all` or `start_again` tells how they ended."""

    def __init__(
        self, step: ReconcileStep, params: dict[str, Any], wanted: Any, env: Env, *, empty: bool = False
    ) -> None:
        """`params` and `wanted` with their references resolved; `empty`: nothing can be there, so nothing is read."""
        self._step = step
        self._params = params
        self._wanted = wanted
        self._env = env
        self._rows: list[Any] = []
        self._pages = 0
        self._tries = 0
        self._made = 0
        self.unsettled = False
        self.due = 0.0
        self.command: Command | None = None
        self.found: list[CallStep | UpsertStep] | None = None
        self.done: dict[str, Any] | None = None
        self.fault: PipelineError | None = None
        if empty:
            self._ask()
        else:
            self._read()

    def was_sent(self, sent_at: float) -> None:
        """A step of ours was sent by a worker before us: what it did shows in the list when it is surely over."""
        self.due = sent_at + self._env.request_limit

    def take(self, result: Result) -> None:
        """What became of the list call."""
        if isinstance(result, Refused):
            self.command, self.fault = None, result.fault
        elif isinstance(result, Executed):
            self._page(result.content())

    def made_all(self) -> None:
        """All steps that were found have been made."""
        self._made += len(self.found or ())
        self.done = {"made": self._made}

    def start_again(self, sent_at: float, fault: PipelineError, made: int) -> None:
        """The outcome of a found step is unknown; `made` of the others have been made."""
        self._tries += 1
        self._made += made
        self.found = None
        if self._tries > MOST_TRIES:
            self.unsettled = True
            self.fault = fault
            return
        self._read(sent_at + self._env.request_limit)

    def _read(self, due: float = 0.0) -> None:
        self._rows, self._pages = [], 0
        self.command, self.due = Command(self._step.method, self._params, write=False), due

    def _page(self, content: dict[str, Any]) -> None:
        self._rows += _rows_of(content.get("result"))
        self._pages += 1
        following = content.get("next")
        if following is not None and methods.canonical(self._step.method).endswith(".list"):
            if self._pages >= MOST_PAGES:
                self.command = None
                self.fault = Permanent(f"{self._step.method} has more than {MOST_PAGES} pages")
                return
            self.command, self.due = Command(self._step.method, {**self._params, "start": following}, write=False), 0.0
            return
        self._ask()

    def _ask(self) -> None:
        """The rule, about the rows that were read."""
        self.command = None
        try:
            self.found = _checked(rule_named(self._step.rule)(self._rows, copy.deepcopy(self._wanted)))
        except PipelineError as error:
            self.fault = error
        except Exception as error:
            # a defect of one rule must not end the worker, and with it all portals, again and again
            log.exception("rule %s failed", self._step.rule)
            self.fault = Permanent(f"rule {self._step.rule} failed: {type(error).__name__}: {error}")


def _checked(found: Iterable[Any]) -> list[CallStep | UpsertStep]:
    """Steps that may run side by side. Raises ValueError."""
    steps = list(found)
    objects: set[tuple[str, str, str]] = set()
    for step in steps:
        if not isinstance(step, CallStep | UpsertStep):
            raise ValueError(f"{type(step).__name__} is no step that a rule may give")
        if any(references(step)):
            raise ValueError(f"step {step.name!r} refers to another: they run side by side")
        if isinstance(step, CallStep) and step.part is not None:
            raise ValueError(f"step {step.name!r} has a part: that belongs to the step of the rule")
        if isinstance(step, UpsertStep):
            if step.identity in objects:
                raise ValueError(f"two steps upsert {step.entity} {step.key.id!r}")
            objects.add(step.identity)
    return steps


def _rows_of(result: Any) -> list[Any]:
    """Rows of a list, however it is wrapped; one object is a list of one."""
    if isinstance(result, list):
        return result
    if isinstance(result, dict) and len(result) == 1 and isinstance(inner := next(iter(result.values())), list):
        return inner
    return [] if result is None else [result]
