"""What the log says of portals, and how seldom."""

import logging
from typing import Any

import pytest

from pipeline.ops.state_log import CALM, CALM_SLOW, StateLog
from pipeline.portal.view import PortalState, Refused
from tests.support.pages import portal

NOW = 1000.0
STEP = 0.5


class Log:
    """A StateLog that looks twice a second."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "pipeline.ops.state_log")
        self._caplog = caplog
        self._subject = StateLog()
        self.now = NOW

    def look(self, *portals: PortalState, seconds: float = STEP) -> list[tuple[str, str]]:
        """Levels and lines that came while the portals were so."""
        self._caplog.clear()
        for _ in range(round(seconds / STEP)):
            self._subject.look(portals, self.now)
            self.now += STEP
        return [(record.levelname, record.message) for record in self._caplog.records]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


@pytest.mark.parametrize("state", ["down", "blocked"])
def test_a_portal_that_turns_bad_and_is_well_again(log: Log, state: Any) -> None:
    assert log.look(portal("main"), portal("b")) == []
    bad = portal("main", state=state, reason="because")
    assert log.look(bad, portal("b"), seconds=30) == [("WARNING", f"portal main is {state}: because")]
    over = [("INFO", f"portal main is ok now, it was {state} for 30 s")]
    assert log.look(portal("main"), portal("b"), seconds=CALM + 1) == over
    assert log.look(portal("main"), seconds=600) == []


def test_one_bad_state_after_another(log: Log) -> None:
    log.look(portal("main", state="down", reason="refused"))
    lines = log.look(portal("main", state="blocked", reason="OVERLOAD_LIMIT"), seconds=CALM + 1)
    assert [line for _, line in lines] == [
        "portal main is blocked: OVERLOAD_LIMIT",
        "portal main is blocked now, it was down for 0 s",
    ]


def test_each_credential_is_told_of_by_itself(log: Log) -> None:
    hook, app = Refused("hook", NOW, NOW + 60, "NO_AUTH_FOUND"), Refused("app", NOW, NOW + 60, "invalid_grant")
    assert log.look(portal("main", state="auth", refused=(hook,)), seconds=5) == [
        ("WARNING", "portal main refuses credential hook, its requests wait: NO_AUTH_FOUND")
    ]
    assert log.look(portal("main", state="auth", refused=(hook, app)), seconds=5) == [
        ("WARNING", "portal main refuses credential app, its requests wait: invalid_grant")
    ]
    assert log.look(portal("main", state="auth", refused=(app,)), seconds=CALM + 1) == [
        ("INFO", "portal main accepts credential hook again, which it refused for 10 s")
    ]


def test_a_busy_portal_that_is_at_its_limit_again_and_again_is_told_of_once(log: Log) -> None:
    states = [portal("main", state="throttled", reason="intensity limit"), portal("main"), portal("main")]
    lines = [line for turn in range(3000) for line in log.look(states[turn % 3])]
    assert lines == [("INFO", "portal main is throttled: intensity limit")]
    ((level, line),) = log.look(portal("main"), seconds=CALM_SLOW + 5)
    assert level == "INFO" and line.startswith("portal main is ok now, it was throttled for 149")


def test_a_portal_that_comes_and_goes_does_not_flood(log: Log) -> None:
    states = [portal("main", state="down", reason="refused"), portal("main")]
    assert len([line for turn in range(1000) for line in log.look(states[turn % 2])]) == 1


def test_a_portal_that_another_worker_has_now_is_forgotten(log: Log) -> None:
    down = portal("main", state="down", reason="refused")
    log.look(down)
    assert log.look(seconds=60) == []
    assert log.look(down) == [("WARNING", "portal main is down: refused")]
