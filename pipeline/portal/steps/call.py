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
from pipeline.portal.steps.settle import Again, ByExternal, ByNatural, Found, settlement
from pipeline.portal.steps.stamp import external_in, stamped
from pipeline.portal.wire.outcomes import is_missing

__all__ = ["MOST_TRIES", "CallRun"]

#: A write that was looked for and not found so many times is given up: it ends the portal's patience each time.
MOST_TRIES = 10


class CallRun:
    """`command` is what goes next (None = over), not before `due` (unix seconds); then `answer` or `fault` is set.

    `unsettled`: given up without knowing the outcome, a person must look.
    """

    def __init__(self, method: str, params: Any, env: Env, stamp: str, *, body: bytes = b"") -> None:
        """`stamp`: the external id that an add without one gets; `body`: the parameters as they came."""
        self._env = env
        self._stamped = False
        write = not methods.is_read(method, params)
        name = methods.canonical(method)
        kind = entity_of_add(name, params) if write and env.stamp else None
        if kind is not None and external_in(kind, params) is None:
            params, _ = stamped(kind, params, stamp)
            body, self._stamped = b"", True
        self._call = Command(method, params, write, body)
        self._settlement = settlement(name, params) if write else None
        self._phase = "call"
        self._found: Found | None = None
        self._unclear = False
        self._tries = 0
        self.sent_at = 0.0
        self.due = 0.0
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
            self._end(answer=Executed(200, b'{"result":true}'))
        else:
            self._end(fault=result.fault)

    def _was_deleted(self, fault: PipelineError) -> bool:
        return isinstance(self._settlement, Again) and self._settlement.deletes and is_missing(fault)

    def _unknown(self, result: Unclear) -> None:
        self._unclear = True
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
            self._phase = "call"
            self._call = Command(self._call.method, settled.mended(content), write=True)
            self._again(self._call)
            return
        assert isinstance(settled, ByExternal | ByNatural)
        self._found = settled.found(content, self.sent_at, self._env.known)
        if self._found is None:
            self._phase = "call"
            self._again(self._call)
        elif self._found.read is not None:
            self._phase = "read"
            self._again(self._found.read)
        else:
            self._settled(None, content)

    def _read(self, result: Executed) -> None:
        content = result.content()
        self._settled(content.get("result"), content)

    def _settled(self, result: Any, content: dict[str, Any]) -> None:
        assert self._found is not None
        body = {"result": self._found.answer(result)}
        if isinstance(content.get("time"), dict):
            body["time"] = content["time"]
        self._end(answer=Executed(200, orjson.dumps(body)))

    def _look_refused(self, result: Refused) -> None:
        text = f"nobody knows whether it was executed, and looking was refused: {result.fault}"
        self.unsettled = True
        self._end(fault=Unknown(text))

    def _again(self, command: Command, due: float = 0.0) -> None:
        self.command, self.due = command, due

    def _end(self, *, answer: Executed | None = None, fault: PipelineError | None = None) -> None:
        self.command, self.answer, self.fault = None, answer, fault
        if answer is not None:
            self._remember(answer)

    def _remember(self, answer: Executed) -> None:
        """An object that was made with the client's own external id is not to be taken for another request's."""
        settled = self._settlement
        if isinstance(settled, ByExternal) and settled.own and not self._stamped:
            number = settled.kind.made(answer.content().get("result"))
            if number is not None:
                self._env.known.add(settled.kind.name, number)
        elif isinstance(settled, ByNatural):
            made = answer.content().get("result")
            if isinstance(made, int) and not isinstance(made, bool):
                self._env.known.add(settled.natural.method, str(made))
