"""What came of a day, in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sandbox.site.message import Message
from tests.chaos.day.stage import DayStage
from tests.day.compare import differences
from tests.day.index import read_index
from tests.day.mapping import MAPPING
from tests.day.model import expected
from tests.day.portal import read_portal
from tests.day.rest import Rest
from tests.day.state import State
from tests.support.bridge import read_topic

__all__ = ["DayVerdict", "dead_letters", "look"]

_SHOWN = 40


@dataclass
class DayVerdict:
    """Figures of a day. `failures` empty = it held."""

    messages: int = 0
    seconds: float = 0.0
    again_seconds: float = 0.0
    kills: list[int] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    ends: list[int | None] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    writes: int = 0
    letters: int = 0
    again: int = 0
    again_writes: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Name and value, a line each."""
        written = sum(self.again_writes.values())
        rows: dict[str, object] = {
            "messages": f"{self.messages} in {self.seconds:.0f} s",
            **self.counts,
            "portal calls": f"{self.calls}, of which {self.writes} changed something",
            "kills": f"{len(self.kills)} (requests out at the portal: {', '.join(map(str, self.kills)) or 'none'})",
            "faults": ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items())) or "none",
            "dead letters": self.letters,
            "differences": len(self.differences),
            "second play": f"{self.again} messages in {self.again_seconds:.0f} s, {written} writes",
        }
        width = max(map(len, rows))
        return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items())


async def look(stage: DayStage, messages: Sequence[Message], verdict: DayVerdict) -> State:
    """Compare portal and index with the model; the state that was found."""
    must = expected(messages, MAPPING)
    async with Rest(stage.portal.url) as rest:
        held = await read_portal(rest, MAPPING)
    if stage.urls.search:
        await read_index(stage.urls.search, stage.alias, held)
    names = ("companies", "sections", "products", "deals", "orders", "documents")
    for name in names:
        found, wanted = getattr(held, name), getattr(must, name)
        if found is not None:
            verdict.counts[name] = len(found)
        if not wanted:
            verdict.failures.append(f"the day has no {name}: nothing was tested")
    verdict.differences = differences(must, held)
    if verdict.differences:
        lines = verdict.differences
        more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
        verdict.failures += [f"difference: {line}" for line in lines[:_SHOWN]] + ([more] if more else [])
    return held


async def dead_letters(stage: DayStage, messages: Sequence[Message], verdict: DayVerdict) -> None:
    """Each wrong message is one, and nothing else is."""
    servers = [stage.urls.kafka.removeprefix("kafka://").rstrip("/")]
    letters = await read_topic(servers, f"{stage.topics}dead.letters")
    verdict.letters = len(letters)
    wrong = {_content(one.body): one.wrong for one in messages if one.wrong}
    found: dict[Any, str] = {}
    for letter in letters:
        headers = {name: (value or b"").decode() for name, value in letter.headers}
        found[_content(letter.value or b"")] = f"{headers.get('dl-agent')}: {headers.get('dl-last-error')}"
    strange = [text for content, text in found.items() if content not in wrong]
    verdict.failures += [f"dead letter of a good message: {text[:300]}" for text in strange[:10]]
    if len(strange) > 10:
        verdict.failures.append(f"and {len(strange) - 10} dead letters more")
    verdict.failures += [f"no dead letter: {why}" for content, why in wrong.items() if content not in found]


def _content(body: bytes) -> bytes:
    """The same for the same JSON, however it is written."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:
        return body
