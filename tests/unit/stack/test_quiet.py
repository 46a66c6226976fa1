"""When is everything done? Nothing left, nothing moving; and what is stuck is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stack import quiet
from stack.quiet import Look, NotDone, Quiet

IDLE = Look(queued=0, lag=0, waiting=0, requests=5, in_flight=0)


class Shown(Quiet):
    """Looks as they are given; the last one again and again."""

    def __init__(self, *looks: Look) -> None:
        super().__init__("amqp://nowhere", (), "", "")
        self.looks: Iterator[Look] = iter(looks)
        self.last = looks[-1]

    async def look(self) -> Look:
        return next(self.looks, self.last)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "INTERVAL", 0.001)


@pytest.mark.parametrize(
    "left",
    [
        Look(1, 0, 0, 5, 0),
        Look(0, 1, 0, 5, 0),
        Look(0, 0, 1, 5, 0),
        Look(0, 0, 0, 5, 1),
        Look(0, None, None, 5, 0),
    ],
)
async def test_what_is_left_anywhere_is_waited_for(left: Look) -> None:
    assert not left.done
    with pytest.raises(NotDone, match=r"nothing moves"):
        await Shown(left).done(calm=0.0, stall=0.02)


async def test_it_ends_when_nothing_is_left_and_nothing_moves() -> None:
    seen: list[Look] = []
    busy = Look(queued=2, lag=3, waiting=1, requests=1, in_flight=1)
    await Shown(busy, busy, IDLE).done(calm=0.01, stall=5.0, seen=seen.append)
    assert seen[:3] == [busy, busy, IDLE] and set(seen[2:]) == {IDLE}
    assert len(seen) > 3, "it was calm for a while"


async def test_requests_that_still_come_are_movement() -> None:
    looks = [Look(0, 0, 0, requests, 0) for requests in range(20)]
    shown = Shown(*looks)
    await shown.done(calm=0.01, stall=5.0)
    assert next(shown.looks, None) is None, "all of them were seen"


def test_it_says_where_things_are() -> None:
    assert (
        str(Look(3, 4, 2, 0, 0, "companies 4"))
        == "3 messages in queues, 2 requests wait for the portal, behind: companies 4"
    )
    assert "no worker answers" in str(Look(3, None, None, 0, 0))
    assert Look(3, 4, 2, 0, 0).left == 9
