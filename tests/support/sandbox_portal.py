"""The portal simulator in this process, on a free port, and a client of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from sandbox.portal.app import make_app
from sandbox.portal.options import Options

NO_LIMITS = Options(rate=0, operating_limit=None)


class Client:
    """Calls a running simulator: `rest` for methods, `control` for `/_sandbox`."""

    def __init__(self, session: aiohttp.ClientSession, root: str) -> None:
        self.session = session
        self.root = root

    async def raw(self, path: str | URL, *, verb: str = "POST", **more: Any) -> tuple[int, dict[str, str], bytes]:
        url = path if isinstance(path, URL) else self.root + path
        async with self.session.request(verb, url, allow_redirects=False, **more) as response:
            return response.status, dict(response.headers), await response.read()

    async def rest(self, method: str, params: Any = None, portal: str = "") -> tuple[int, Any]:
        status, _, body = await self.raw(f"{portal}/rest/1/sandbox/{method}", json=params or {})
        return status, orjson.loads(body)

    async def result(self, method: str, params: Any = None, portal: str = "") -> Any:
        status, body = await self.rest(method, params, portal)
        assert status == 200, body
        return body["result"]

    async def control(self, path: str, verb: str = "GET", **more: Any) -> Any:
        status, _, body = await self.raw(f"/_sandbox/{path}", verb=verb, **more)
        assert status in (200, 201), body
        return orjson.loads(body)

    async def fault(self, kind: str, **more: Any) -> Any:
        return await self.control("faults", "POST", json={"kind": kind, **more})


@asynccontextmanager
async def serving(scale: float = 1.0, **portals: Options) -> AsyncIterator[Client]:
    """The simulator on a free port, in this process."""
    app = make_app(portals or {"default": NO_LIMITS}, scale=scale)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            yield Client(session, f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask again until the condition holds; the test's own timeout ends it."""
    while not await condition():
        pass
