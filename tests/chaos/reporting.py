"""The end of a run of any kill test: wait for the answers, print the verdict."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

__all__ = ["all_answered", "report"]


class _Case(Protocol):
    @property
    def answers(self) -> Sequence[object]: ...


class _Verdict(Protocol):
    failures: list[str]

    def line(self) -> str: ...


async def all_answered(cases: Iterable[_Case], answered: Callable[[], int], stall: float) -> None:
    """Until each case has an answer, or `answered` has not grown for `stall` seconds."""
    seen, since = -1, time.monotonic()
    while any(not case.answers for case in cases):
        if (now := answered()) != seen:
            seen, since = now, time.monotonic()
        if time.monotonic() - since > stall:
            return
        await asyncio.sleep(0.1)


def report(verdict: _Verdict, lines: Iterable[str], folder: Path, *, word: str) -> None:
    """Print the line; on failure also why, `lines` under `word`, and where the logs are."""
    print(verdict.line(), flush=True)
    for failure in verdict.failures:
        print(f"  FAILED: {failure}", flush=True)
    for line in lines:
        print(f"  {word}: {line}", flush=True)
    if verdict.failures:
        print(f"  logs: {folder}", flush=True)
