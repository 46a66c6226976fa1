"""From a waiting request to its course: the row with its body, stamps, what is left of an earlier owner's try."""

from __future__ import annotations

import orjson

from pipeline.delivery.errors import BadInput
from pipeline.portal.plan import parse_plan
from pipeline.portal.requests.row import SENT, Row
from pipeline.portal.steps.course import CallCourse, Course, RefusedCourse
from pipeline.portal.steps.env import Env, Stamp
from pipeline.portal.steps.plan_course import PlanCourse

__all__ = ["Courses"]


class Courses:
    """`installation`: a text that no other installation has; stamps begin with it."""

    def __init__(self, env: Env, installation: str) -> None:
        self.env = env
        self._installation = installation

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
            return PlanCourse(plan, self.env, stamp, row.progress, sent_at=sent_at)
        params = orjson.loads(row.body or b"{}")
        return CallCourse(row.method, params, row.body, self.env, stamp.external(""), sent_at=sent_at)
