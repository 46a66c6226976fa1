"""The board: what workers say of their portals, and what is shown when they no longer say it."""

import time

import orjson
import pytest

from pipeline.bridge.status import BridgeStatus, DestinationStatus, QueueStatus
from pipeline.ops.board import Board
from pipeline.ops.board_records import BRIDGE, PORTAL, Entry, pack, unpack
from pipeline.portal.view import Refused, ThrottleWait
from tests.support.pages import portal

WAITS = (ThrottleWait("mirror", 3.0),)
BRIDGE_STATE = BridgeStatus(
    12.0, "refused", (QueueStatus("in", True, 3, unacked=1),), (DestinationStatus("gone", 2, 5.0, "no queue"),)
)


def put(board: Board, entry: Entry, at: float) -> None:
    board.put(*pack(entry), at)


@pytest.mark.parametrize(
    "entry",
    [
        Entry(PORTAL, "first", "w1", 10.0, portal(waiting=3, oldest_age=1.5, state="held", since=1.0, until=2.0)),
        Entry(PORTAL, "имя: с двоеточием", "w1", 10.0, portal()),
        Entry(PORTAL, "first", "w1", 10.0, portal(refused=(Refused("hook", 1.0, 2.0, "X"),), throttles=WAITS)),
        Entry(BRIDGE, "w1", "w1", 10.0, BRIDGE_STATE),
    ],
)
def test_a_record_says_what_the_entry_was(entry: Entry) -> None:
    assert unpack(*pack(entry)) == entry


def test_a_record_of_a_newer_version_is_understood() -> None:
    key, value = pack(Entry(PORTAL, "first", "w1", 10.0, portal()))
    raw = orjson.loads(value)
    raw["state"]["mood"] = "new"
    raw["more"] = 1
    assert unpack(key, orjson.dumps(raw)).state == portal()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"nobody:x", b"{}"),
        (b"portal:", b"{}"),
        (b"portal:x", b"no json"),
        (b"portal:x", b"[]"),
        (b"portal:x", b"{}"),
        (b"portal:x", b'{"worker":"w","time":1,"state":{"name":"x"}}'),
        (b"\xff", b"{}"),
    ],
)
def test_what_is_not_ours_is_passed_over(key: bytes, value: bytes) -> None:
    board = Board()
    board.put(key, value, time.time())
    assert board.portals([], [], "w1") == []


def test_configured_portals_are_shown_without_any_word() -> None:
    (line,) = Board().portals(["quiet"], [], "w1")
    assert (line.name, line.state, line.last_seen) == ("quiet", None, None)


def test_a_portal_whose_owner_is_silent_is_stale_and_its_oldest_request_goes_on_growing() -> None:
    board = Board()
    now = time.time()
    put(board, Entry(PORTAL, "fresh", "w2", now, portal("fresh", waiting=1, oldest_age=1.0)), now - 14)
    put(board, Entry(PORTAL, "old", "w2", now, portal("old", waiting=1, oldest_age=1.0)), now - 16)
    fresh, old = board.portals([], [], "w1")
    assert (fresh.stale, old.stale) == (False, True)
    assert old.oldest_age == pytest.approx(17.0, abs=1)
    assert old.last_seen == now - 16


def test_what_this_worker_owns_is_fresher_than_any_record() -> None:
    board = Board()
    put(board, Entry(PORTAL, "mine", "w2", 0.0, portal("mine", waiting=9)), time.time() - 60)
    (line,) = board.portals([], [portal("mine", waiting=2)], "w1")
    assert line.state is not None
    assert (line.state.waiting, line.worker, line.stale) == (2, "w1", False)


def test_what_is_older_than_an_hour_is_not_shown() -> None:
    board = Board()
    put(board, Entry(PORTAL, "gone", "w2", 0.0, portal("gone")), time.time() - 3700)
    assert board.portals([], [], "w1") == []


def test_bridges_of_all_workers_until_they_leave() -> None:
    board = Board()
    put(board, Entry(BRIDGE, "w2", "w2", 0.0, BRIDGE_STATE), time.time())
    assert [seen.entry.worker for seen in board.bridges(BridgeStatus(None), "w1")] == ["w1", "w2"]
    board.put(b"bridge:w2", None, time.time())
    assert [seen.entry.worker for seen in board.bridges(None, "w1")] == []
