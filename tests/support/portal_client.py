"""A portal client under watch: neither its log lines nor its faults may show the token."""

import logging
import traceback
from collections.abc import AsyncIterator, Iterator

import pytest

from pipeline.portal.wire.access import Access
from pipeline.portal.wire.client import PortalClient
from pipeline.portal.wire.faults import Answer, PortalFault

TOKEN = "secret-token-of-a-test"
LIMIT = 100_000


class Lines(logging.Handler):
    """All that is logged, as text; caplog forgets the test's lines before its fixtures end."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(self.format(record))


@pytest.fixture(name="lines")
def lines_fixture() -> Iterator[list[str]]:
    """Log lines of all levels; at the end none of them may hold the token."""
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler.text
    root.removeHandler(handler)
    root.setLevel(level)
    assert TOKEN not in "".join(handler.text)


@pytest.fixture(name="client")
async def client_fixture(lines: list[str]) -> AsyncIterator[PortalClient]:
    """A client with short timeouts."""
    made = PortalClient(request_timeout=1.0, connect_timeout=0.5, answer_limit=LIMIT)
    yield made
    await made.close()


WEBHOOK = Access.webhook("1", TOKEN)


async def call(client: PortalClient, address: str, method: str = "profile", body: bytes = b"") -> Answer:
    return await client.call(address, WEBHOOK, method, body)


async def fault_of(
    client: PortalClient, address: str, method: str = "profile", body: bytes = b"", access: Access = WEBHOOK
) -> PortalFault:
    """The fault that a call ends in; nothing of it may show the token."""
    with pytest.raises(PortalFault) as raised:
        await client.call(address, access, method, body)
    fault = raised.value
    shown = "".join(traceback.format_exception(fault)) + repr(vars(fault)) + repr(fault)
    assert TOKEN not in shown
    assert "\n" not in str(fault)
    return fault
