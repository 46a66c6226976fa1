"""What all kinds of requests are made with: ids, ways into the bus, objects that were there before."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.delivery.records import Record
from pipeline.portal.plan import Plan
from pipeline.topology import REQUESTS_BULK, REQUESTS_INTERACTIVE
from tests.chaos.cases import TOKEN, USER, Seed
from tests.chaos.plans.case import Case, Check, Way

__all__ = ["CREDENTIAL", "Maker"]

CREDENTIAL = "chaos"
_TOPICS = {"bulk": REQUESTS_BULK, "interactive": REQUESTS_INTERACTIVE}
#: Sources of records: flows whose requests take turns.
_FLOWS = ("flow-one", "flow-two")


class Maker:
    """Makes cases. `seeds`: by portal and entity; each is used once. `run` makes ids unique."""

    def __init__(self, dice: random.Random, run: str, seeds: Mapping[tuple[str, str], list[Seed]]) -> None:
        self.dice = dice
        self._run = run
        self._seeds = {place: list(given) for place, given in seeds.items()}
        self._last = 0

    def new_id(self) -> str:
        """The next message id."""
        self._last += 1
        return f"{self._run}-{self._last:05d}"

    def seed(self, portal: str, entity: str) -> Seed:
        """An object that no other case touches."""
        return self._seeds[portal, entity].pop()

    def call(
        self,
        message_id: str,
        portal: str,
        kind: str,
        method: str,
        params: Any,
        check: Check,
        *,
        way: Way | None = None,
        **more: Any,
    ) -> Case:
        """A single call, by default through any way."""
        way = way or self.dice.choices(("amqp", "bulk", "interactive"), weights=(40, 40, 20))[0]
        body = orjson.dumps(params)
        if way == "amqp":
            headers = {"method": method, "user": USER, "token": TOKEN, "portal": portal}
            return Case(message_id, portal, kind, way, headers, body, None, check, **more)
        record = Record(
            _TOPICS[way], body, key=portal.encode(), headers={**self._headers(message_id, portal), "method": method}
        )
        return Case(message_id, portal, kind, way, {}, body, record, check, **more)

    def plan(
        self,
        message_id: str,
        portal: str,
        kind: str,
        plan: Plan,
        check: Check,
        *,
        way: Way | None = None,
        **more: Any,
    ) -> Case:
        """A plan, by default in any lane."""
        way = way or self.dice.choices(("bulk", "interactive"), weights=(80, 20))[0]
        headers = self._headers(message_id, portal)
        record = plan.record(portal, CREDENTIAL, source=headers["source"], topic=_TOPICS[way], headers=headers)
        return Case(message_id, portal, kind, way, {}, record.value or b"", record, check, **more)

    def _headers(self, message_id: str, portal: str) -> dict[str, str]:
        return {
            "source": self.dice.choice(_FLOWS),
            "portal": portal,
            "credential": CREDENTIAL,
            "amqp-message-id": message_id,
        }
