"""Which watch a plan leaves behind when it ends. Pure.

| plan | ends | the subject's watch afterwards |
|---|---|---|
| new | well, something watched is missing | its own, in place of an older one |
| new | well, nothing is missing | none |
| new | well, but something newer had been applied | as before: the newer plan's; its own where there is none |
| new | badly, and something newer had been applied | as before |
| new | badly | none: the dead letter is what is left of it |
| run again | well | its own if something watched is still missing, else none |
| run again | badly | what is still missing of the watch that has sent it; what was found must not send it again |

Plans of a subject run one after another, so that nobody sees what is in between; a new plan need not remove the watch
before it begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson

from pipeline.portal.requests.row import Row
from pipeline.portal.steps.plan_end import Missing, PlanEnd
from pipeline.portal.watches.watch import Watch

__all__ = ["watch_after"]


def watch_after(row: Row, end: PlanEnd, before: Watch | None, is_linked: Callable[[Missing], bool]) -> Watch | None:
    """The watch of the plan's subject from now on. `row` with its body; `before`: the watch that stands there.

    The same input gives the same watch: after a crash a plan ends a second time.
    """
    assert end.subject is not None
    if end.stale and not row.watch and before is not None:
        return before
    if end.failed:
        missing = tuple(one for one in before.missing if not is_linked(one)) if before is not None and row.watch else ()
        return replace(before, token=_token(row), missing=missing) if before is not None and missing else None
    if not end.watched:
        return None
    return Watch(row.portal, end.subject, _token(row), end.watched, row.accepted, _headers(row), _unforced(row.body))


def _token(row: Row) -> str:
    # topics that are made anew count their offsets from 0
    return f"{row.identity}-{int(row.accepted * 1000):x}"


def _unforced(body: bytes) -> bytes:
    """The plan as it is run again: only what has changed since then is given."""
    if b'"force"' not in body:
        return body
    return orjson.dumps({name: value for name, value in orjson.loads(body).items() if name != "force"})


def _headers(row: Row) -> dict[str, str]:
    headers = {
        "source": row.source,
        "portal": row.portal,
        "plan": "1",
        "user": row.user or None,
        "credential": row.credential,
        "sealed": row.sealed,
    }
    return {name: text for name, text in headers.items() if text is not None}
