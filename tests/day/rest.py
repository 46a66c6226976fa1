"""Reads whole lists from a portal by plain HTTP."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx

__all__ = ["Rest"]

_USER, _TOKEN = "1", "sandbox"
_PAGE = 50


class Rest:
    """`async with Rest(url) as rest`; `url` is the simulator's, without a slash at the end.

    Raises httpx.HTTPError and AssertionError when it does not answer as it should.
    """

    def __init__(self, url: str, portal: str = "") -> None:
        self.portal = portal
        self._http = httpx.AsyncClient(base_url=url, timeout=60, trust_env=False)

    async def __aenter__(self) -> Rest:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def call(self, method: str, params: Any = None) -> dict[str, Any]:
        """The whole answer of a method."""
        path = f"/{self.portal}/rest" if self.portal else "/rest"
        answer = await self._http.post(f"{path}/{_USER}/{_TOKEN}/{method}", json=params or {})
        assert answer.status_code == 200, f"{method}: HTTP {answer.status_code} {answer.text[:300]}"
        body: dict[str, Any] = answer.json()
        return body

    async def rows(
        self, method: str, params: dict[str, Any] | None = None, *, within: str = ""
    ) -> list[dict[str, Any]]:
        """All pages of a list; `within` is the key that holds the rows, "" = the result is the list."""
        found: list[dict[str, Any]] = []
        start: int | None = 0
        while start is not None:
            body = await self.call(method, {**(params or {}), "start": start})
            result = body["result"]
            found += result[within] if within else result
            start = body.get("next")
        return found

    async def each(self, method: str, ids: list[int]) -> dict[int, Any]:
        """id -> result of a method that takes an id, in batches."""
        found: dict[int, Any] = {}
        for first in range(0, len(ids), _PAGE):
            commands = {str(one): f"{method}?id={one}" for one in ids[first : first + _PAGE]}
            result = (await self.call("batch", {"halt": 1, "cmd": commands}))["result"]["result"]
            found |= {int(key): value for key, value in result.items()}
        return found
