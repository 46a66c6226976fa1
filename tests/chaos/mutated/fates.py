"""What became of each message: followed by its message id through the topics."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.support.bridge import read_topic

__all__ = ["Fate", "Letter", "read_crashes", "read_fates"]

_EVENTS = ("events.user", "events.product", "events.section", "events.settlement")


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; `headers` as text."""

    headers: dict[str, str]
    value: bytes

    @property
    def text(self) -> str:
        """What went wrong."""
        return self.headers.get("dl-last-error", "")

    @property
    def place(self) -> tuple[str, str, str]:
        """Topic, partition and offset of the record that it is about."""
        return tuple(self.headers.get(name, "") for name in ("dl-topic", "dl-partition", "dl-offset"))  # type: ignore[return-value]


@dataclass
class Fate:
    """All that carries the id of one message. `events`: their places; `done`: time of the last answer."""

    events: list[tuple[str, str, str]] = field(default_factory=list)
    plans: int = 0
    answers: int = 0
    failures: list[str] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    done: float = 0.0

    def ends(self) -> Counter[str]:
        """How many of its events or plans ended as `effect`, `refused` (by its flow or before) and `failed`."""
        refused = [one for one in self.letters if not one.headers.get("plan")]
        found = {"effect": self.answers - len(self.failures), "refused": len(refused), "failed": len(self.failures)}
        return Counter({name: count for name, count in found.items() if count})

    def faults(self) -> Iterator[str]:
        """Why it is not accounted for; nothing = it is."""
        refused = {one.place for one in self.letters if not one.headers.get("plan")}
        early = [one for one in self.letters if "dl-queue" in one.headers]
        if not self.events and not early:
            yield "it is in no topic of events, and no dead letter"
        strange = refused - set(self.events) - {one.place for one in early}
        if strange:
            yield f"a dead letter of something else: {sorted(strange)}"
        living = len(set(self.events) - refused)
        if self.plans < living:
            yield f"{living} of its {len(self.events)} events have no dead letter, but it has {self.plans} plans"
        if not living and self.plans:
            yield f"{self.plans} plans although all its events are dead letters"
        if self.answers != self.plans:
            yield f"{self.plans} plans have {self.answers} answers"
        plans = [one for one in self.letters if one.headers.get("plan")]
        if len(plans) != len(self.failures):
            yield f"{len(self.failures)} failed plans have {len(plans)} dead letters"


async def read_fates(kafka: str, prefix: str) -> dict[str, Fate]:
    """By message id; plans that a watch ran again are of no message. `prefix` of the topics' names."""
    servers = [kafka.removeprefix("kafka://").rstrip("/")]
    fates: dict[str, Fate] = defaultdict(Fate)
    for topic in _EVENTS:
        for record in await read_topic(servers, prefix + topic):
            place = prefix + topic, str(record.partition), str(record.offset)
            fates[_text(record.headers).get("amqp-message-id", "")].events.append(place)
    for record in await read_topic(servers, f"{prefix}portal.requests.bulk"):
        headers = _text(record.headers)
        if "watch" not in headers:
            fates[headers.get("amqp-message-id", "")].plans += 1
    for answer_id, headers, value, at in await _answers(servers, prefix):
        fate = fates.get(headers.get("message-id", ""))
        if fate is None or headers.get("message-id") == answer_id:
            continue
        fate.answers += 1
        fate.done = max(fate.done, at)
        if "error-class" in headers:
            fate.failures.append(f"{headers['error-class']}: {value[:300].decode(errors='replace')}")
    for record in await read_topic(servers, f"{prefix}dead.letters"):
        headers = _text(record.headers)
        fates[headers.get("amqp-message-id", "")].letters.append(Letter(headers, record.value or b""))
    return dict(fates)


async def read_crashes(kafka: str, prefix: str) -> list[Any]:
    """Entries of the crash ledger."""
    records = await read_topic([kafka.removeprefix("kafka://").rstrip("/")], f"{prefix}delivery.crashes")
    return [orjson.loads(record.value) for record in records if record.value]


async def _answers(servers: list[str], prefix: str) -> list[tuple[str, dict[str, str], bytes, float]]:
    """Answers without those that came again."""
    found: dict[str, tuple[str, dict[str, str], bytes, float]] = {}
    for record in await read_topic(servers, f"{prefix}portal.results"):
        headers = _text(record.headers)
        answer_id = headers.get("answer-id", "")
        found.setdefault(answer_id, (answer_id, headers, record.value or b"", record.timestamp / 1000))
    return list(found.values())


def _text(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in headers}
