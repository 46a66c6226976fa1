"""Offline events (bitrix24.md, section 5.3): the latest state of each object, taken by an application when it likes."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

import orjson

RESERVED = 30 * 86400.0
"""How long rows stay with a process that neither clears nor reports them; the portal's seconds."""


@dataclass(slots=True)
class Record:
    """One object that changed: `moment` of the last change in unix seconds; `process` who has it until `until`."""

    id: int
    app: str
    connector: str
    event: str
    data: dict[str, Any]
    message: str
    moment: float
    process: str | None = None
    until: float = 0.0
    error: bool = False


def message_id(event: str, data: dict[str, Any]) -> str:
    """What tells the rows of two objects apart, as a text of 32 characters."""
    return hashlib.md5(event.encode() + orjson.dumps(data), usedforsecurity=False).hexdigest()


class OfflineQueue:
    """The queues of all applications of a portal, one for each connector of each."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all rows."""
        self._records: dict[int, Record] = {}
        self._last = 0

    def put(self, app: str, connector: str, event: str, data: dict[str, Any], moment: float) -> None:
        """Note a change; the object's row that nobody has taken yet is renewed instead of a second one."""
        message = message_id(event, data)
        for record in self._records.values():
            same = (record.app, record.connector, record.message) == (app, connector, message)
            if same and record.process is None and not record.error:
                record.moment = moment
                return
        self._last += 1
        self._records[self._last] = Record(self._last, app, connector, event, data, message, moment)

    def rows(self, app: str, connector: str, now: float) -> list[Record]:
        """All rows of a queue, by id; reservations that are over are lifted."""
        found = [item for item in self._records.values() if (item.app, item.connector) == (app, connector)]
        for record in found:
            if record.process is not None and record.until <= now:
                record.process = None
        return found

    def take(self, records: list[Record], *, clear: bool, until: float) -> str | None:
        """Remove the rows, or reserve them under a new process id, which is returned."""
        if clear:
            for record in records:
                self._records.pop(record.id, None)
            return None
        process = secrets.token_hex(16)
        for record in records:
            record.process, record.until = process, until
        return process

    def clear(self, app: str, process: str, ids: set[int] | None, messages: set[str] | None) -> int:
        """Remove rows of a process: those named by id or message, or all; returns how many."""
        gone = [item.id for item in self._of(app, process) if _named(item, ids, messages)]
        for number in gone:
            del self._records[number]
        return len(gone)

    def fail(self, app: str, process: str, messages: set[str] | None) -> int:
        """Mark rows of a process as failed; returns how many."""
        failed = [item for item in self._of(app, process) if _named(item, None, messages)]
        for record in failed:
            record.error = True
        return len(failed)

    def _of(self, app: str, process: str) -> list[Record]:
        return [item for item in self._records.values() if item.app == app and item.process == process]


def _named(record: Record, ids: set[int] | None, messages: set[str] | None) -> bool:
    if ids is None and messages is None:
        return True
    return (ids is not None and record.id in ids) or (messages is not None and record.message in messages)
