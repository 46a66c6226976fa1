"""The course of a plan: its steps, each when what it waits for is done."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from pipeline.delivery.errors import Permanent, PipelineError
from pipeline.portal.links.store import Link
from pipeline.portal.plan import CallStep, FindStep, Plan, UpsertStep
from pipeline.portal.plan_steps import AnyStep
from pipeline.portal.requests.answers import Reply, code_of
from pipeline.portal.steps.call import CallRun
from pipeline.portal.steps.command import Command, Executed, Result, Unclear
from pipeline.portal.steps.course import LinkChanges
from pipeline.portal.steps.env import Env, Stamp
from pipeline.portal.steps.find import FindRun
from pipeline.portal.steps.plan_end import PlanEnd, plan_end
from pipeline.portal.steps.reconcile import ReconcileRun
from pipeline.portal.steps.refs import resolve
from pipeline.portal.steps.upsert import UpsertRun
from pipeline.portal.wire.faults import PortalFault

__all__ = ["PlanCourse"]

#: Bytes; a longer answer of a call that no later step refers to is left out: results travel with the row.
LONGEST_RESULT = 262_144

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
        self._env = replace(env, link=self._link)
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
        self._link_before = env.link
        #: links that this plan has changed and that may be on their way to the table
        self._changed: dict[tuple[str, str], Link | None] = {}
        self._runs: dict[str, _Run] = {}
        #: by reconcile step: the runs of what its rule found
        self._found: dict[str, list[CallRun | UpsertRun]] = {}
        self._restart: dict[str, Unclear] = {}
        self._changes = LinkChanges()
        self._failed: tuple[str, PipelineError] | None = None
        self.reply: Reply | None = None
        self.letter: PipelineError | None = None
        self._advance()

    def commands(self, now: float) -> list[Command]:
        """All that is due, in order of the steps."""
        self._begin_again()
        for _, run in self._active():
            if isinstance(run, CallRun | FindRun):
                run.asked_at = now
        return [run.command for _, run in self._active() if run.command is not None and run.due <= now]

    def due(self) -> float | None:
        """See Course."""
        return min((run.due for _, run in self._active() if run.command is not None or _waits(run)), default=None)

    def look(self, now: float) -> None:
        """See Course."""
        waiting = [run for run in self._runs.values() if isinstance(run, FindRun) and run.waiting]
        for run in waiting:
            run.look(now)
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
        for name, run in self._active(restarting=True):
            if run.command is command:
                self._give(name, run, result)
                break
        self._advance()

    def links(self) -> LinkChanges:
        """See Course."""
        changes, self._changes = self._changes, LinkChanges()
        return changes

    def progress(self) -> dict[str, Any] | None:
        """Results so far, and which steps are out."""
        return {"results": dict(self._results), "sent": dict(self._sent)}

    # -- steps

    def _give(self, name: str, run: _Run, result: Result) -> None:
        if isinstance(result, Unclear) and name in self._found and isinstance(run, CallRun) and self._env.settle:
            self._restart[name] = result
            return
        run.take(result)
        if not isinstance(run, ReconcileRun) and not run.open and name not in self._found:
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
            made = sum(one.command is None and one.fault is None for one in self._found.pop(name, ()))
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
        for name, run in list(self._runs.items()):
            self._collect_found(name, run)
            if isinstance(run, UpsertRun):
                self._collect_links(run)
            elif isinstance(run, FindRun):
                self._collect_found_links(run)
            fault, done = run.fault, run.answer if isinstance(run, CallRun) else run.done
            if fault is None and done is None:
                continue
            changed = True
            del self._runs[name]
            self._found.pop(name, None)
            self._sent.pop(name, None)
            if fault is not None:
                self._step_failed(name, fault, run.unsettled)
            else:
                self._results[name] = _result(done, name in self._referred)
        return changed

    def _collect_found(self, name: str, run: _Run) -> None:
        """How far the steps are that a rule found."""
        if not isinstance(run, ReconcileRun) or run.found is None:
            return
        if name not in self._found:
            self._found[name] = [self._new(step, _found_name(name, n, step), {}) for n, step in enumerate(run.found)]
        for found in self._found[name]:
            if isinstance(found, UpsertRun):
                self._collect_links(found)
        if name not in self._restart and all(one.command is None and one.fault is None for one in self._found[name]):
            del self._found[name]
            run.made_all()

    def _collect_links(self, run: UpsertRun) -> None:
        if run.forget is not None:
            self._changes.drops.append(run.forget)
            self._changed[run.forget] = None
            run.forget = None
        if run.link is not None:
            self._changes.puts.append(run.link)
            self._changed[run.link.entity, run.link.external] = run.link
            run.link = None

    def _collect_found_links(self, run: FindRun) -> None:
        for link in run.links:
            self._changes.found.append(link)
            self._changed[link.entity, link.external] = link
        run.links.clear()

    def _link(self, entity: str, external: str) -> Link | None:
        place = entity, external
        return self._changed[place] if place in self._changed else self._link_before(entity, external)

    def _begin(self) -> bool:
        changed = False
        if self._failed is not None:
            for name in [name for name in self._runs if name not in self._sent]:
                del self._runs[name]
                self._found.pop(name, None)
            return False
        for step in self._steps:
            if (
                step.name in self._results
                or step.name in self._runs
                or not self._needs[step.name] <= set(self._results)
            ):
                continue
            changed = True
            try:
                run = self._runs[step.name] = self._new(step, step.name, self._results)
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
        elif not isinstance(run, CallRun) or (run.command is not None and run.command.write):
            run.was_sent(sent["at"])

    def _new(self, step: AnyStep, name: str, results: dict[str, Any]) -> Any:
        if isinstance(step, CallStep):
            return CallRun(step.method, resolve(step.params, results), self._env, self._stamp.external(name))
        if isinstance(step, UpsertStep):
            return UpsertRun(step, resolve(step.fields, results), self._env)
        if isinstance(step, FindStep):
            return FindRun(step, resolve(step.within, results), self._env, accepted=self._accepted)
        return ReconcileRun(step, resolve(step.params, results), resolve(step.wanted, results), self._env)

    def _active(self, *, restarting: bool = False) -> list[tuple[str, _Run]]:
        """Runs by step. `restarting`: also those of rules that are to be asked anew."""
        active: list[tuple[str, _Run]] = []
        for name, run in self._runs.items():
            active.append((name, run))
            if restarting or name not in self._restart:
                active += [(name, found) for found in self._found.get(name, ())]
        return active

    # -- the end

    def _step_failed(self, name: str, fault: PipelineError, unsettled: bool) -> None:
        step = next(step for step in self._steps if step.name == name)
        if step.optional and not unsettled:
            self._results[name] = {"error": _code(fault), "error_description": str(fault)}
        elif self._failed is None:
            self._failed = name, fault

    def _finish(self) -> None:
        if self._failed is None:
            self.reply = Reply(200, orjson.dumps({"plan": 1, "steps": self._results}))
            return
        name, fault = self._failed
        answer = fault.answer if isinstance(fault, PortalFault) else None
        body = {
            "error": _code(fault),
            "error_description": f"step {name!r}: {fault}",
            "plan": 1,
            "step": name,
            "steps": self._results,
        }
        status = answer.status if answer is not None else 0
        self.reply = Reply(status, orjson.dumps(body), fault.error_class)
        self.letter = fault


def _waits(run: _Run) -> bool:
    return isinstance(run, FindRun) and run.waiting


def _found_name(name: str, number: int, step: CallStep | UpsertStep) -> str:
    """For the stamp of a step that a rule found: another one when the rule, asked anew, gives another step there."""
    content = orjson.dumps(step.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return f"{name}.{number}.{hashlib.sha256(content).hexdigest()[:8]}"


def _code(fault: PipelineError) -> str:
    return fault.code if isinstance(fault, PortalFault) and fault.code else code_of(fault)


def _result(done: Any, is_referred: bool) -> Any:
    if isinstance(done, Executed):
        if len(done.body) > LONGEST_RESULT and not is_referred:
            return {"omitted": len(done.body)}
        return {key: value for key, value in done.content().items() if key in ("result", "total", "next")}
    return done
