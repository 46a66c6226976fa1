"""What a portal did: bounded logs of requests and executions, and counters for assertions."""

import hashlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from sandbox.portal.external import writes
from sandbox.portal.requests import Request, RequestLog

_PARAMS_KEPT = 1_000_000
"""Different parameters that are told apart; a simulator that runs for weeks must not grow without end."""


@dataclass(slots=True)
class Execution:
    """One method that ran, alone or in a batch.

    `seq` grows by one with each end of an execution; `time`, `started`, `finished` are unix seconds;
    `digest` is `digest_of(params)`; `keys` are the fields by which a test knows the object; `error` is None
    or the error code; `request` numbers the HTTP request within the portal; `command` is the key in a batch.
    """

    seq: int
    time: float
    method: str
    digest: str
    keys: dict[str, Any]
    user: str
    source: str
    request: int
    command: str | None
    started: float
    finished: float
    error: str | int | None


def digest_of(params: Any) -> str:
    """sha256 (hex) of the parameters as JSON with sorted keys and no spaces, after PHP's array rules.

    Every scalar is taken as PHP's text of it, so a call has the same digest alone and as a command of a batch.
    """
    return hashlib.sha256(orjson.dumps(_as_text(params), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, bool) or value is None:
        return "1" if value else ""
    return str(value)


class Journal:
    """The logs (the last `size` entries each) and the counters (complete since the last reset).

    `watch` is told of every execution.
    """

    def __init__(self, size: int = 100_000) -> None:
        self._size = size
        self.request_log = RequestLog(size)
        self.watch: Callable[[Execution], None] | None = None
        self.reset()

    def reset(self) -> None:
        """Forget everything; `seq` and the request numbers go on, so that old values stay below new ones."""
        self._log: deque[Execution] = deque(maxlen=self._size)
        self.request_log.clear()
        self.executions: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.by_origin: dict[str, Counter[str]] = {}
        self.by_title: dict[str, Counter[str]] = {}
        self.written: dict[str, Counter[str]] = {}
        self.external: dict[str, dict[str, Counter[str]]] = {}
        self._by_params: Counter[tuple[str, bytes]] = Counter()
        self.statuses: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.command_errors: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.requests = 0
        self.max_in_flight = 0

    _seq = 0
    in_flight = 0

    def arrived(self, now: float, method: str, source: str, peer: str, agent: str, worker: str) -> Request:
        """Count an HTTP request, give it its number and keep it."""
        self.requests += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        return self.request_log.new(now, method, source, peer, agent, worker)

    def holds(self, number: int, commands: int) -> None:
        """Note how many commands a batch came with."""
        request = self.request_log.of(number)
        if request is not None:
            request.commands = commands

    def answered(self, request: Request, now: float, status: int | None, *, gone: bool) -> None:
        """Count the end of an HTTP request; None = the connection was cut instead of an answer."""
        self.in_flight -= 1
        request.answered = now
        request.status = "cut" if status is None else str(status)
        request.gone = gone
        self.statuses[request.status] += 1

    def ran(self, execution: Execution, params: Any, result: Any, *, adds: bool) -> None:
        """Keep one execution; `adds` = it made a new object, if it did not fail."""
        self._log.append(execution)
        if self.watch is not None:
            self.watch(execution)
        self.executions[execution.method] += 1
        if execution.error is not None:
            self.failed[execution.method] += 1
            return
        equal = (execution.method, bytes.fromhex(execution.digest))
        if equal in self._by_params or len(self._by_params) < _PARAMS_KEPT:
            self._by_params[equal] += 1
        for kind, entity, external in writes(execution.method, params, result):
            self.written.setdefault(kind, Counter())[entity] += 1
            if external is not None:
                self.external.setdefault(kind, {}).setdefault(entity, Counter())[external] += 1
        if adds:
            for name, counters in (("ORIGIN_ID", self.by_origin), ("TITLE", self.by_title)):
                value = execution.keys.get(name)
                if value not in (None, ""):
                    counters.setdefault(execution.method, Counter())[str(value)] += 1

    def next_seq(self) -> int:
        """The number of the next log entry."""
        self._seq += 1
        return self._seq

    def log(self, method: str | None, since: int, limit: int) -> list[Execution]:
        """Entries with `seq` above `since`, oldest first, at most `limit`, of one method or of all."""
        wanted = (item for item in self._log if item.seq > since and (method is None or item.method == method.lower()))
        return list(islice(wanted, limit))

    def last(self, limit: int) -> list[Execution]:
        """The newest entries, newest first."""
        return list(islice(reversed(self._log), limit))

    def repeated(self) -> dict[str, Any]:
        """How many were executed more than once: adds by origin id, title, external id, calls by equal parameters.

        The last two are maps, by entity and by method, since equal reads are no doubles while equal writes may be.
        """
        equal = Counter(method for (method, _), count in self._by_params.items() if count > 1)
        externals = {entity: _repeats({"": counter}) for entity, counter in self.external.get("add", {}).items()}
        return {
            "by_origin": _repeats(self.by_origin),
            "by_title": _repeats(self.by_title),
            "by_external": {entity: count for entity, count in externals.items() if count},
            "by_params": equal,
        }


def _repeats(counters: dict[str, Counter[str]]) -> int:
    return sum(1 for counter in counters.values() for count in counter.values() if count > 1)
