"""Faults to inject: which request is hit by which rule. What a hit request then sees is in `breakage.py`."""

import asyncio
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sandbox.portal import errors
from sandbox.portal.errors import Problem, RestError


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault does: answer with `problem`, an HTML page of `html_status`, or as `breakage.py` has it.

    `after` is whether the request is executed first, unless the rule says otherwise.
    """

    about: str
    problem: Problem | None = None
    html_status: int | None = None
    after: bool = False


KINDS: dict[str, Kind] = {
    "delay": Kind("answer rightly, `delay` seconds late"),
    "503": Kind("intensity limit", errors.QUERY_LIMIT_EXCEEDED),
    "503_overload": Kind("blocked by overload, as documented", errors.OVERLOAD_LIMIT),
    "401_overload": Kind("blocked by overload, as seen in production", errors.OVERLOAD_LIMIT_401),
    "429": Kind("operating limit", errors.OPERATION_TIME_LIMIT),
    "500": Kind("internal error in JSON", errors.INTERNAL_SERVER_ERROR),
    "502": Kind("gateway's HTML", html_status=502),
    "504": Kind("gateway's HTML", html_status=504),
    "401_expired": Kind("expired token", errors.EXPIRED_TOKEN),
    "401_credentials": Kind("deleted webhook", errors.INVALID_CREDENTIALS),
    "403_scope": Kind("insufficient scope", errors.INSUFFICIENT_SCOPE),
    "302": Kind("renamed portal: Location = `location` + the request's path"),
    "error_200": Kind("an error body under HTTP 200", errors.INTERNAL_SERVER_ERROR),
    "error": Kind("any error: `status`, `error`, `error_description`", errors.INTERNAL_SERVER_ERROR),
    "reset_before": Kind("RST instead of an execution"),
    "reset_after": Kind("execute, then RST", after=True),
    "hang_before": Kind("no execution, no answer until cleared or for `delay` seconds, then RST"),
    "hang_after": Kind("execute, then no answer until cleared or for `delay` seconds, then the answer", after=True),
    "slow": Kind("execute, then the answer in small pieces over `delay` seconds", after=True),
    "no_operating": Kind("execute, then the answer without `operating` and `operating_reset_at`", after=True),
    "text_numbers": Kind("execute, then `total`, `next`, `result_total`, `result_next` as texts", after=True),
    "malformed": Kind("execute, then the answer cut in half", after=True),
    "big": Kind("execute, then the answer with `size` bytes of padding", after=True),
}


@dataclass(slots=True)
class Rule:
    """One injected fault.

    It hits requests of `portal` (None = every portal) whose method fits one of `methods` (patterns; none =
    all), with `probability`, `count` times at most, for `seconds` at most. `after` = execute before the fault
    shows. `in_batch` rules hit commands within batches instead of HTTP requests. `seconds` and `delay` are the
    portal's, of which `scale` pass in a real one.
    """

    id: int
    kind: str
    portal: str | None = None
    methods: tuple[str, ...] = ()
    count: int | None = None
    seconds: float | None = None
    probability: float = 1.0
    delay: float | None = None
    after: bool = False
    in_batch: bool = False
    size: int = 1_000_000
    location: str = ""
    status: int | None = None
    error: str | int | None = None
    error_description: str | None = None
    scale: float = 1.0
    hits: int = 0
    waiting: int = 0
    born: float = field(default_factory=time.monotonic)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def active(self) -> bool:
        """Whether the rule may still hit a request."""
        if self.released.is_set() or (self.count is not None and self.hits >= self.count):
            return False
        return self.seconds is None or (time.monotonic() - self.born) * self.scale < self.seconds

    def problem(self) -> Problem:
        """The error that this rule answers with; `status`, `error`, `error_description` replace its parts."""
        base = KINDS[self.kind].problem or errors.INTERNAL_SERVER_ERROR
        status = 200 if self.kind == "error_200" else base.status
        return Problem(
            status if self.status is None else self.status,
            base.code if self.error is None else self.error,
            base.text if self.error_description is None else self.error_description,
        )

    async def wait(self, seconds: float | None) -> None:
        """Hold a request for `seconds` (None = until cleared); clearing the rule ends the wait at once."""
        self.waiting += 1
        try:
            await asyncio.wait_for(self.released.wait(), None if seconds is None else seconds / self.scale)
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1

    def shown(self) -> dict[str, Any]:
        """The rule as the control API lists it."""
        names = ("id", "kind", "portal", "count", "seconds", "probability", "delay", "after", "in_batch")
        shown = {name: getattr(self, name) for name in names}
        extra = {"hits": self.hits, "waiting": self.waiting, "active": self.active}
        return {**shown, "methods": list(self.methods), **extra}


class FaultBook:
    """All rules of the process; the first that fits hits. `seed` makes chance repeatable.

    The rules' times are the portal's seconds, of which `scale` pass in a real one.
    """

    def __init__(self, seed: int = 0, scale: float = 1.0) -> None:
        self._seed = seed
        self._scale = scale
        self._random = random.Random(seed)
        self._rules: list[Rule] = []
        self._last_id = 0

    def add(self, given: dict[str, Any]) -> Rule:
        """A new rule from the control API's JSON; raises ValueError with a text for the caller."""
        self._last_id += 1
        rule = _rule(self._last_id, given)
        rule.scale = self._scale
        self._rules.append(rule)
        return rule

    def pick(self, portal: str, method: str) -> Rule | None:
        """The rule that hits this HTTP request, counted as a hit; None = the request is left alone."""
        return self._pick(portal, method, in_batch=False) if self._rules else None

    def refuse_command(self, portal: str, method: str) -> None:
        """Raises `RestError` when an `in_batch` rule hits this command of a batch."""
        rule = self._pick(portal, method, in_batch=True) if self._rules else None
        if rule is not None:
            raise RestError(rule.problem())

    def clear(self, portal: str | None = None, rule_id: int | None = None) -> int:
        """Remove all rules, or those of one portal, or one; releases what hangs; returns how many went."""
        gone = [
            rule
            for rule in self._rules
            if (portal is None or rule.portal == portal) and (rule_id is None or rule.id == rule_id)
        ]
        for rule in gone:
            rule.released.set()
        self._rules = [rule for rule in self._rules if not rule.released.is_set()]
        if not self._rules:
            self._random.seed(self._seed)
        return len(gone)

    def rules(self) -> Iterable[Rule]:
        """The rules since the last clearing, exhausted ones included."""
        return tuple(self._rules)

    def _pick(self, portal: str, method: str, *, in_batch: bool) -> Rule | None:
        for rule in self._rules:
            if rule.in_batch != in_batch or not rule.active or rule.portal not in (None, portal):
                continue
            if rule.methods and not any(fnmatchcase(method, pattern) for pattern in rule.methods):
                continue
            if rule.probability < 1 and self._random.random() >= rule.probability:
                continue
            rule.hits += 1
            return rule
        return None


def _rule(rule_id: int, given: dict[str, Any]) -> Rule:
    kind = KINDS.get(str(given.get("kind")))
    if kind is None:
        raise ValueError(f"kind is {given.get('kind')!r}; known: {', '.join(KINDS)}")
    unknown = set(given) - _SETTABLE
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(_SETTABLE))}")
    methods = given.get("methods") or ()
    rule = Rule(
        id=rule_id,
        kind=str(given["kind"]),
        portal=given.get("portal"),
        methods=tuple(str(name).lower() for name in ([methods] if isinstance(methods, str) else methods)),
        count=_number(given, "count", int),
        seconds=_number(given, "seconds", float),
        probability=share(given, "probability", 1.0),
        delay=_number(given, "delay", float),
        after=bool(given.get("after", kind.after)),
        in_batch=bool(given.get("in_batch", False)),
        size=_number(given, "size", int, 1_000_000),
        location=str(given.get("location", "")),
        status=_number(given, "status", int),
        error=given.get("error"),
        error_description=given.get("error_description"),
    )
    if rule.kind in ("delay", "slow") and rule.delay is None:
        raise ValueError(f"kind {rule.kind} needs delay, in seconds")
    if rule.kind == "302" and not rule.location:
        raise ValueError("kind 302 needs location, e.g. http://127.0.0.1:8080")
    if rule.in_batch and kind.problem is None:
        raise ValueError(f"kind {rule.kind} cannot stand in a batch: only kinds with an error body can")
    return rule


_SETTABLE = {
    "kind", "portal", "methods", "count", "seconds", "probability", "delay", "after",
    "in_batch", "size", "location", "status", "error", "error_description",
}  # fmt: skip


def share(given: dict[str, Any], name: str, default: float) -> float:
    """A number from 0 to 1, absent or None = `default`; raises ValueError with a text for the caller."""
    value = _number(given, name, float)
    if value is not None and not 0 <= value <= 1:
        raise ValueError(f"{name} is {given[name]!r}; it must be a number from 0 to 1")
    return default if value is None else float(value)


def _number(given: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
    value = given.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {value!r}; it must be a number")
    return kind(value)
