"""Whether two callers called one portal at the same time."""

import pytest

from sandbox.portal.requests import RequestLog, overlap


def _log(*spans: tuple[str, float, float | None]) -> RequestLog:
    log = RequestLog(100)
    for worker, arrived, answered in spans:
        log.new(arrived, "profile", "127.0.0.1", f"127.0.0.1:{arrived}", "agent", worker).answered = answered
    return log


def test_one_caller_may_have_many_in_flight() -> None:
    found = overlap(_log(("a", 1, 5), ("a", 2, 3), ("a", 2, 9)), "caller", 10)
    assert (found["overlaps"], found["max_callers"], found["callers"]) == (0, 1, {"a@127.0.0.1": 3})


def test_one_after_another_is_no_overlap() -> None:
    found = overlap(_log(("a", 1, 5), ("b", 5, 6), ("a", 6, 7)), "caller", 10)
    assert (found["overlaps"], found["seconds"], found["pairs"]) == (0, 0.0, [])


def test_two_at_once() -> None:
    found = overlap(_log(("a", 1, 5), ("b", 3, 9), ("b", 4, 4.5), ("a", 9, 10)), "caller", 10)
    assert (found["overlaps"], found["max_callers"]) == (2, 2)
    assert found["seconds"] == pytest.approx(2.5)
    assert [item.worker for item in found["pairs"][0]["requests"]] == ["a", "b"]


def test_what_is_not_answered_yet_still_runs() -> None:
    assert overlap(_log(("a", 1, None), ("b", 3, 4)), "caller", 10)["overlaps"] == 1


def test_who_has_hung_up_is_counted_apart() -> None:
    log = _log(("a", 1, 9), ("b", 3, 4))
    next(iter(log)).gone = True
    found = overlap(log, "caller", 10)
    assert (found["overlaps"], found["overlaps_with_gone"]) == (0, 1)


def test_callers_may_be_told_apart_otherwise() -> None:
    log = _log(("a", 1, 5), ("b", 3, 9))
    assert overlap(log, "agent", 10)["overlaps"] == 0
    assert overlap(log, "source", 10)["overlaps"] == 0
    assert overlap(log, "peer", 10)["overlaps"] == 1


def test_the_log_is_bounded_and_finds_by_number() -> None:
    log = RequestLog(2)
    for moment in range(3):
        log.new(moment, "profile", "", "", "", "")
    assert [entry.number for entry in log] == [2, 3]
    found = log.of(3)
    assert found is not None
    assert found.arrived == 2
    assert (log.of(1), log.of(4)) == (None, None)
    log.clear()
    assert log.of(3) is None
    assert log.new(9, "profile", "", "", "", "").number == 4
