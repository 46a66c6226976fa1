"""One portal's gateway on a simulator: executor, limiter, governor, packer and HTTP as they are; no Kafka, no table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import orjson
from cryptography.fernet import Fernet
from pydantic import SecretStr

from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.seal import Sealer
from pipeline.portal.limits.governor import Governor
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.limits.pause import Probes
from pipeline.portal.limits.presets import PRESETS
from pipeline.portal.requests.row import Row
from pipeline.portal.wire.access import Access
from pipeline.portal.wire.client import PortalClient
from pipeline.portal.wire.faults import Answer
from pipeline.settings import CredentialSettings, PortalSettings, Settings
from pipeline.topology import RESULTS
from tests.support.sandbox_portal import Client
from tests.unit.portal.sending.ground import Ground

#: of the settings, which a scaled portal shortens
TIMEOUT = float(Settings.model_fields["request_timeout"].default)
CREDENTIAL = "all"


class Wire:
    """The real client where the ground has a portal of its own; nothing is held back."""

    def __init__(self, scale: float) -> None:
        self.client = PortalClient(request_timeout=TIMEOUT / scale, connect_timeout=5, answer_limit=1_000_000)
        self.gate = asyncio.Event()

    async def call(self, address: str, access: Access, method: str, body: bytes) -> Answer:
        """See PortalClient."""
        return await self.client.call(address, access, method, body)


class Gateway(Ground):
    """`await gateway.run(...)`: new requests, seen together, and their answers."""

    @property
    def governor(self) -> Governor:
        """Of the operating limit."""
        return self.parts.governor

    def holds(self) -> set[str]:
        """Methods that have no room now."""
        return {method for _, method in self.governor.holds(time.time())}

    async def run(self, *many: dict[str, Any]) -> list[Row]:
        """New requests, until each of them is answered."""
        rows = await self.add_all(*many)
        await self.all_done()
        return rows

    async def all_done(self) -> None:
        """Every request is finished; the test's own timeout ends it."""
        while self.finished < len(self.rows):
            self._again.clear()
            await self._again.wait()

    def results(self, rows: list[Row]) -> list[Any]:
        """`result` of their answers."""
        answers = {record.headers["answer-id"]: record.value for record in self.kafka.of(RESULTS)}
        assert len(answers) == len(self.kafka.of(RESULTS)), "one answer each"
        return [orjson.loads(answers[one.identity])["result"] for one in rows]

    def start(self) -> Gateway:
        """Begin to call."""
        self._again = asyncio.Event()
        super().start()
        return self

    def _on_finished(self) -> None:
        super()._on_finished()
        self._again.set()


@asynccontextmanager
async def gateway(portal: Client, *, scale: float = 1.0, preset: str = "cloud", **given: Any) -> AsyncIterator[Gateway]:
    """Calls a simulator of that scale; settings as they are, but for the scale."""
    credential = CredentialSettings(user="1", token=SecretStr("sandbox"))
    portals = {"default": PortalSettings(address=f"{portal.root}/rest/", credentials={CREDENTIAL: credential})}
    limits, probes = PRESETS[preset].scaled(scale), Probes().scaled(scale)
    wire = Wire(scale)
    made = Gateway(
        portals,
        Credentials(portals, True, Sealer([Fernet.generate_key()])),
        limits=limits,
        limiter=Limiter(limits.rate, limits.burst),
        portal=cast(Any, wire),
        governor=lambda costs: Governor(
            limits.operating_limit, limits.operating_window, costs, hold=probes.method_hold
        ),
        probes=probes,
        **given,
    )
    try:
        yield made.start()
    finally:
        await made.end()
        await wire.client.close()
