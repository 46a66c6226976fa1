"""pipeline/delivery: pauses, circuit breaker, freeze guard."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery import guard
from pipeline.delivery.breaker import Breaker
from pipeline.delivery.guard import FreezeGuard
from pipeline.delivery.retry import Backoff
from tests.unit.delivery.fakes import Died


@given(attempt=st.integers(1, 10_000), first=st.floats(0.01, 5), longest=st.floats(5, 600))
def test_a_pause_grows_and_is_bounded(attempt: int, first: float, longest: float) -> None:
    pause = Backoff(first, longest).pause(attempt)
    step = min(longest, first * 2.0 ** min(attempt - 1, 30))
    assert step / 2 <= pause <= step <= longest


def test_pauses_are_spread() -> None:
    assert len({Backoff(1, 60).pause(3) for _ in range(20)}) > 10


def test_the_breaker_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(3)
    for _ in range(2):
        breaker.failed()
    assert not breaker.open
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    assert not breaker.open
    breaker.failed()
    assert breaker.open
    breaker.succeeded()
    assert not breaker.open


def test_the_guard_ends_a_worker_that_stood_still(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(guard, "_clock", lambda: now[0])
    subject = FreezeGuard(15)
    now[0] += 1000
    subject.check()  # not armed before the first tick: joining takes seconds
    subject._last = now[0]
    now[0] += 14.9
    subject.check()
    now[0] += 0.2
    with pytest.raises(Died, match="stood still"):
        subject.check()


async def test_the_tick_looks_before_it_sets_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(guard, "_clock", lambda: now[0])
    subject = FreezeGuard(0.05)
    ticking = asyncio.create_task(subject.tick())
    await asyncio.sleep(0)
    now[0] += 1
    with pytest.raises(Died):
        await ticking
