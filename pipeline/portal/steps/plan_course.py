"""The course of a plan: its steps, each when what it waits for is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from pipeline.delivery.errors import Oversize, Permanent, PipelineError
from pipeline.portal.entities import inside_of
from pipeline.portal.plan import CallStep, FindStep, Plan, ReconcileStep, UpsertStep
from pipeline.portal.plan_steps import AnyStep
from pipeline.portal.requests.answers import Reply
from pipeline.portal.steps.call import CallRun
from pipeline.portal.steps.command import Command, Result, Unclear
from pipeline.portal.steps.course import LinkChanges
from pipeline.portal.steps.env import Env, Stamp
from pipeline.portal.steps.find import FindRun
from pipeline.portal.steps.part_guard import PartGuard, content_of, doubted
from pipeline.portal.steps.plan_end import PlanEnd, plan_end
from pipeline.portal.steps.plan_links import PlanLinks
from pipeline.portal.steps.plan_results import error_result, failure, found_name, result_of, success
from pipeline.portal.steps.reconcile import ReconcileRun
from pipeline.portal.steps.refs import resolve
from pipeline.portal.steps.upsert import UpsertRun

__all__ = ["PlanCourse"]

_Run = CallRun | UpsertRun | ReconcileRun | FindRun


class PlanCourse:
    """See `Course`. Results by step: `{"id", "action"}`, `{"result"}`, `{"made"}`, or `{"error", ...}` if optional."""

    def __init__(
        self,
        plan: Plan,
        env: Env,
        stamp: Stamp,
        progress: dict[str, Any] | None,
        *,
        sent_at: float | None,
        accepted: float = 0.0,
    ) -> None:
        """`progress` and `sent_at` as the worker before us left them; `accepted`: when the plan was, unix seconds."""
        self._links = PlanLinks(env.link)
        self._env = replace(env, link=self._links.get)
        self._stamp = stamp
        self._accepted = accepted
        self._plan = plan
        self._steps = plan.steps
        self._needs = plan.needs()
        self._referred = plan.referred()
        self._results: dict[str, Any] = dict((progress or {}).get("results", {}))
        #: steps whose writes have left and whose outcome was not seen yet: when, and is it the add of an upsert
        self._sent: dict[str, dict[str, Any]] = dict((progress or {}).get("sent", {})) if sent_at is not None else {}
        #: those of them that a worker before us has sent, until they have begun here
        self._inherited = set(self._sent)
        #: bytes of the results
        self._taken = len(orjson.dumps(self._results))
        #: has a write of the plan left, from here or before?
        self._has_written = progress is not None
        #: upserts that have added their objects before this worker's eyes
        self._fresh: set[str] = set()
        self._guards: dict[str, PartGuard] = {}
        self._runs: dict[str, _Run] = {}
        #: steps that have not begun, and runs that something has happened to: plans and what rules find are long
        self._open = {step.name: step for step in self._steps if step.name not in self._results}
        self._touched: dict[str, None] = {}
        #: by command that was asked for last: whose it is
        self._asked: dict[int, tuple[str, _Run]] = {}
        #: by reconcile step: the runs of what its rule found
        self._found: dict[str, list[CallRun | UpsertRun]] = {}
        #: how many of them are not over
        self._left: dict[str, int] = {}
        self._restart: dict[str, Unclear] = {}
        self._failed: tuple[str, PipelineError] | None = None
        self.reply: Reply | None = None
        self.letter: PipelineError | None = None
        self._advance()

    def commands(self, now: float) -> list[Command]:
        """All that is due, in order of the steps."""
        self._begin_again()
        self._asked.clear()
        commands = []
        for name, run in self._active():
            if isinstance(run, CallRun) or (isinstance(run, FindRun) and run.command is not None):
                run.asked_at = now
            if run.command is not None and run.due <= now:
                self._asked[id(run.command)] = name, run
                commands.append(run.command)
        return commands

    def due(self) -> float | None:
        """See Course."""
        runs = [run for _, run in self._active() if run.command is not None or getattr(run, "waiting", False)]
        return min((run.due for run in runs), default=None)

    def look(self, now: float) -> None:
        """See Course."""
        waiting = [(name, run) for name, run in self._runs.items() if isinstance(run, FindRun) and run.waiting]
        for name, run in waiting:
            run.look(now)
            self._touched[name] = None
        if waiting:
            self._advance()

    def end(self) -> PlanEnd:
        """What is to be known of a plan that is over, beside its answer."""
        return plan_end(self._plan, self._results, failed=self._failed is not None)

    def mark_sent(self, commands: Iterable[Command], now: float) -> None:
        """See Course."""
        leaving = {id(command) for command in commands if command.write}
        for name, run in self._active():
            if id(run.command) in leaving:
                self._sent[name] = {"at": now, "add": isinstance(run, UpsertRun) and run.adds}
                self._has_written = True

    def not_executed(self, command: Command) -> None:
        """See Course."""
        for name, run in self._active():
            if run.command is command and name not in self._found and not getattr(run, "open", False):
                self._sent.pop(name, None)

    def is_out(self) -> bool:
        """See Course."""
        return bool(self._sent)

    def take(self, command: Command, result: Result) -> None:
        """See Course."""
        name, run = self._asked.get(id(command), ("", None))
        if run is not None and run.command is command and (self._runs.get(name) is run or name in self._found):
            self._give(name, run, result)
            self._touched[name] = None
        self._advance()

    def links(self) -> LinkChanges:
        """See Course."""
        return self._links.taken()

    def progress(self) -> dict[str, Any] | None:
        """Results so far, and which steps are out."""
        return {"results": dict(self._results), "sent": dict(self._sent)}

    # -- steps

    def _give(self, name: str, run: _Run, result: Result) -> None:
        if isinstance(result, Unclear) and name in self._found and isinstance(run, CallRun) and self._env.settle:
            self._restart[name] = result
            return
        run.take(result)
        if self._runs[name] is not run:
            assert isinstance(run, CallRun | UpsertRun)
            self._links.collect(run)
            self._left[name] -= _is_made(run)
        elif not isinstance(run, ReconcileRun) and not run.open:
            self._sent.pop(name, None)

    def _begin_again(self) -> None:
        """Nothing is out: found steps whose outcome is unknown, or that failed, are judged together.

        Unknown: the list is read again, later. Another one's failure waits for that, too: what the portal has yet to
        do would come after the plan's end, and beside the next plan.
        """
        judged = bool(self._restart)
        for name, found in self._found.items():
            failed = next((one for one in found if one.fault is not None), None)
            if failed is None or failed.fault is None or name in self._restart:
                continue
            judged = True
            self._touched[name] = None
            late = [one.sent_at for one in found if one.open]
            if late:
                self._restart[name] = Unclear(failed.fault, max(late))
            else:
                run = self._runs[name]
                assert isinstance(run, ReconcileRun)
                run.fault, run.unsettled = failed.fault, failed.unsettled
        for name, unclear in self._restart.items():
            run = self._runs[name]
            assert isinstance(run, ReconcileRun)
            self._touched[name] = None
            made = sum(map(_is_made, self._found.pop(name, ())))
            run.start_again(unclear.sent_at, unclear.fault, made)
        self._restart.clear()
        if judged:
            self._advance()

    def _advance(self) -> None:
        """Note what is over, begin what may begin, until nothing changes."""
        changed = True
        while changed and self.reply is None:
            changed = self._collect() or self._begin()
        if self.reply is None and not self._runs:
            self._finish()

    def _collect(self) -> bool:
        changed = False
        touched, self._touched = self._touched, {}
        for name in touched:
            if (run := self._runs.get(name)) is None:
                continue
            self._collect_found(name, run)
            self._links.collect(run)
            fault, done = run.fault, run.answer if isinstance(run, CallRun) else run.done
            if fault is None and done is None:
                continue
            changed = True
            del self._runs[name]
            self._found.pop(name, None)
            self._sent.pop(name, None)
            guard = self._guards.pop(name, None)
            if fault is not None:
                self._step_failed(name, fault, run.unsettled)
                continue
            try:
                result, self._taken = result_of(done, is_referred=name in self._referred, taken=self._taken)
            except Oversize as error:
                self._step_failed(name, error, False)
                continue
            self._results[name] = result
            if guard is not None:
                self._links.note(guard.note)
            if isinstance(run, UpsertRun) and run.is_new:
                self._fresh.add(name)
        return changed

    def _collect_found(self, name: str, run: _Run) -> None:
        """How far the steps are that a rule found."""
        if not isinstance(run, ReconcileRun) or run.found is None:
            return
        if name not in self._found:
            found = self._found[name] = [
                self._found_run(step, found_name(name, n, step)) for n, step in enumerate(run.found)
            ]
            for one in found:
                self._links.collect(one)
            self._left[name] = len(found) - sum(map(_is_made, found))
        if name not in self._restart and not self._left[name]:
            del self._found[name]
            run.made_all()

    def _begin(self) -> bool:
        changed = False
        if self._failed is not None:
            for name in [name for name in self._runs if name not in self._sent]:
                del self._runs[name]
                self._found.pop(name, None)
            return False
        for step in [step for name, step in self._open.items() if self._results.keys() >= self._needs[name]]:
            changed = True
            del self._open[step.name]
            self._touched[step.name] = None
            try:
                if self._is_unchanged(step):
                    continue
                run = self._runs[step.name] = self._new(step)
            except LookupError as error:
                self._step_failed(step.name, Permanent(str(error.args[0])), False)
                return True
            if step.name in self._inherited:
                self._inherited.discard(step.name)
                self._was_sent(run, self._sent[step.name])
        return changed

    def _was_sent(self, run: _Run, sent: dict[str, Any]) -> None:
        if isinstance(run, UpsertRun):
            run.was_sent(sent["at"], added=sent["add"])
        elif isinstance(run, ReconcileRun) or (isinstance(run, CallRun) and run.command and run.command.write):
            run.was_sent(sent["at"])

    def _is_unchanged(self, step: AnyStep) -> bool:
        """Has the object the step's part already? Raises LookupError."""
        if not isinstance(step, CallStep | ReconcileStep) or step.part is None:
            return False
        guard = PartGuard(step.part, content_of(step, self._results), self._env, force=self._plan.force)
        if guard.done is None:
            self._guards[step.name] = guard
            return False
        self._results[step.name] = guard.done
        self._links.note(guard.note)
        self._inherited.discard(step.name)
        self._sent.pop(step.name, None)
        return True

    def _new(self, step: AnyStep) -> _Run:
        """The run of a step. Raises LookupError: it refers to nothing."""
        results, env = self._results, self._env
        if isinstance(step, CallStep):
            return CallRun(step.method, resolve(step.params, results), env, self._stamp.external(step.name))
        if isinstance(step, UpsertStep):
            inside = inside_of(resolve(step.within, results))
            instead = None if step.fallback is None else resolve(step.fallback.fields, results)
            return UpsertRun(step, resolve(step.fields, results), env, inside, force=self._plan.force, instead=instead)
        if isinstance(step, FindStep):
            return FindRun(step, resolve(step.within, results), env, accepted=self._accepted)
        # what another worker has begun is read: something may be there by now
        empty = step.unless_new in self._fresh and step.name not in self._inherited
        return ReconcileRun(step, resolve(step.params, results), resolve(step.wanted, results), env, empty=empty)

    def _found_run(self, step: CallStep | UpsertStep, name: str) -> CallRun | UpsertRun:
        """The run of a step that a rule found. It refers to nothing."""
        if isinstance(step, CallStep):
            return CallRun(step.method, step.params, self._env, self._stamp.external(name))
        inside, instead = inside_of(step.within), None if step.fallback is None else step.fallback.fields
        return UpsertRun(step, step.fields, self._env, inside, force=self._plan.force, was_listed=True, instead=instead)

    def _active(self) -> list[tuple[str, _Run]]:
        """Runs by step, but for what was found by rules that are to be asked anew."""
        active: list[tuple[str, _Run]] = []
        for name, run in self._runs.items():
            active.append((name, run))
            if name not in self._restart:
                active += [(name, found) for found in self._found.get(name, ())]
        return active

    # -- the end

    def _step_failed(self, name: str, fault: PipelineError, unsettled: bool) -> None:
        step = next(step for step in self._steps if step.name == name)
        if step.optional and not unsettled:
            self._results[name] = error_result(fault)
            self._doubt(step)
        elif self._failed is None:
            self._failed = name, fault

    def _finish(self) -> None:
        if self._failed is None:
            self.reply = success(self._results)
            return
        for step in self._steps:
            if step.name not in self._results:
                self._doubt(step)
        self.reply, self.letter = failure(*self._failed, self._results), self._failed[1]

    def _doubt(self, step: AnyStep) -> None:
        """It was not made, or not to its end: what was noted before of its part may not be so any more."""
        if self._has_written and isinstance(step, CallStep | ReconcileStep) and step.part is not None:
            self._links.note(doubted(step.part, self._env))


def _is_made(run: CallRun | UpsertRun) -> bool:
    """Of a step that a rule found: is it over, and well?"""
    return run.command is None and run.fault is None
