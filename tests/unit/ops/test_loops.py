"""A loop that fails neither ends the worker nor stays silent."""

import asyncio
import logging

import pytest

from pipeline.ops.loops import Problems


async def test_a_fault_is_kept_logged_once_and_cleared(caplog: pytest.LogCaptureFixture) -> None:
    problems = Problems()

    async def fails() -> None:
        raise ConnectionError("refused")

    async def works() -> None:
        pass

    with caplog.at_level(logging.INFO):
        assert not await problems.attempt("lag", fails, 1)
        first = problems.get("lag")
        assert not await problems.attempt("lag", fails, 1)
    assert first is not None
    assert first.text == "ConnectionError: refused"
    assert problems.get("lag") == first, "the time of the first fault stays"
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
    with caplog.at_level(logging.INFO):
        assert await problems.attempt("lag", works, 1)
    assert problems.current == ()
    assert "lag works again" in caplog.text


async def test_a_step_that_hangs_is_cut() -> None:
    problems = Problems()
    assert not await problems.attempt("lag", lambda: asyncio.Event().wait(), 0.01)  # type: ignore[arg-type,return-value]
    problem = problems.get("lag")
    assert problem is not None
    assert problem.text == "TimeoutError"


async def test_being_cancelled_is_no_fault() -> None:
    problems = Problems()

    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await problems.attempt("lag", cancelled, 1)
    assert problems.current == ()
