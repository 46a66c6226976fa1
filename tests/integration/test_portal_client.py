"""pipeline/portal/client.py over real sockets: against the portal simulator, and against servers that misbehave."""

import asyncio
import gzip
import logging
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline.delivery.errors import Auth, Blocked, Permanent, PipelineError, Throttled, Transient, Unknown
from pipeline.portal.client import PortalClient
from pipeline.portal.faults import Answer, Moved, PortalFault, PortalOversize
from stack.ports import free_port
from stack.sandbox import Portal
from tests.support.services import PortalFactory, Services

TOKEN = "secret-token-of-a-test"
LIMIT = 100_000
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Serve = Callable[[Reader, Writer], Awaitable[None]]


class Lines(logging.Handler):
    """All that is logged, as text; caplog forgets the test's lines before its fixtures end."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Log lines of all levels; at the end none of them may hold the token."""
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler.text
    root.removeHandler(handler)
    root.setLevel(level)
    assert TOKEN not in "".join(handler.text)


@pytest.fixture
async def client(lines: list[str]) -> AsyncIterator[PortalClient]:
    """A client with short timeouts."""
    made = PortalClient(request_timeout=1.0, connect_timeout=0.5, answer_limit=LIMIT)
    yield made
    await made.close()


async def call(client: PortalClient, address: str, method: str = "profile", body: bytes = b"") -> Answer:
    return await client.call(address, "1", TOKEN, method, body)


async def fault_of(client: PortalClient, address: str, method: str = "profile", body: bytes = b"") -> PortalFault:
    """The fault that a call ends in; nothing of it may show the token."""
    with pytest.raises(PortalFault) as raised:
        await call(client, address, method, body)
    fault = raised.value
    shown = "".join(traceback.format_exception(fault)) + repr(vars(fault)) + repr(fault)
    assert TOKEN not in shown
    assert "\n" not in str(fault)
    return fault


# -- against the simulator


@pytest.fixture(scope="module")
def running_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    services = Services(tmp_path_factory.mktemp("portal"))
    yield PortalFactory(services)("--no-limits", "--token", f"1:{TOKEN}")
    services.close()


@pytest.fixture
def portal(running_portal: Portal) -> Portal:
    """A simulator that has seen nothing yet."""
    httpx.post(f"{running_portal.url}/_sandbox/reset").raise_for_status()
    return running_portal


async def inject(portal: Portal, **rule: Any) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{portal.url}/_sandbox/faults", json={"count": 1, **rule})
        assert answer.status_code == 201, answer.text


async def counters(portal: Portal) -> dict[str, Any]:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{portal.url}/_sandbox/counters")
        return dict(answer.json())


async def test_a_portal_answers(client: PortalClient, portal: Portal) -> None:
    added = await call(client, portal.rest, "crm.deal.add", '{"fields":{"TITLE":"Ёлка"}}'.encode())
    assert added.status == 200
    number = orjson.loads(added.body)["result"]
    got = await call(client, portal.rest, "crm.deal.get.json", orjson.dumps({"id": number}))
    assert orjson.loads(got.body)["result"]["TITLE"] == "Ёлка"


@pytest.mark.parametrize(
    ("method", "body", "kind", "code"),
    [
        ("crm.deal.get", b'{"id":99999}', Permanent, ""),
        ("crm.deal.add", b'{"fields":5}', Permanent, ""),
        ("no.such.method", b"", Permanent, "ERROR_METHOD_NOT_FOUND"),
    ],
)
async def test_a_portal_refuses(
    client: PortalClient, portal: Portal, method: str, body: bytes, kind: type[PipelineError], code: str
) -> None:
    fault = await fault_of(client, portal.rest, method, body)
    assert isinstance(fault, kind)
    assert fault.code == code
    assert fault.answer is not None
    assert "error_description" in orjson.loads(fault.answer.body)


async def test_a_wrong_token(client: PortalClient, portal: Portal) -> None:
    with pytest.raises(Auth) as raised:
        await client.call(portal.rest, "1", "wrong-token", "profile", b"")
    assert getattr(raised.value, "credential_dead", None) is True


@pytest.mark.parametrize(
    ("rule", "kind", "code", "executed"),
    [
        ({"kind": "503"}, Throttled, "QUERY_LIMIT_EXCEEDED", 0),
        ({"kind": "429"}, Throttled, "OPERATION_TIME_LIMIT", 0),
        ({"kind": "503_overload"}, Blocked, "OVERLOAD_LIMIT", 0),
        ({"kind": "401_overload"}, Blocked, "OVERLOAD_LIMIT", 0),
        ({"kind": "401_expired"}, Auth, "expired_token", 0),
        ({"kind": "403_scope"}, Auth, "insufficient_scope", 0),
        ({"kind": "500"}, Unknown, "INTERNAL_SERVER_ERROR", 0),
        ({"kind": "error_200"}, Unknown, "INTERNAL_SERVER_ERROR", 0),
        ({"kind": "502"}, Unknown, "", 0),
        ({"kind": "504", "after": True}, Unknown, "", 1),
        ({"kind": "reset_before"}, Unknown, "", 0),
        ({"kind": "reset_after"}, Unknown, "", 1),
        ({"kind": "hang_before"}, Unknown, "", 0),
        ({"kind": "hang_after"}, Unknown, "", 1),
        ({"kind": "malformed"}, Unknown, "", 1),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
async def test_faults(
    client: PortalClient,
    portal: Portal,
    rule: dict[str, Any],
    kind: type[PipelineError],
    code: str,
    executed: int,
) -> None:
    await inject(portal, **rule)
    fault = await fault_of(client, portal.rest, "crm.deal.add", b'{"fields":{"TITLE":"x"}}')
    assert isinstance(fault, kind)
    assert (fault.code, fault.sent) == (code, True)
    assert (await counters(portal))["objects"].get("deal", 0) == executed
    # the next call is not touched by it
    assert (await call(client, portal.rest)).status == 200


async def test_an_answer_that_is_too_long(client: PortalClient, portal: Portal) -> None:
    await inject(portal, kind="big", size=3 * LIMIT)
    fault = await fault_of(client, portal.rest, "crm.deal.add", b'{"fields":{"TITLE":"x"}}')
    assert isinstance(fault, PortalOversize)
    assert fault.exact
    assert 3 * LIMIT < fault.length < 3 * LIMIT + 2000
    assert str(fault.length) in str(fault)
    assert "executed" in str(fault)
    assert (await counters(portal))["objects"]["deal"] == 1


async def test_a_renamed_portal(client: PortalClient, portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    new = f"http://localhost:{portal.port}"
    await inject(portal, kind="302", location=new)
    added = await call(client, portal.rest, "crm.deal.add", b'{"fields":{"TITLE":"x"}}')
    assert orjson.loads(added.body)["result"] > 0
    assert (await counters(portal))["statuses"].get("302") == 1
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        f"portal 127.0.0.1:{portal.port} has moved: calls go to localhost:{portal.port} now; change the settings"
    ]
    # from now on it is called there at once, and said once
    await call(client, portal.rest)
    assert (await counters(portal))["statuses"].get("302") == 1


# -- against servers that misbehave


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server on loopback; yields its address up to /rest/."""

    async def handle(reader: Reader, writer: Writer) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{port}/rest/"
    finally:
        server.close()


async def read_request(reader: Reader) -> tuple[str, dict[str, str], bytes]:
    """Request line, headers (lower case) and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
    return first, headers, await reader.readexactly(int(headers.get("content-length", "0")))


def http(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def answering(response: bytes) -> Serve:
    async def serve(reader: Reader, writer: Writer) -> None:
        while True:
            await read_request(reader)
            writer.write(response)
            await writer.drain()

    return serve


async def silent(reader: Reader, writer: Writer) -> None:
    await reader.read()


async def closing(reader: Reader, writer: Writer) -> None:
    await read_request(reader)


async def trickling(reader: Reader, writer: Writer) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def test_connection_refused(client: PortalClient) -> None:
    fault = await fault_of(client, f"http://127.0.0.1:{free_port()}/rest/")
    assert isinstance(fault, Transient)
    assert not fault.sent


async def test_no_such_host(client: PortalClient) -> None:
    fault = await fault_of(client, "http://no-such-host.invalid/rest/")
    assert isinstance(fault, Transient)
    assert not fault.sent
    assert "no-such-host.invalid" in str(fault)


async def test_no_connection_in_time(client: PortalClient) -> None:
    async with serving(silent) as address:
        fault = await fault_of(client, address.replace("http:", "https:"))
    assert isinstance(fault, Transient)
    assert not fault.sent
    assert "no connection in time" in str(fault)


async def test_no_tls_spoken(client: PortalClient) -> None:
    async with serving(answering(http(200, b"{}"))) as address:
        fault = await fault_of(client, address.replace("http:", "https:"))
    assert isinstance(fault, Transient)
    assert not fault.sent


async def test_a_certificate_that_is_not_trusted(client: PortalClient, tmp_path: Path) -> None:
    async with serving(answering(http(200, b"{}")), _self_signed(tmp_path)) as address:
        fault = await fault_of(client, address)
    assert isinstance(fault, Transient)
    assert not fault.sent
    assert "CERTIFICATE_VERIFY_FAILED" in str(fault)


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    path = folder / "server.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize(
    ("serve", "text"),
    [
        (silent, "no answer in time"),
        (closing, "disconnected"),
        (trickling, r"the answer \(HTTP 200\) broke off: no answer in time"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n{}"), None),
        (answering(b"nonsense\r\n\r\n"), None),
        (answering(http(200, b"no gzip", "Content-Encoding: gzip")), "broke off"),
    ],
    ids=["silent", "closing", "trickling", "short", "nonsense", "gzip"],
)
async def test_sent_and_no_answer(client: PortalClient, serve: Serve, text: str | None) -> None:
    async with serving(serve) as address:
        async with asyncio.timeout(5):
            fault = await fault_of(client, address)
    assert isinstance(fault, Unknown)
    assert fault.sent
    assert text is None or text.replace("\\", "") in str(fault)


async def test_a_body_that_nobody_reads(client: PortalClient) -> None:
    async def never_reading(reader: Reader, writer: Writer) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(5)

    async with serving(never_reading) as address:
        fault = await fault_of(client, address, body=b'"' + b"x" * 20_000_000 + b'"')
    assert isinstance(fault, Unknown)
    assert fault.sent


async def test_what_is_sent(client: PortalClient) -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []

    async def serve(reader: Reader, writer: Writer) -> None:
        while True:
            seen.append(await read_request(reader))
            writer.write(http(200, b"{}", "Set-Cookie: PHPSESSID=abc; path=/"))

    async with serving(serve) as address:
        await call(client, address, "crm.deal.list", b' {"a" : 1.10} ')
        await call(client, address.rstrip("/"), "profile", b"")
        await client.call(address, "a/..", "b c?#", "profile", b"")
    lines, headers, bodies = zip(*seen, strict=True)
    assert lines == (
        f"POST /rest/1/{TOKEN}/crm.deal.list HTTP/1.1",
        f"POST /rest/1/{TOKEN}/profile HTTP/1.1",
        "POST /rest/a%2F../b%20c%3F%23/profile HTTP/1.1",
    )
    assert bodies == (b' {"a" : 1.10} ', b"{}", b"{}")
    assert all(given["content-type"] == "application/json" for given in headers)
    assert all(given["user-agent"].startswith("pipeline-bus/") for given in headers)
    assert not any("cookie" in given for given in headers)


async def test_connections_are_kept_and_a_closed_one_is_noticed(client: PortalClient) -> None:
    connections = 0
    closed = asyncio.Event()

    async def serve(reader: Reader, writer: Writer) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await read_request(reader)
            writer.write(http(200, b"{}"))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with serving(serve) as address:
        await call(client, address)
        await call(client, address)
        await closed.wait()
        await call(client, address)
        await call(client, address)
    assert connections == 2


async def test_calls_at_the_same_time(client: PortalClient) -> None:
    together = asyncio.Barrier(3)

    async def serve(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        await together.wait()
        writer.write(http(200, b"{}"))

    async with serving(serve) as address:
        await asyncio.gather(*(call(client, address) for _ in range(3)))


async def test_a_portal_that_hangs_holds_up_no_other(client: PortalClient) -> None:
    arrived = asyncio.Semaphore(0)

    async def hanging(reader: Reader, writer: Writer) -> None:
        arrived.release()
        await reader.read()

    async with serving(hanging) as stuck, serving(answering(http(200, b"{}"))) as address:
        calls = [asyncio.create_task(call(client, stuck)) for _ in range(30)]
        for _ in calls:
            await arrived.acquire()
        async with asyncio.timeout(0.5):
            assert (await call(client, address)).status == 200
        assert not any(task.done() for task in calls)
        assert all(isinstance(fault, Unknown) for fault in await asyncio.gather(*calls, return_exceptions=True))


async def test_compressed_answers(client: PortalClient) -> None:
    body = b'{"result":"' + b"x" * 1000 + b'"}'
    async with serving(answering(http(200, gzip.compress(body), "Content-Encoding: gzip"))) as address:
        assert await call(client, address) == Answer(200, body)


LONG = b'{"result":"' + b"x" * (2 * LIMIT) + b'"}'


async def broken_long(reader: Reader, writer: Writer) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.write(f"{len(LONG):x}\r\n".encode() + LONG + b"\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("serve", "exact"),
    [
        (answering(http(200, LONG)), True),
        (answering(http(200, gzip.compress(LONG), "Content-Encoding: gzip")), True),
        (broken_long, False),
    ],
    ids=["plain", "gzip", "broken"],
)
async def test_long_answers(client: PortalClient, serve: Serve, exact: bool) -> None:
    async with serving(serve) as address:
        fault = await fault_of(client, address)
    assert isinstance(fault, PortalOversize)
    assert (fault.length, fault.exact) == (len(LONG), exact)


async def test_as_long_as_allowed(client: PortalClient) -> None:
    body = b'{"result":"' + b"x" * (LIMIT - 13) + b'"}'
    async with serving(answering(http(200, body))) as address:
        assert (await call(client, address)).body == body


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (http(502, b"<html>" + b"x" * 2 * LIMIT), Unknown),
        (http(200, b"<html>" + b"x" * 2 * LIMIT), Unknown),
        (http(400, b'{"error":"' + b"x" * 2 * LIMIT), Permanent),
    ],
)
async def test_long_pages_are_no_executed_calls(
    client: PortalClient, response: bytes, kind: type[PipelineError]
) -> None:
    async with serving(answering(response)) as address:
        fault = await fault_of(client, address)
    assert isinstance(fault, kind)
    assert not isinstance(fault, PortalOversize)


async def test_an_error_page_that_repeats_the_address(client: PortalClient) -> None:
    page = f"<p>The URL /rest/1/{TOKEN}/profile was not found</p>".encode()
    async with serving(answering(http(404, page))) as address:
        fault = await fault_of(client, address)
    assert fault.answer is not None
    assert b"/rest/1/********/profile" in fault.answer.body


@pytest.mark.parametrize(
    "location",
    ["https://portal.example/auth/", "/rest/", "//other.example/login", "ftp://x.example/rest/1/{token}/profile"],
)
async def test_redirects_that_are_no_renaming(client: PortalClient, location: str) -> None:
    response = http(302, b"", f"Location: {location.format(token=TOKEN)}")
    async with serving(answering(response)) as address:
        fault = await fault_of(client, address)
    assert isinstance(fault, Moved)
    assert isinstance(fault, Transient)


async def test_a_renaming_is_followed_once(client: PortalClient) -> None:
    calls: list[str] = []
    async with asyncio.timeout(5):
        async with serving(silent) as third:

            async def second(reader: Reader, writer: Writer) -> None:
                calls.append((await read_request(reader))[0])
                writer.write(http(302, b"", f"Location: {third}1/{TOKEN}/profile"))

            async with serving(second) as other:
                first = answering(http(302, b"", f"Location: {other}1/{TOKEN}/profile"))
                async with serving(first) as address:
                    fault = await fault_of(client, address)
    assert isinstance(fault, Moved)
    assert calls == [f"POST /rest/1/{TOKEN}/profile HTTP/1.1"]


async def test_a_new_host_that_vanishes_is_forgotten(client: PortalClient) -> None:
    moved = True

    async def serve(reader: Reader, writer: Writer) -> None:
        while True:
            await read_request(reader)
            location = f"Location: {other}1/{TOKEN}/profile"
            writer.write(http(302, b"", location) if moved else http(200, b'{"result":1}'))

    async with serving(serve) as address:
        async with serving(answering(http(200, b'{"result":2}', "Connection: close"))) as other:
            assert (await call(client, address)).body == b'{"result":2}'
        moved = False
        assert isinstance(await fault_of(client, address), Transient)
        assert (await call(client, address)).body == b'{"result":1}'


async def test_loopback_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    client = PortalClient(request_timeout=1.0, connect_timeout=0.5, answer_limit=LIMIT)
    async with serving(answering(http(200, b"{}"))) as address:
        assert (await call(client, address)).status == 200
        assert (await call(client, address.replace("127.0.0.1", "localhost"))).status == 200
    await client.close()


async def test_a_proxy_that_refuses_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(http(407, b""))) as address:
        monkeypatch.setenv("https_proxy", address.removesuffix("/rest/"))
        client = PortalClient(request_timeout=1.0, connect_timeout=0.5, answer_limit=LIMIT)
        fault = await fault_of(client, "https://portal.example/rest/")
        await client.close()
    assert isinstance(fault, Transient)
    assert not fault.sent
