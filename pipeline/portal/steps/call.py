"""One call, made until its outcome is known: executed, refused, or settled by a look-up (settle.py).

call -> executed | refused
     -> unclear -> (the portal's time limit passes) -> look -> found -> (read) -> executed
                                                            -> not found -> call
"""

from __future__ import annotations

from typing import Any

import orjson

from pipeline.delivery.errors import PipelineError, Unknown
from pipeline.portal import methods
from pipeline.portal.entities import entity_of_add
from pipeline.portal.steps.appending import Appending
from pipeline.portal.steps.command import Command, Executed, Refused, Result, Unclear
from pipeline.portal.steps.env import Env
from pipeline.portal.steps.settle import Again, ByExternal, ByNatural, Found, Look, settlement
from pipeline.portal.steps.stamp import brings_none, exactly_named, stamped
from pipeline.portal.wire.outcomes import is_missing

__all__ = ["MOST_TRIES", "CallRun"]

#: A write that was looked for and not found so many times is given up: it ends the portal's patience each time.
MOST_TRIES = 10


class CallRun:
    """`command` is what goes next (None = over), not before `due` (unix seconds); then `answer` or `fault` is set.

    `unsettled`: given up without knowing the outcome, a person must look. `open`: a try that has left may have been
    executed.
    """

    def __init__(self, method: str, params: Any, env: Env, stamp: str, *, body: bytes = b"") -> None:
        """`stamp`: the external id that an add without one gets; `body`: the parameters as they came."""
        self._env = env
        self._stamped = False
        write = not methods.is_read(method, params)
        name = methods.canonical(method)
        kind = entity_of_add(name, params) if write else None
        if kind is not None:
            named = exactly_named(kind, params)
            if env.stamp and brings_none(kind, named):
                named, self._stamped = stamped(kind, named, stamp), True
            try:
                body = orjson.dumps(named) if named != params else body
                params = named
            except TypeError:
                self._stamped = False  # nested deeper than we can write: it goes as it came
        self._call = Command(method, params, write, body)
        self._settlement = settlement(name, params, own=not self._stamped) if write else None
        self._phase = "call"
        self._found: Found | None = None
        self._unclear = False
        self.open = False
        self._tries = 0
        self.sent_at = 0.0
        self.due = 0.0
        #: when `command` was last asked for, unix seconds
        self.asked_at: float | None = None
        self.command: Command | None = self._call
        self.answer: Executed | None = None
        self.fault: PipelineError | None = None
        self.unsettled = False

    def was_sent(self, sent_at: float) -> None:
        """A worker before us sent the call at `sent_at` and did not live to see its answer."""
        self.take(Unclear(Unknown("the worker ended before the answer came"), sent_at))

    def take(self, result: Result) -> None:
        """What became of `command`."""
        if isinstance(result, Unclear):
            self._unknown(result)
        elif self._phase == "call":
            self._called(result)
        elif isinstance(result, Refused):
            self._look_refused(result)
        elif self._phase == "look":
            self._looked(result)
        else:
            self._read(result)

    def _called(self, result: Executed | Refused) -> None:
        if isinstance(result, Executed):
            self._end(answer=result)
        elif self._unclear and self._was_deleted(result.fault):
            assert isinstance(self._settlement, Again)
            self._end(answer=Executed(200, orjson.dumps({"result": self._settlement.answer})))
        else:
            self._end(fault=result.fault)

    def _was_deleted(self, fault: PipelineError) -> bool:
        return isinstance(self._settlement, Again) and self._settlement.deletes and is_missing(fault)

    def _unknown(self, result: Unclear) -> None:
        self._unclear = self.open = True
        self.sent_at = result.sent_at
        self._tries += 1
        if not self._env.settle:
            self._again(self._call, due=0.0)
        elif self._settlement is None or self._tries > MOST_TRIES:
            self.unsettled = True
            self._end(fault=result.fault)
        elif isinstance(self._settlement, Again):
            self._again(self._call, due=result.sent_at + self._env.request_limit)
        else:
            self._phase = "look"
            self._again(self._settlement.look(), due=result.sent_at + self._env.request_limit)

    def _looked(self, result: Executed) -> None:
        settled = self._settlement
        content = result.content()
        if isinstance(settled, Appending):
            self._mended(settled, content)
            return
        assert isinstance(settled, ByExternal | ByNatural) and self.command is not None
        self._found = settled.found(Look(content, self.sent_at, self._env.known, self.asked_at))
        if self._found is None and settled.hides(content):
            if self.command.lookup is None:
                self._give_up("the look-up answers a full page of others")
            else:
                self._again(settled.look(alone=True))
        elif self._found is None:
            self._phase, self.open = "call", False
            self._again(self._call)
        elif self._found.read is not None:
            self._phase = "read"
            self._again(self._found.read)
        else:
            self._settled(None, content)

    def _mended(self, update: Appending, content: dict[str, Any]) -> None:
        params = update.mended(content)
        if params is None:
            self._end(answer=_answer(update.answer(content), content))
            return
        self._phase = "call"
        self._call = Command(self._call.method, params, write=True)
        self._again(self._call)

    def _read(self, result: Executed) -> None:
        content = result.content()
        self._settled(content.get("result"), content)

    def _settled(self, result: Any, content: dict[str, Any]) -> None:
        assert self._found is not None
        self._end(answer=_answer(self._found.answer(result), content))

    def _look_refused(self, result: Refused) -> None:
        if self._phase == "read":
            self._settled(None, {})  # it is there: its id is known
        elif isinstance(self._settlement, Appending) and is_missing(result.fault):
            self._end(fault=result.fault)
        else:
            self._give_up(f"looking was refused: {result.fault}")

    def _give_up(self, why: str) -> None:
        self.unsettled = True
        self._end(fault=Unknown(f"nobody knows whether it was executed, and {why}"))

    def _again(self, command: Command, due: float = 0.0) -> None:
        self.command, self.due = command, due

    def _end(self, *, answer: Executed | None = None, fault: PipelineError | None = None) -> None:
        self.command, self.answer, self.fault = None, answer, fault
        self.open = False
        if answer is not None:
            self._remember(answer)

    def _remember(self, answer: Executed) -> None:
        """An object that was made with the client's own external id is not to be taken for another request's."""
        settled = self._settlement
        if isinstance(settled, ByExternal) and settled.own:
            number = settled.kind.made(answer.content().get("result"))
            if number is not None:
                self._env.known.add(settled.kind.objects, number)
        elif isinstance(settled, ByNatural):
            made = answer.content().get("result")
            if isinstance(made, int) and not isinstance(made, bool):
                self._env.known.add(settled.natural.method, str(made))


def _answer(result: Any, content: dict[str, Any]) -> Executed:
    """An answer rebuilt from what a look-up shows."""
    body = {"result": result}
    if isinstance(content.get("time"), dict):
        body["time"] = content["time"]
    return Executed(200, orjson.dumps(body))
