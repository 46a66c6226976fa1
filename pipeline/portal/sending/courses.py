"""From a waiting request to its course: the row with its body, stamps, what is left of an earlier owner's try."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from pipeline.delivery.errors import BadInput
from pipeline.portal.plan import Plan, parse_plan
from pipeline.portal.requests.answers import Reply
from pipeline.portal.requests.row import SENT, Row
from pipeline.portal.steps.course import CallCourse, Course, OverCourse, RefusedCourse
from pipeline.portal.steps.env import Env, Stamp
from pipeline.portal.steps.plan_course import PlanCourse

__all__ = ["Courses"]

#: a newer plan of its subject has taken its place
_SUPERSEDED = Reply(200, orjson.dumps({"plan": 1, "superseded": True}))


class Courses:
    """`installation`: a text that no other installation has; stamps begin with it."""

    def __init__(
        self, env: Env, installation: str, watched: Callable[[str, str], str | None] = lambda portal, subject: None
    ) -> None:
        """`watched`: the token of the watch of (portal, subject)."""
        self.env = env
        self._installation = installation
        self._watched = watched

    def course(self, row: Row) -> Course:
        """The course of a request from where it stands; of a plan in a version that we do not know, its end."""
        sent_at = row.sent_at if row.state == SENT else None
        stamp = Stamp(f"{self._installation}-{row.identity}-{int(row.accepted * 1000):x}")
        if row.plan:
            try:
                plan = parse_plan(row.body)
            except BadInput as error:
                # it passed the intake of another release: ending the worker would stop the portal for good
                return RefusedCourse(error)
            if self._is_superseded(row, plan):
                return OverCourse(_SUPERSEDED)
            return PlanCourse(plan, self.env, stamp, row.progress, sent_at=sent_at, accepted=row.accepted)
        params = orjson.loads(row.body or b"{}")
        return CallCourse(row.method, params, row.body, self.env, stamp.external(""), sent_at=sent_at)

    def _is_superseded(self, row: Row, plan: Plan) -> bool:
        """Is it to be run again for a watch that is there no more? What has begun goes on to its end."""
        if row.watch is None or row.state == SENT or row.progress is not None:
            return False
        return plan.subject is None or self._watched(row.portal, plan.subject) != row.watch
