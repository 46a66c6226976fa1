"""pipeline/portal/limits/governor.py: what is told, reserved and held, step by step."""

import pytest

from pipeline.portal.limits.costs import Costs
from pipeline.portal.limits.governor import MANY, Governor
from tests.unit.portal.limits.simulation import Times

NOW = 1_800_000_000.5
HOOK, ADD = "hook", "crm.deal.add"


def governor(limit: float | None = 480.0) -> Governor:
    return Governor(limit, 600.0, Costs(), hold=60.0)


def told(operating: float | None, now: float = NOW, duration: float = 0.65, reset_in: float = 300.0) -> Times:
    return Times(operating, None if operating is None else now + reset_in, duration, now)


def known(operating: float | None, calls: int = 30) -> Governor:
    """One that has executed some calls, the last of which told this state."""
    made = governor()
    for _ in range(calls):
        made.sent(HOOK, ADD, NOW)
        made.answered(HOOK, ADD, NOW, told(operating))
    return made


def test_at_first_one_command_asks() -> None:
    made = governor()
    assert (made.room(HOOK, ADD, NOW), made.ready_at(HOOK, ADD, NOW)) == (1, None)
    made.sent(HOOK, ADD, NOW)
    assert made.room(HOOK, ADD, NOW) == 0
    assert made.ready_at(HOOK, ADD, NOW) > NOW
    assert made.room("other", ADD, NOW) == made.room(HOOK, "crm.deal.list", NOW) == 1
    made.answered(HOOK, ADD, NOW + 1, told(0.65, NOW + 1))
    assert made.room(HOOK, ADD, NOW + 1) > 50


def test_a_question_that_did_not_leave_or_got_no_answer_is_asked_again() -> None:
    for end in (Governor.not_executed, Governor.unknown):
        made = governor()
        made.sent(HOOK, ADD, NOW)
        end(made, HOOK, ADD, NOW)
        assert made.room(HOOK, ADD, NOW) == 1


def test_missing_is_not_zero() -> None:
    assert known(None).room(HOOK, ADD, NOW) == MANY
    made = governor()
    made.sent(HOOK, ADD, NOW)
    made.answered(HOOK, ADD, NOW, None)
    assert made.room(HOOK, ADD, NOW) == MANY


def test_a_state_is_no_cost() -> None:
    """fast_bitrix24 adds the states up and stands still for ten minutes after five calls."""
    made = known(100.0, calls=200)
    assert made.room(HOOK, ADD, NOW) >= 200


def test_what_is_under_way_counts_with_its_upper_estimate() -> None:
    made = known(300.0)
    room = made.room(HOOK, ADD, NOW, urgent=True)
    assert room == int((480 * 0.9975 - 300) / 1.3)
    made.sent(HOOK, ADD, NOW, 50)
    assert made.room(HOOK, ADD, NOW, urgent=True) == room - 50
    made.not_executed(HOOK, ADD, NOW)
    assert made.room(HOOK, ADD, NOW, urgent=True) == room - 49
    made.answered(HOOK, ADD, NOW, told(300.65))
    assert made.room(HOOK, ADD, NOW, urgent=True) == int((480 * 0.9975 - 300.65) / 1.3) - 48


def test_what_nobody_knows_counts_as_spent_until_a_later_state() -> None:
    made = known(300.0)
    before = made.room(HOOK, ADD, NOW, urgent=True)
    made.sent(HOOK, ADD, NOW, 10)
    for _ in range(10):
        made.unknown(HOOK, ADD, NOW)
    assert made.room(HOOK, ADD, NOW, urgent=True) == pytest.approx(before - 10, abs=1)
    made.sent(HOOK, ADD, NOW)
    # the portal may yet be at it
    made.answered(HOOK, ADD, NOW + 30, told(300.0, NOW + 30))
    assert made.room(HOOK, ADD, NOW + 30, urgent=True) <= before - 9
    made.sent(HOOK, ADD, NOW + 61)
    made.answered(HOOK, ADD, NOW + 61, told(300.0, NOW + 61))
    assert made.room(HOOK, ADD, NOW + 61, urgent=True) == before


def test_an_answer_that_tells_no_state_counts_with_its_duration() -> None:
    made = known(300.0)
    before = made.room(HOOK, ADD, NOW, urgent=True)
    made.sent(HOOK, ADD, NOW + 1, 10)
    for _ in range(10):
        made.answered(HOOK, ADD, NOW + 1, Times(duration=0.65, finish=NOW + 1))
    assert made.room(HOOK, ADD, NOW + 1, urgent=True) == before - 5
    made.sent(HOOK, ADD, NOW + 1)
    made.answered(HOOK, ADD, NOW + 1, None)
    assert made.room(HOOK, ADD, NOW + 1, urgent=True) == before - 6
    made.sent(HOOK, ADD, NOW + 2)
    made.answered(HOOK, ADD, NOW + 2, told(300.0, NOW + 2))
    assert made.room(HOOK, ADD, NOW + 2, urgent=True) == before


def test_slow_from_seventy_percent_but_not_for_the_urgent() -> None:
    made, now = known(340.0), NOW + 100
    room = made.room(HOOK, ADD, now)
    assert 1 <= room <= 5
    made.sent(HOOK, ADD, now, room)
    assert made.room(HOOK, ADD, now) == 0
    assert made.room(HOOK, ADD, now, urgent=True) > 50
    for _ in range(room):
        made.answered(HOOK, ADD, now + 1, told(341.0, now + 1, reset_in=199.0))
    at = made.ready_at(HOOK, ADD, now + 1)
    assert now + 1 < at <= now + 10
    assert made.room(HOOK, ADD, at) >= 1
    assert made.holds(now + 1) == {}


def test_held_before_the_limit_until_the_reset_then_one_asks() -> None:
    made = known(478.5)
    assert made.room(HOOK, ADD, NOW) == made.room(HOOK, ADD, NOW, urgent=True) == 0
    at = made.ready_at(HOOK, ADD, NOW)
    assert NOW + 300 < at <= NOW + 303
    assert made.holds(NOW) == {(HOOK, ADD): pytest.approx(at, abs=3)}
    assert made.room(HOOK, ADD, at) == 1
    made.sent(HOOK, ADD, at)
    made.answered(HOOK, ADD, at, told(400.0, at, reset_in=60.0))
    assert made.room(HOOK, ADD, at) >= 1
    assert made.holds(at) == {}


def test_whoever_asks_in_vain_asks_again_later() -> None:
    made = known(477.0)
    at = made.ready_at(HOOK, ADD, NOW)
    made.sent(HOOK, ADD, at)
    made.answered(HOOK, ADD, at, told(477.1, at, duration=0.1, reset_in=-1.0))
    again = made.ready_at(HOOK, ADD, at)
    assert again == pytest.approx(at + 6)
    assert made.room(HOOK, ADD, again) == 1


def test_a_refusal_holds_until_the_last_reset_told() -> None:
    made = known(100.0)
    made.sent(HOOK, ADD, NOW, 3)
    until = made.refused(HOOK, ADD, NOW)
    assert NOW + 300 < until <= NOW + 302
    assert made.refused(HOOK, ADD, NOW + 1) == until
    made.answered(HOOK, ADD, NOW + 1, told(101.0, NOW + 1, reset_in=299.0))
    assert made.room(HOOK, ADD, NOW + 2) == 0
    assert made.ready_at(HOOK, ADD, NOW + 2) == until
    assert made.holds(NOW + 2) == {(HOOK, ADD): until}
    assert made.holds(until) == {}
    # the budget is as large as before
    assert made.room(HOOK, ADD, until) > 100


def test_after_a_refusal_one_asks() -> None:
    made = known(100.0)
    made.sent(HOOK, ADD, NOW)
    until = made.refused(HOOK, ADD, NOW)
    assert made.room(HOOK, ADD, until) == 1
    made.sent(HOOK, ADD, until)
    assert made.room(HOOK, ADD, until) == 0
    again = made.refused(HOOK, ADD, until)
    assert again == until + 60, "the reset is over, the portal has told no other"
    made.sent(HOOK, ADD, again)
    made.answered(HOOK, ADD, again, told(100.0, again))
    assert made.room(HOOK, ADD, again) > 100


@pytest.mark.parametrize("limit", [None, 480.0])
def test_a_refusal_where_nothing_was_told(limit: float | None) -> None:
    made = governor(limit)
    made.sent(HOOK, ADD, NOW)
    assert made.refused(HOOK, ADD, NOW) == NOW + 60
    assert made.room(HOOK, ADD, NOW + 59) == 0
    assert made.room(HOOK, ADD, NOW + 60) == 1
    made.sent(HOOK, ADD, NOW + 60)
    made.answered(HOOK, ADD, NOW + 61, None)
    assert made.room(HOOK, ADD, NOW + 61) == MANY


def test_no_limit() -> None:
    made = governor(None)
    made.sent(HOOK, ADD, NOW, 10_000)
    assert made.room(HOOK, ADD, NOW) == MANY
    made.answered(HOOK, ADD, NOW, told(5000.0))
    assert made.room(HOOK, ADD, NOW) == MANY
    assert made.room_seconds(HOOK, NOW) == float("inf")


def test_a_late_answer_does_not_undo_a_newer_state() -> None:
    made = known(300.0)
    made.sent(HOOK, ADD, NOW + 10, 2)
    made.answered(HOOK, ADD, NOW + 20, told(310.0, NOW + 19))
    room = made.room(HOOK, ADD, NOW + 20, urgent=True)
    made.answered(HOOK, ADD, NOW + 20, told(305.0, NOW + 15))
    assert made.room(HOOK, ADD, NOW + 20, urgent=True) == room + 1


def test_above_the_limit_nothing_leaves_until_enough_of_ours_is_forgotten() -> None:
    made = governor()
    for number in range(49):
        made.sent(HOOK, ADD, NOW + 10 * number)
        made.answered(
            HOOK, ADD, NOW + 10 * number, told(10.0 * number + 10, NOW + 10 * number, 10.0, 590 - 10 * number)
        )
    # 490 s, the oldest minute goes at NOW + 590; its first call is surely gone at NOW + 600
    now = NOW + 481
    at = made.ready_at(HOOK, ADD, now)
    assert NOW + 600 <= at <= NOW + 630
    assert made.room(HOOK, ADD, at - 1) == 0
    assert made.room(HOOK, ADD, at) == 1


def test_a_batch_is_governed_by_its_seconds() -> None:
    made, now = governor(), NOW
    assert made.room(HOOK, "batch", now) == 1
    assert made.room_seconds(HOOK, now) == pytest.approx(4.8)
    for number in range(30):
        made.sent(HOOK, "batch", now, seconds=10.0)
        now += 9
        made.answered(HOOK, "batch", now, told(9.0 * number, now, 9.0), seconds=10.0)
    assert made.room_seconds(HOOK, now, urgent=True) == pytest.approx((480 * 0.9975 - 261) / 1.8)
    made.sent(HOOK, "batch", now, seconds=30.0)
    assert made.room_seconds(HOOK, now, urgent=True) == pytest.approx((480 * 0.9975 - 261) / 1.8 - 30)
    made.not_executed(HOOK, "batch", now, seconds=30.0)
    assert made.room(HOOK, "batch", now) == 1


def test_a_batch_that_is_not_billed_is_not_governed() -> None:
    made = governor()
    made.sent(HOOK, "batch", NOW, seconds=4.0)
    made.answered(HOOK, "batch", NOW, told(None), seconds=4.0)
    assert made.room_seconds(HOOK, NOW) == float("inf")
    assert made.room(HOOK, "batch", NOW) == MANY


def test_what_is_idle_is_forgotten() -> None:
    made = governor()
    for number in range(100):
        made.sent(HOOK, f"no.such{number}", NOW)
        made.answered(HOOK, f"no.such{number}", NOW, None)
    made.sent(HOOK, ADD, NOW + 1000)
    assert len(made._budgets) == 1


def test_questions_leave_nothing_behind() -> None:
    made = governor()
    for number in range(100):
        made.room(HOOK, f"no.such{number}", NOW)
        made.ready_at(HOOK, f"no.such{number}", NOW)
    assert made._budgets == {}
