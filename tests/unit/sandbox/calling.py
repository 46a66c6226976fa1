"""A portal without HTTP: calls of its methods as a client would make them."""

import asyncio
from typing import Any

import orjson

from sandbox.portal.auth import SCOPES, Credential
from sandbox.portal.clock import Clock
from sandbox.portal.errors import RestError
from sandbox.portal.faults import FaultBook
from sandbox.portal.methods import registry
from sandbox.portal.methods.spec import Call
from sandbox.portal.options import Options
from sandbox.portal.php import from_json
from sandbox.portal.portal import Portal

WEBHOOK = Credential("1", "sandbox")
APP = Credential("1", "token", SCOPES, app="app.1")
METHODS = registry()


def fits(shape: str, result: Any) -> bool:
    """Whether a result has the shape that the method's description documents."""
    if shape.startswith("{"):
        return isinstance(result, dict) and set(shape[1:-1].split(",")) <= set(result)
    simple = {"true": result is True, "null": result is None, "empty": result == [], "value": True}
    if shape in simple:
        return simple[shape]
    kinds: dict[str, Any] = {"id": int, "row": dict, "fields": dict, "rows": list}
    if shape == "rows" and isinstance(result, list):
        return all(isinstance(row, dict | str) for row in result)
    return isinstance(result, kinds[shape]) and not isinstance(result, bool)


class Desk:
    """One portal; `result`, `error` and `reply` call a method, a failure of the other kind fails the test."""

    def __init__(self, credential: Credential = WEBHOOK, clock: Clock | None = None) -> None:
        self.portal = Portal("default", Options(operating_limit=None), METHODS, clock or Clock(), FaultBook())
        self.credential = credential
        self.last: Call | None = None

    def call(self, method: str, params: Any = None, credential: Credential | None = None) -> Call:
        return Call(method.lower(), from_json(params or {}) or {}, credential or self.credential, "127.0.0.1", 1)

    def reply(self, method: str, params: Any = None, credential: Credential | None = None) -> Any:
        self.last = self.call(method, params, credential)
        reply = asyncio.run(self.portal.execute(self.last)).reply
        orjson.dumps(reply.result)
        shape = METHODS[method.lower()].result
        assert fits(shape, reply.result), f"{method} answered {reply.result!r}, documented is {shape}"
        return reply

    def result(self, method: str, params: Any = None, credential: Credential | None = None) -> Any:
        return self.reply(method, params, credential).result

    def error(self, method: str, params: Any = None, credential: Credential | None = None) -> tuple[Any, str]:
        try:
            result = self.result(method, params, credential)
        except RestError as error:
            assert error.problem.status in (400, 403), error.problem
            return error.problem.code, error.problem.text
        raise AssertionError(f"{method} answered {result!r}")
