"""The HTTP requests of a portal: who called, from when to when; and whether two callers called at once."""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any


@dataclass(slots=True)
class Request:
    """One HTTP request: `arrived`, `answered` in unix seconds, `peer` the client's address and port.

    `method` is the REST method of the address; `commands` how many a batch came with; `status` None as
    long as it is served, `cut` after a reset; `gone` = the client had hung up before the answer.
    """

    number: int
    arrived: float
    method: str
    source: str
    peer: str
    agent: str
    worker: str
    answered: float | None = None
    status: str | None = None
    gone: bool = False
    commands: int = 0

    @property
    def caller(self) -> str:
        """By what callers are told apart: the X-Worker header, else the User-Agent, and the address."""
        return f"{self.worker or self.agent}@{self.source}"


class RequestLog:
    """The last `size` requests in the order of their arrival; numbers ascend by one and are never given twice."""

    def __init__(self, size: int) -> None:
        self._requests: deque[Request] = deque(maxlen=size)
        self._last = 0

    def new(self, arrived: float, method: str, source: str, peer: str, agent: str, worker: str) -> Request:
        """Keep a request that has arrived."""
        self._last += 1
        request = Request(self._last, arrived, method, source, peer, agent, worker)
        self._requests.append(request)
        return request

    def of(self, number: int) -> Request | None:
        """A request by its number; None when it is no longer kept."""
        if not self._requests or not self._requests[0].number <= number <= self._last:
            return None
        return self._requests[number - self._requests[0].number]

    def since(self, number: int, limit: int) -> list[Request]:
        """Requests above `number`, oldest first, at most `limit`."""
        return list(islice((item for item in self._requests if item.number > number), limit))

    def __iter__(self) -> Iterator[Request]:
        return iter(self._requests)

    def clear(self) -> None:
        """Forget the requests; the numbers go on."""
        self._requests.clear()


KEYS: dict[str, Callable[[Request], str]] = {
    "caller": lambda request: request.caller,
    "worker": lambda request: request.worker,
    "agent": lambda request: request.agent,
    "source": lambda request: request.source,
    "peer": lambda request: request.peer,
}
"""By what two requests may be told to be of different callers."""

_SHOWN = 20


def overlap(requests: Iterable[Request], by: str, now: float) -> dict[str, Any]:
    """Whether requests of different callers were served at the same time; `by` is one of `KEYS`.

    `overlaps` counts the requests that arrived while one of another caller was still served and its client still
    there; `overlaps_with_gone` those that overlap only with requests whose client had hung up. `pairs` shows the
    first of them; `seconds` is how long they overlapped, the longest of each.
    """
    key = KEYS[by]
    callers: Counter[str] = Counter()
    served: list[tuple[float, int, str, Request]] = []
    found: dict[str, Any] = {"overlaps": 0, "overlaps_with_gone": 0, "seconds": 0.0, "max_callers": 0}
    pairs: list[dict[str, Any]] = []
    for request in sorted(requests, key=lambda item: item.arrived):
        name = key(request)
        callers[name] += 1
        while served and served[0][0] <= request.arrived:
            heapq.heappop(served)
        others = [(end, item) for end, _, other, item in served if other != name]
        end = now if request.answered is None else request.answered
        heapq.heappush(served, (end, request.number, name, request))
        found["max_callers"] = max(found["max_callers"], len({entry[2] for entry in served}))
        if not others:
            continue
        there = [pair for pair in others if not pair[1].gone]
        found["overlaps" if there else "overlaps_with_gone"] += 1
        until, other_request = max(there or others, key=lambda pair: pair[0])
        seconds = min(end, until) - request.arrived
        found["seconds"] += seconds
        if len(pairs) < _SHOWN:
            pairs.append({"requests": [other_request, request], "seconds": seconds})
    return {"by": by, **found, "callers": callers, "pairs": pairs}
