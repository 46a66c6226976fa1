"""Runs of the `exchange` command: their headers on records, and what became of each of their items (docs/outcomes.md).

A run drains queues of the site. It marks the events that it brings in with headers; whoever is through with such an
event for good writes one outcome to the topic `outcomes`, which the command reads.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

import orjson

from pipeline.delivery.records import Record
from pipeline.topology import OUTCOMES

__all__ = ["DONE", "FAILED", "FORCE", "ITEM", "PART", "RUN", "Status", "outcome", "part_of", "passed_on"]

#: header: id of the run
RUN = "run"
#: header: what the item is called in the run's report, its XML_ID or its place
ITEM = "item"
#: header of a plan: `2/5` = the second of five that one event makes; absent = it makes one
PART = "part"
#: header of an event, not passed on: "1" = what is unchanged is sent all the same
FORCE = "force"

Status = Literal["done", "failed"]
DONE: Status = "done"
FAILED: Status = "failed"

_TEXT_LIMIT = 4096


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that a flow copies from its event to what it asks of a portal; none for what is of no run.

    A flow that makes several plans of one event adds to each which of them it is (PART).
    """
    if not headers.get(RUN):
        return {}
    return {name: headers[name] for name in (RUN, ITEM, PART) if name in headers}


def part_of(text: str | None) -> tuple[int, int]:
    """`2/5` -> (2, 5); what is none is the only one, (1, 1)."""
    place, _, count = (text or "").partition("/")
    if place.isascii() and count.isascii() and place.isdigit() and count.isdigit() and 1 <= int(place) <= int(count):
        return int(place), int(count)
    return 1, 1


def outcome(
    headers: Mapping[str, str],
    flow: str,
    status: Status,
    *,
    action: str | None = None,
    error_class: str | None = None,
    error: str | None = None,
) -> Record | None:
    """The record for topic `outcomes`, key = the run's id; None where the headers name no run.

    `action`: what was done, in a few words; `error_class` and `error`: what a dead letter or an answer says of the same
    failure, no secrets. Long texts are cut.
    """
    run = headers.get(RUN)
    if not run:
        return None
    texts = {"action": action, "error_class": error_class, "error": error}
    content = {
        "run": run,
        "item": headers.get(ITEM, ""),
        "flow": flow,
        "status": status,
        **({PART: headers[PART]} if headers.get(PART) else {}),
        **{name: text[:_TEXT_LIMIT] for name, text in texts.items() if text is not None},
        "at": round(time.time(), 3),
    }
    return Record(OUTCOMES, orjson.dumps(content), key=run.encode())
