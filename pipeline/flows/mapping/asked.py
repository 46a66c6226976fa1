"""What a portal answers to questions about itself: each asked once, whole lists, a refusal noted as a fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.flows.mapping.checks import Fault
from pipeline.portal.links.calls import Refused

__all__ = ["Ask", "Asked", "Row"]

Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""A call of the portal: method, parameters -> `{"result", "next"?, ..}`; raises Refused."""
Row = dict[str, Any]

#: of 50 rows; a dictionary that is longer is none
_PAGES = 100


class Asked:
    """Answers of one portal. `faults`: of questions that it refused to answer."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[str, Any] = {}
        self.faults: list[Fault] = []

    async def rows(self, method: str, params: dict[str, Any] | None = None) -> list[Row] | None:
        """All rows of a list, whatever its shape. None: it was refused, and a fault says so."""
        found: list[Row] = []
        at: Any = 0
        for _ in range(_PAGES):
            body = await self._answer(method, {**(params or {}), **({"start": at} if at else {})})
            if body is None:
                return None
            result = body.get("result")
            if isinstance(result, dict):
                # {"priceTypes": [..]}: the one list of the answer
                result = next((value for value in result.values() if isinstance(value, list)), [])
            found += [row for row in result or () if isinstance(row, dict)]
            at = body.get("next")
            if not at:
                break
        return found

    async def fields(self, method: str) -> dict[str, Row] | None:
        """Fields of an entity by name. None: it was refused."""
        body = await self._answer(method, {})
        result = None if body is None else body.get("result")
        return result if isinstance(result, dict) else None

    async def _answer(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        key = f"{method} {sorted(params.items())}"
        if key not in self._known:
            try:
                self._known[key] = await self._ask(method, params)
            except Refused as error:
                self._known[key] = None
                # the portal is asked by the worker, with the settings that it was started with
                unknown = "has no credential" in str(error)
                remedy = (
                    "restart the worker, which does not know it yet" if unknown else "give the webhook the right to it"
                )
                wanted = f"an answer to this question; {remedy}, then check again: {error}"
                self.faults.append(Fault("portal", method, None, wanted))
        answer: dict[str, Any] | None = self._known[key]
        return answer
