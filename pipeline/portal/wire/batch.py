"""`batch`: up to 50 commands in one call, and its answer taken apart into the answers of 50 single calls.

Source: Bitrix24's batch.md. The portal writes every map by PHP's rule: `[]` when it is empty, a list when its keys
are 0..n-1, else an object. The commands themselves are made in encode.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.portal.wire.statuses import status_of
from pipeline.portal.wire.times import Times, read_times

__all__ = ["LIMIT", "CommandAnswer", "NotABatch", "Parts", "build", "status_of", "take_apart"]

#: Commands in one batch; the portal refuses the ones beyond.
LIMIT = 50

_BOM = b"\xef\xbb\xbf"
#: Old builds give one text instead of code and description.
_CODE = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+|[A-Z]+|\d+")


class NotABatch(Exception):
    """The body is no answer of a batch that ran: an error, a page, or something else to be judged as one call."""


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What the command would have got as a call of its own.

    `body`: JSON, `{"result","next","total","time"}` or `{"error","error_description"}`, what was not told left out;
    `code` and `description`: of an error, as text, else "".
    """

    ok: bool
    body: bytes
    code: str
    description: str
    times: Times


@dataclass(frozen=True, slots=True)
class Parts:
    """`commands`: by position; None = in no map, so it was not run, or nobody knows. `time`: of the batch itself."""

    commands: list[CommandAnswer | None]
    time: Times | None


def build(commands: Sequence[str], halt: bool = False) -> bytes:
    """The JSON body of a batch; `halt` = stop at the first error.

    The keys are names, c0, c1 and so on: numbers would turn the answer's maps into lists.

    Raises:
        ValueError: no command, or more than LIMIT.
    """
    if not 1 <= len(commands) <= LIMIT:
        raise ValueError(f"a batch has 1 to {LIMIT} commands, got {len(commands)}")
    return orjson.dumps({"halt": int(halt), "cmd": {_key(number): text for number, text in enumerate(commands)}})


def take_apart(body: bytes, count: int) -> Parts:
    """The answers to the `count` commands that `build` was given.

    Results are equal to the portal's as JSON values, not as bytes: `\\/` becomes `/`, `\\u0451` the letter, 1.50
    becomes 1.5. Integers of 64 bits are exact.

    Raises:
        NotABatch: the body is none.
    """
    try:
        content = orjson.loads(body.removeprefix(_BOM))
    except orjson.JSONDecodeError:
        raise NotABatch("the answer is not in JSON") from None
    if not isinstance(content, dict) or content.get("error") is not None:
        raise NotABatch("the answer is an error or no object")
    inner = content.get("result")
    if not isinstance(inner, dict) or not isinstance(inner.get("result"), dict | list):
        raise NotABatch("the answer has no map of results")
    results, errors, totals, nexts, times = (
        _Entries(inner.get(name)) for name in ("result", "result_error", "result_total", "result_next", "result_time")
    )
    answers: list[CommandAnswer | None] = []
    for number in range(count):
        error, time = errors.get(number), times.get(number)
        if error is not None:
            answers.append(_failure(error, time))
        elif results.has(number):
            answers.append(_success(results.get(number), nexts.get(number), totals.get(number), time))
        else:
            answers.append(None)
    time = content.get("time")
    return Parts(answers, read_times(time) if isinstance(time, dict) else None)


def _key(number: int) -> str:
    return f"c{number}"


class _Entries:
    """One of the answer's maps, whatever PHP made of it."""

    __slots__ = ("_entries",)

    def __init__(self, given: Any) -> None:
        if isinstance(given, list):
            given = {_key(number): entry for number, entry in enumerate(given)}
        self._entries: dict[str, Any] = given if isinstance(given, dict) else {}

    def has(self, number: int) -> bool:
        return _key(number) in self._entries

    def get(self, number: int) -> Any:
        return self._entries.get(_key(number))


def _success(result: Any, following: Any, total: Any, time: Any) -> CommandAnswer:
    single: dict[str, Any] = {"result": result}
    if following is not None:
        single["next"] = _count(following)
    if total is not None:
        single["total"] = _count(total)
    if isinstance(time, dict):
        single["time"] = time
    return CommandAnswer(True, orjson.dumps(single), "", "", read_times(time))


def _failure(error: Any, time: Any) -> CommandAnswer:
    single: dict[str, Any] = {"error": "", "error_description": ""}
    if isinstance(error, dict):
        single |= error
    elif isinstance(error, str) and _CODE.fullmatch(error) is None:
        single["error_description"] = error
    elif isinstance(error, str | int):
        single["error"] = error
    code, description = _text(single["error"]), _text(single["error_description"])
    return CommandAnswer(False, orjson.dumps(single), code, description, read_times(time))


def _count(value: Any) -> Any:
    """A single call has integers where some builds have text inside a batch."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value


def _text(value: Any) -> str:
    return "" if value is None else str(value)
