"""A portal that is away: requests wait, health says why, then they go out in order; and the intensity limit."""

from collections import defaultdict
from typing import Any

import pytest

from stack.sandbox import Portal
from tests.e2e.installation import Installation, Simulator
from tests.e2e.waiting import eventually

pytestmark = pytest.mark.services


def titles_by_deal(executions: list[dict[str, Any]]) -> dict[int, list[str]]:
    """Titles that updates wrote, by deal, in the order in which they were executed."""
    found: dict[int, list[str]] = defaultdict(list)
    for run in executions:
        if run["method"] == "crm.deal.update":
            found[int(run["keys"]["ID"])].append(run["keys"]["TITLE"])
    return dict(found)


def test_requests_wait_for_a_portal_that_is_down_and_go_out_in_order(bus: Installation, absent: Portal) -> None:
    adds = [bus.send("crm.deal.add", {"fields": {"TITLE": "new"}}, portal="absent") for _ in range(2)]
    updates = [
        bus.send("crm.deal.update", {"id": deal, "fields": {"TITLE": f"{deal}-{n}"}}, portal="absent")
        for n in range(10)
        for deal in (1, 2)
    ]
    reason = eventually(
        lambda: next((r for r in bus.health("portals") if r.startswith("absent: down; ")), ""), "health says it"
    )
    assert "nothing was sent" in reason
    shown = eventually(
        lambda: next(
            (p for p in bus.page("/api/lag").json()["portals"] if p["portal"] == "absent" and p["waiting"] == 22), None
        ),
        "the page shows how many wait",
    )
    assert shown is not None
    assert shown["state"] == "down" and shown["oldest_age"] is not None
    bus.ask(params={"others": "go on"})
    assert not any(bus.mailbox.of(message_id) for message_id in adds + updates)

    absent.start()
    portal = Simulator(absent)
    assert sorted(bus.mailbox.wait(message_id).json["result"] for message_id in adds) == [1, 2]
    for message_id in updates:
        answer = bus.mailbox.wait(message_id)
        assert (answer.error_class, answer.json["result"]) == (None, True)
    assert titles_by_deal(portal.executions()) == {deal: [f"{deal}-{n}" for n in range(10)] for deal in (1, 2)}
    assert sum(1 for run in portal.executions() if run["method"] != "batch") == 22, "each was executed once"
    assert portal.requests <= 22
    eventually(lambda: not any(r.startswith("absent") for r in bus.health("portals")), "well again")


def test_the_intensity_limit_is_kept(bus: Installation, limited: Portal) -> None:
    asked = [bus.send(params={"n": n}, portal="limited") for n in range(50)]
    for n, message_id in enumerate(asked):
        answer = bus.mailbox.wait(message_id)
        assert (answer.json["result"], answer.attempts) == ({"n": n}, 1)
    counters = Simulator(limited).counters()
    assert (counters["requests"], counters["refused"]) == (50, 0)


def test_a_limit_that_nobody_told_us_is_respected_all_the_same(bus: Installation, limited: Portal) -> None:
    asked = [bus.send(params={"n": n}, portal="greedy") for n in range(40)]
    for n, message_id in enumerate(asked):
        assert bus.mailbox.wait(message_id).json["result"] == {"n": n}
    portal = Simulator(limited, "greedy")
    assert portal.counters()["refused"] > 0, "or this shows nothing"
    assert portal.requests < 2 * len(asked), "it backs off"
    assert portal.executed("sandbox.echo") == len(asked)
