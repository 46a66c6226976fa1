"""What became of the plans that something is wrong with: their records, their rows, their calls at the portal."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from pipeline.delivery.plans import changelog_name
from pipeline.delivery.store import unpack
from pipeline.portal.requests.row import decode, request_prefix
from pipeline.topology import DEAD_LETTERS, REQUESTS_BULK, REQUESTS_INTERACTIVE, RESULTS
from tests.chaos.plans.stage import PORTALS, PlansStage
from tests.chaos.plans.verdict import PlansVerdict
from tests.support.bridge import read_topic

__all__ = ["trace"]

_SHOWN = 6
_LINES = 40
#: Topics, and the header that holds the message id there.
_TOPICS = (
    (REQUESTS_INTERACTIVE, "amqp-message-id"),
    (REQUESTS_BULK, "amqp-message-id"),
    (RESULTS, "message-id"),
    (DEAD_LETTERS, "amqp-message-id"),
)


async def trace(stage: PlansStage, verdict: PlansVerdict) -> list[str]:
    """For the first few: every record, every state of the row, every call that carried its marker; by time."""
    named = [case.message_id for case in (*verdict.lost, *verdict.unanswered, *verdict.unknown)]
    named += [text.split(" ", 1)[0].rstrip(":") for text in (*verdict.doubled, *verdict.missing, *verdict.wrong)]
    ids = list(dict.fromkeys([*named, *verdict.letters]))[:_SHOWN]
    found: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    await _records(stage, ids, found)
    await _rows(stage, ids, found)
    await _calls(stage, ids, found)
    lines = []
    for message_id in ids:
        lines += [f"{message_id} {_clock(at)} {text}" for at, text in sorted(found[message_id])[:_LINES]]
    return lines


async def _records(stage: PlansStage, ids: list[str], found: dict[str, list[tuple[float, str]]]) -> None:
    for topic, header in _TOPICS:
        for record in await read_topic(stage.settings.kafka_servers, f"{stage.settings.topic_prefix}{topic}"):
            headers = {name: (value or b"").decode() for name, value in record.headers}
            if headers.get(header) in ids:
                said = headers.get("error-class") or headers.get("error") or ""
                text = f"{topic}[{record.partition}:{record.offset}] {said} {(record.value or b'')[:200]!r}"
                found[headers[header]].append((record.timestamp / 1000, text))


async def _rows(stage: PlansStage, ids: list[str], found: dict[str, list[tuple[float, str]]]) -> None:
    prefix = request_prefix().encode()
    for record in await read_topic(stage.settings.kafka_servers, changelog_name(stage.settings, "requests")):
        if record.value is None or not (record.key or b"").startswith(prefix):
            continue
        row = decode(unpack(record.value)[1])
        if row.message_id in ids:
            sent = f" sent at {_clock(row.sent_at)}" if row.sent_at else ""
            text = f"row {row.identity} {row.state} after {row.attempts} calls{sent} {row.progress or ''}"
            found[row.message_id].append((record.timestamp / 1000, text))


async def _calls(stage: PlansStage, ids: list[str], found: dict[str, list[tuple[float, str]]]) -> None:
    for portal in PORTALS:
        for entry in await stage.control.executions(portal):
            told = " ".join(str(value) for value in entry["keys"].values())
            for message_id in ids:
                if message_id in told:
                    found[message_id].append((entry["started"], _call(portal, entry)))


def _call(portal: str, entry: dict[str, Any]) -> str:
    request = entry["span"]
    answered = f"arrived {_clock(request['arrived'])}, {request['status']}, gone {request['gone']}" if request else ""
    return (
        f"{portal} {entry['method']} {entry['keys']} {entry['source']} request {entry['request']} "
        f"command {entry['command']} error {entry['error']} to {_clock(entry['finished'])} ({answered})"
    )


def _clock(at: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at % 1 * 1000):03d}"
