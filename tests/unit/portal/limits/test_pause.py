"""pipeline/portal/limits/pause.py: why a portal is not called, and until when."""

import pytest

from pipeline.delivery.retry import Backoff
from pipeline.portal.limits.pause import Pause, Refusal

NOW = 1000.0
FIRST, LONGEST = 1.0, 8.0


def pause() -> Pause:
    return Pause(Backoff(FIRST, LONGEST), blocked_probe=600.0)


def test_at_first_it_may_be_called() -> None:
    subject = pause()
    assert (subject.word, subject.remaining(NOW), subject.since) == ("ok", 0.0, None)


def test_no_connection_pauses_at_once_longer_each_time_and_up_to_a_bound() -> None:
    subject = pause()
    for step in (1.0, 2.0, 4.0, 8.0, 8.0):
        subject.unreachable(NOW, "refused")
        assert step / 2 <= subject.remaining(NOW) <= step
    assert (subject.word, subject.reason, subject.since) == ("down", "refused", NOW)
    assert subject.remaining(NOW + 9) == 0.0


def test_since_is_the_beginning_of_the_state_not_its_last_confirmation() -> None:
    subject = pause()
    subject.unreachable(NOW, "a")
    subject.unreachable(NOW + 50, "b")
    assert (subject.since, subject.reason) == (NOW, "b")
    subject.throttled(NOW + 60, 2.0, "limit")
    assert (subject.word, subject.since, subject.until) == ("throttled", NOW + 60, NOW + 62)


def test_a_few_strange_answers_may_be_the_requests_own_fault() -> None:
    subject = pause()
    for _ in range(2):
        subject.failed(NOW, "HTTP 500")
        assert (subject.word, subject.remaining(NOW)) == ("ok", 0.0)
    subject.failed(NOW, "HTTP 500")
    assert subject.word == "down" and 0 < subject.remaining(NOW) <= FIRST


def test_a_block_is_probed_rarely() -> None:
    subject = pause()
    subject.blocked(NOW, "OVERLOAD_LIMIT")
    assert (subject.word, subject.remaining(NOW)) == ("blocked", 600.0)


def test_a_success_ends_everything() -> None:
    subject = pause()
    for break_it in (subject.unreachable, subject.failed, subject.blocked):
        for _ in range(4):
            break_it(NOW, "x")
        subject.succeeded(NOW + 1)
        assert (subject.word, subject.reason, subject.since, subject.until) == ("ok", "", None, None)
        assert subject.last_success == NOW + 1
    subject.unreachable(NOW, "x")
    assert subject.remaining(NOW) <= FIRST, "the steps begin anew"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "127.0.0.1:1: Cannot connect to host 127.0.0.1:1 ssl:default [Connect call failed ('127.0.0.1', 1)]; "
            "nothing was sent",
            "127.0.0.1:1: Connect call failed; nothing was sent",
        ),
        (
            "p.example: Cannot connect to host p.example:443 ssl:<ssl.SSLContext object at 0x7f> [Name or service not "
            "known]; nothing was sent",
            "p.example: Name or service not known; nothing was sent",
        ),
        ("p.example: Cannot connect to host p.example:443 ssl:default [cut o", "p.example: cut o"),
        ("p.example: no connection in time; nothing was sent", "p.example: no connection in time; nothing was sent"),
    ],
)
def test_a_missing_connection_is_told_by_its_place_and_cause(said: str, shown: str) -> None:
    subject = pause()
    subject.unreachable(NOW, said)
    assert subject.reason == shown


def test_a_refusal_lasts_over_its_probes_until_it_is_accepted() -> None:
    subject = pause()
    subject.refused("app", NOW, 60.0, "invalid_grant")
    subject.refused("app", NOW + 61, 60.0, "invalid_client")
    assert subject.refusals == {"app": Refusal(NOW, NOW + 121, "invalid_client")}
    assert subject.word == "ok", "the other credentials go on"
    subject.accepted("app")
    subject.accepted("other")
    assert subject.refusals == {}
