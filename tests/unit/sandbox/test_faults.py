"""Which requests a rule hits."""

import asyncio
from typing import Any

import pytest

from sandbox.portal.errors import RestError
from sandbox.portal.faults import KINDS, FaultBook


def _hits(book: FaultBook, times: int, portal: str = "default", method: str = "crm.deal.add") -> int:
    return sum(book.pick(portal, method) is not None for _ in range(times))


def test_nothing_injected_hits_nothing() -> None:
    assert _hits(FaultBook(), 10) == 0


def test_count() -> None:
    book = FaultBook()
    rule = book.add({"kind": "502", "count": 2})
    assert _hits(book, 10) == 2
    assert (rule.hits, rule.active) == (2, False)


def test_methods_are_patterns_and_ignore_case() -> None:
    book = FaultBook()
    book.add({"kind": "500", "methods": ["CRM.*.add", "profile"]})
    assert [book.pick("default", name) is not None for name in ("crm.deal.add", "crm.deal.get", "profile")] == [
        True,
        False,
        True,
    ]


def test_portal() -> None:
    book = FaultBook()
    book.add({"kind": "503", "portal": "one"})
    assert (_hits(book, 1, "one"), _hits(book, 1, "two")) == (1, 0)


def test_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("sandbox.portal.faults.time.monotonic", lambda: now)
    book = FaultBook()
    rule = book.add({"kind": "503", "seconds": 5})
    rule.born = now
    assert _hits(book, 1) == 1
    now = 105.0
    assert _hits(book, 1) == 0


def test_probability_is_repeatable() -> None:
    runs = []
    for _ in range(2):
        book = FaultBook(seed=7)
        book.add({"kind": "reset_before", "probability": 0.3})
        runs.append([book.pick("default", "profile") is not None for _ in range(200)])
    assert runs[0] == runs[1]
    assert 30 < sum(runs[0]) < 90


@pytest.mark.parametrize("probability", [3, -0.1, True, "1"])
def test_a_probability_is_from_0_to_1(probability: Any) -> None:
    with pytest.raises(ValueError, match="probability is"):
        FaultBook().add({"kind": "502", "probability": probability})
    assert [FaultBook().add({"kind": "502", "probability": good}).probability for good in (0, 1, None)] == [0, 1, 1]


def test_the_first_rule_that_fits_hits() -> None:
    book = FaultBook()
    book.add({"kind": "502", "count": 1})
    book.add({"kind": "504"})
    kinds = [rule.kind for rule in (book.pick("default", "profile") for _ in range(3)) if rule]
    assert kinds == ["502", "504", "504"]


def test_times_are_the_portals(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("sandbox.portal.faults.time.monotonic", lambda: now)
    book = FaultBook(scale=60)
    book.add({"kind": "503", "seconds": 120}).born = now
    now = 101.9
    assert _hits(book, 1) == 1
    now = 102.0
    assert _hits(book, 1) == 0


async def test_clearing_releases_what_waits() -> None:
    book = FaultBook()
    rule = book.add({"kind": "hang_before"})
    waiting = asyncio.create_task(rule.wait(None))
    await asyncio.sleep(0)
    assert rule.waiting == 1
    assert book.clear() == 1
    await asyncio.wait_for(waiting, 1)
    assert _hits(book, 1) == 0


def test_clearing_one_portal_or_one_rule_leaves_the_rest() -> None:
    book = FaultBook()
    book.add({"kind": "500", "portal": "one"})
    second = book.add({"kind": "500"})
    third = book.add({"kind": "502"})
    assert book.clear(portal="one") == 1
    assert book.clear(rule_id=second.id) == 1
    assert [rule.id for rule in book.rules()] == [third.id]


def test_rules_for_batch_commands_leave_http_requests_alone() -> None:
    book = FaultBook()
    book.add({"kind": "429", "in_batch": True, "methods": "crm.deal.add"})
    assert _hits(book, 1) == 0
    book.refuse_command("default", "crm.deal.get")
    with pytest.raises(RestError, match="OPERATION_TIME_LIMIT"):
        book.refuse_command("default", "crm.deal.add")


def test_error_parts_may_be_replaced() -> None:
    rule = FaultBook().add({"kind": "error", "status": 418, "error": "X", "error_description": "y"})
    assert (rule.problem().status, rule.problem().body()) == (418, {"error": "X", "error_description": "y"})
    assert FaultBook().add({"kind": "error_200"}).problem().status == 200


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "kind is None"),
        ({"kind": "nonsense"}, "known: delay"),
        ({"kind": "500", "conut": 1}, "unknown: conut"),
        ({"kind": "500", "count": "1"}, "count is '1'"),
        ({"kind": "delay"}, "needs delay"),
        ({"kind": "slow"}, "needs delay"),
        ({"kind": "302"}, "needs location"),
        ({"kind": "reset_before", "in_batch": True}, "cannot stand in a batch"),
    ],
)
def test_wrong_rules_are_refused_with_a_reason(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        FaultBook().add(given)


def test_every_kind_says_what_it_does() -> None:
    assert all(kind.about for kind in KINDS.values())
