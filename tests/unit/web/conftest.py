"""The pages over a runtime without Kafka, served by aiohttp's test server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from pipeline.ops.service import Ops
from pipeline.settings import Settings
from pipeline.web.install import install
from tests.support.pages import FakeBridge, FakeGateway, FakeRuntime

TOKEN = "s3cret-tökén"


@dataclass
class Site:
    """A browser, and what the pages show."""

    client: TestClient[Any, Any]
    ops: Ops
    gateway: FakeGateway
    bridge: FakeBridge
    runtime: FakeRuntime


Serve = Callable[..., Awaitable[Site]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    clients = []

    async def start(**settings: Any) -> Site:
        given = {"app_id": "pages", "b24rest": "http://127.0.0.1:1/rest/"} | settings
        runtime = FakeRuntime(Settings(**given), tmp_path)
        gateway, bridge = FakeGateway(), FakeBridge()
        ops = install(runtime, gateway, bridge)
        runtime.app.web.init_server()
        client = TestClient(TestServer(runtime.app.web.web_app))
        await client.start_server()
        clients.append(client)
        return Site(client, ops, gateway, bridge, runtime)

    yield start
    for client in clients:
        await client.close()
