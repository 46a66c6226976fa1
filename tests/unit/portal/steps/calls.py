"""A call as its course makes it, for the tests of steps/call.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from pipeline.portal.steps.call import CallRun
from pipeline.portal.steps.command import Unclear
from pipeline.portal.steps.env import Env
from tests.unit.portal.steps.world import LIMIT, START, unknown

STAMP = "bus-i-0-0-7-18c"
SENT = START


def env(**given: Any) -> Env:
    return Env("main", **{"request_limit": LIMIT, **given})


def run(method: str, params: Any, body: bytes = b"", **given: Any) -> CallRun:
    return CallRun(method, params, env(**given), STAMP, body=body)


def unclear(call: CallRun, at: float = SENT) -> CallRun:
    assert call.command is not None and call.command.write
    call.take(Unclear(unknown(), at))
    return call


def asked(call: CallRun) -> tuple[str, Any]:
    assert call.command is not None
    return call.command.name, call.command.params


def answered(call: CallRun) -> Any:
    assert call.command is None and call.fault is None and call.answer is not None
    return orjson.loads(call.answer.body)["result"]


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
