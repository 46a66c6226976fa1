"""`batch`: up to 50 commands in order, with references to earlier results (bitrix24.md, section 2)."""

import re
from collections.abc import Iterator
from typing import Any

from sandbox.portal.errors import (
    BATCH_LENGTH_EXCEEDED,
    BATCH_METHOD_NOT_ALLOWED,
    METHOD_NOT_FOUND,
    RestError,
)
from sandbox.portal.methods.spec import Call, Method, Reply
from sandbox.portal.php import as_map, parse_query, php_map
from sandbox.portal.portal import Portal

LIMIT = 50
_REFERENCE = re.compile(r"\$result((?:\[[^\[\]]*\])+)")
_STEP = re.compile(r"\[([^\[\]]*)\]")


def methods() -> Iterator[Method]:
    """The one method of this file; whether nested commands are billed or the outer call is a portal's option."""
    yield Method("batch", _batch, billed=False, in_batch=False)


async def _batch(portal: Portal, call: Call) -> Reply:
    halt = _truth(call.param("halt"))
    results: dict[str, Any] = {}
    failed: dict[str, Any] = {}
    totals: dict[str, Any] = {}
    nexts: dict[str, Any] = {}
    times: dict[str, Any] = {}
    commands = as_map(call.param("cmd")) or {}
    portal.journal.holds(call.request, len(commands))
    for position, (key, command) in enumerate(commands.items()):
        try:
            if position >= LIMIT:
                raise RestError(BATCH_LENGTH_EXCEEDED)
            outcome = await portal.execute(_command(portal, call, key, command, results))
        except RestError as error:
            failed[key] = error.problem.body()
            portal.journal.command_errors[str(error.problem.code)] += 1
            if halt:
                break
            continue
        results[key] = outcome.reply.result
        times[key] = outcome.time
        if outcome.reply.total is not None:
            totals[key] = outcome.reply.total
        if outcome.reply.next is not None:
            nexts[key] = outcome.reply.next
    if portal.options.batch_billing == "batch":
        _bill_the_batch(portal, call, times)
    return Reply(
        {
            "result": php_map(results),
            "result_error": php_map(failed),
            "result_total": php_map(totals),
            "result_next": php_map(nexts),
            "result_time": php_map(times),
        }
    )


def _bill_the_batch(portal: Portal, call: Call, times: dict[str, Any]) -> None:
    """All commands carry the batch's own `operating`, as measured on self-hosted portals (section 1.2)."""
    state = portal.meter.state(portal.budget(call.credential, "batch"), portal.clock.now())
    if state is not None:
        for time in times.values():
            time["operating"], time["operating_reset_at"] = state.operating, state.reset_at


def _command(portal: Portal, call: Call, key: str, command: Any, results: dict[str, Any]) -> Call:
    """The call that one command stands for; raises `RestError` when a batch may not hold it."""
    if not isinstance(command, str):
        raise RestError(METHOD_NOT_FOUND)
    name, _, query = command.partition("?")
    name = name.strip().lower()
    method = portal.methods.get(name)
    if method is not None and not method.in_batch:
        raise RestError(BATCH_METHOD_NOT_ALLOWED)
    params = {name: _resolve(value, results) for name, value in parse_query(query).items()}
    return Call(name, params, call.credential, call.source, call.request, key, call.pace)


def _truth(value: Any) -> bool:
    return value is True or str(value) in ("1", "Y", "true")


def _resolve(value: Any, results: dict[str, Any]) -> Any:
    """Replace `$result[key][..]` in every text of a parameter; what is missing becomes an empty text."""
    if isinstance(value, dict):
        return {key: _resolve(item, results) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, results) for item in value]
    if not isinstance(value, str) or "$result" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _look_up(whole[1], results)
    return _REFERENCE.sub(lambda match: _as_text(_look_up(match[1], results)), value)


def _look_up(path: str, results: dict[str, Any]) -> Any:
    found: Any = results
    for step in _STEP.findall(path):
        found = (as_map(found) or {}).get(step)
        if found is None:
            return ""
    return found


def _as_text(value: Any) -> str:
    return "" if isinstance(value, dict | list) else str(value)
