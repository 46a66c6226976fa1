"""What a portal did: a bounded log of executions, and counters for assertions."""

import hashlib
from collections import Counter, deque
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

_PARAMS_KEPT = 1_000_000
"""Different parameters that are told apart; a simulator that runs for weeks must not grow without end."""


@dataclass(frozen=True, slots=True)
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
    """sha256 (hex) of the parameters as JSON with sorted keys and no spaces, after PHP's array rules."""
    return hashlib.sha256(orjson.dumps(params, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Journal:
    """The log (the last `size` executions) and the counters (complete since the last reset)."""

    def __init__(self, size: int = 100_000) -> None:
        self._size = size
        self.reset()

    def reset(self) -> None:
        """Forget everything; `seq` and the request numbers go on, so that old values stay below new ones."""
        self._log: deque[Execution] = deque(maxlen=self._size)
        self.executions: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.by_origin: dict[str, Counter[str]] = {}
        self.by_title: dict[str, Counter[str]] = {}
        self._by_params: Counter[tuple[str, bytes]] = Counter()
        self.statuses: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.requests = 0
        self.max_in_flight = 0

    _seq = 0
    _request = 0
    in_flight = 0

    def arrived(self) -> int:
        """Count an HTTP request and give it its number."""
        self.requests += 1
        self._request += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        return self._request

    def answered(self, status: int | None) -> None:
        """Count the end of an HTTP request; None = the connection was cut instead of an answer."""
        self.in_flight -= 1
        self.statuses["cut" if status is None else str(status)] += 1

    def ran(self, execution: Execution, *, adds: bool) -> None:
        """Keep one execution; `adds` = it made a new object, if it did not fail."""
        self._log.append(execution)
        self.executions[execution.method] += 1
        if execution.error is not None:
            self.failed[execution.method] += 1
            return
        params = (execution.method, bytes.fromhex(execution.digest))
        if params in self._by_params or len(self._by_params) < _PARAMS_KEPT:
            self._by_params[params] += 1
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

    def repeated(self) -> dict[str, Any]:
        """How many were executed more than once: adds by origin id and title, calls by equal parameters.

        The last is a map by method, since equal reads are no doubles while equal writes may be.
        """
        equal = Counter(method for (method, _), count in self._by_params.items() if count > 1)
        return {
            "by_origin": _repeats(self.by_origin),
            "by_title": _repeats(self.by_title),
            "by_params": equal,
        }


def _repeats(counters: dict[str, Counter[str]]) -> int:
    return sum(1 for counter in counters.values() for count in counter.values() if count > 1)
