"""pipeline/portal/watches/ending.py and watch.py: which watch a plan leaves behind, and its record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.portal.requests.row import Row
from pipeline.portal.steps.plan_end import PlanEnd
from pipeline.portal.watches.ending import watch_after
from pipeline.portal.watches.watch import Watch, decode, encode, read_watch_key, watch_key
from pipeline.topology import REQUESTS_BULK
from tests.unit.portal.fakes import row

A, B = ("product:23", "a"), ("product:23", "b")
BEFORE = Watch("default", "s", "t0", (A, B), 5.0, {"source": "settlements"}, b"old")


def ends(
    before: Watch | None = None, linked: Any = (), watch: str | None = None, plan: Row | None = None, **end: Any
) -> Watch | None:
    plan = plan or row(plan=True, source="settlements", body=b"{}", watch=watch)
    return watch_after(plan, PlanEnd("s", **end), before, lambda missing: missing in linked)


@pytest.mark.parametrize("watch", [None, "t0"])
@pytest.mark.parametrize("before", [None, BEFORE])
def test_a_plan_that_misses_something_leaves_its_own(before: Watch | None, watch: str | None) -> None:
    plan = row(plan=True, source="settlements", body=b'{"v": 1}', watch=watch, lane="b", offset=9, accepted=16.5)
    left = ends(before, watch=watch, plan=plan, missing=(A, B), watched=(A,))
    headers = {"source": "settlements", "portal": "default", "plan": "1", "user": "1", "credential": "all"}
    assert left == Watch("default", "s", "b-0-0-9-4074", (A,), 16.5, headers, b'{"v": 1}')
    assert left == ends(left, watch=watch, plan=plan, missing=(A, B), watched=(A,)), "also when it ends once more"


@pytest.mark.parametrize("watch", [None, "t0"])
def test_a_plan_that_misses_nothing_leaves_none(watch: str | None) -> None:
    assert ends(BEFORE, watch=watch) is None
    assert ends(BEFORE, watch=watch, missing=(A,)) is None, "what is not watched does not count"


def test_what_was_forced_is_not_forced_again() -> None:
    """Weeks later it would take back what a manager has changed since, though the message is the same."""
    plan = row(plan=True, body=b'{"v":1,"subject":"s","force":true,"steps":[{"name":"a","force":1}]}')
    left = ends(plan=plan, missing=(A,), watched=(A,))
    assert left is not None and left.body == b'{"v":1,"subject":"s","steps":[{"name":"a","force":1}]}'
    assert left == ends(left, plan=plan, missing=(A,), watched=(A,))


def test_an_old_plan_leaves_what_the_newer_one_has_left() -> None:
    assert ends(BEFORE, stale=True) is BEFORE
    assert ends(BEFORE, stale=True, missing=(A,), watched=(A,)) is BEFORE
    assert ends(BEFORE, stale=True, failed=True) is BEFORE, "a plan that is out of date takes nothing away by failing"
    assert ends(None, stale=True) is None
    assert ends(None, stale=True, failed=True, missing=(A,), watched=(A,)) is None
    left = ends(None, stale=True, missing=(A,), watched=(A,))
    assert left is not None and left.missing == (A,)


def test_a_plan_that_fails_leaves_none() -> None:
    assert ends(BEFORE, failed=True, missing=(A,), watched=(A,)) is None
    assert ends(None, failed=True) is None


def test_a_plan_run_again_that_fails_leaves_what_is_still_missing() -> None:
    """With another token: what was found would send it again for ever."""
    left = ends(BEFORE, linked=(A,), watch="t0", failed=True)
    assert left is not None and left == replace(BEFORE, token=left.token, missing=(B,)) and left.token != "t0"
    assert ends(BEFORE, linked=(A, B), watch="t0", failed=True) is None
    assert ends(None, watch="t0", failed=True) is None


def test_a_sealed_token_stays_sealed() -> None:
    plan = row(plan=True, credential=None, sealed="gAAA", user="")
    left = ends(plan=plan, missing=(A,), watched=(A,))
    assert left is not None
    assert left.headers == {"source": "amqp", "portal": "default", "plan": "1", "sealed": "gAAA"}


def test_the_record_of_a_watch() -> None:
    record = BEFORE.record()
    assert (record.topic, record.key, record.value) == (REQUESTS_BULK, b"default", b"old")
    assert record.headers == {"source": "settlements", "watch": "t0"}


@pytest.mark.parametrize("portal", ["default", "third/третий", "50%/a"])
def test_the_row_of_a_watch(portal: str) -> None:
    watch = replace(BEFORE, portal=portal, subject="settlement:№/7\n", body=b'{"a": 1}\n\nb')
    assert read_watch_key(watch_key(portal, watch.subject)) == (portal, watch.subject)
    assert decode(portal, watch.subject, encode(watch)) == watch
