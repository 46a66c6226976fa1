"""pipeline/portal/wire/client.py over real sockets, against servers that misbehave."""

import asyncio
import gzip
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline.delivery.errors import Permanent, PipelineError, Transient, Unknown
from pipeline.portal.wire.access import Access
from pipeline.portal.wire.client import PortalClient
from pipeline.portal.wire.faults import Answer, Moved, PortalAuth, PortalOversize
from stack.ports import free_port
from tests.support.http_server import Reader, Serve, Writer, answering, http, read_request, serving
from tests.support.portal_client import LIMIT, TOKEN, call, client_fixture, fault_of, lines_fixture

__all__ = ["client_fixture", "lines_fixture"]


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
        await client.call(address, Access.webhook("a/..", "b c?#"), "profile", b"")
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


async def test_what_is_sent_by_oauth(client: PortalClient) -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []

    async def serve(reader: Reader, writer: Writer) -> None:
        while True:
            seen.append(await read_request(reader))
            writer.write(http(200, b"{}"))

    async with serving(serve) as address:
        await client.call(address, Access.oauth(TOKEN), "crm.deal.list", b'{"start": 50}')
        await client.call(address.rstrip("/"), Access.oauth(TOKEN), "profile", b"")
    ((line, headers, body), (again, _, empty)) = seen
    assert (line, again) == ("POST /rest/crm.deal.list HTTP/1.1", "POST /rest/profile HTTP/1.1")
    assert TOKEN not in line + repr(headers)
    assert (body, empty) == (f'{{"start": 50,"auth":"{TOKEN}"}}'.encode(), f'{{"auth":"{TOKEN}"}}'.encode())


async def test_a_body_without_a_place_for_the_access_token_is_not_sent(client: PortalClient) -> None:
    with pytest.raises(Permanent, match="JSON object"):
        await client.call(f"http://127.0.0.1:{free_port()}/rest/", Access.oauth(TOKEN), "profile", b"[1]")


async def test_an_answer_that_repeats_the_access_token(client: PortalClient) -> None:
    answer = f'{{"error":"invalid_token","error_description":"no app has {TOKEN}"}}'.encode()
    async with serving(answering(http(401, answer))) as address:
        fault = await fault_of(client, address, access=Access.oauth(TOKEN))
    assert isinstance(fault, PortalAuth) and fault.credential_dead
    assert fault.answer is not None and b"no app has ********" in fault.answer.body


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


@pytest.mark.parametrize("access", [Access.webhook("1", TOKEN), Access.oauth(TOKEN)], ids=["webhook", "oauth"])
async def test_a_renaming_is_followed_by_post(client: PortalClient, access: Access, lines: list[str]) -> None:
    seen: list[tuple[str, bytes]] = []

    async def serve(reader: Reader, writer: Writer) -> None:
        while True:
            line, _, body = await read_request(reader)
            seen.append((line, body))
            writer.write(http(200, b"{}"))

    async with serving(serve) as other:
        first = answering(http(302, b"", f"Location: {other}{access.path('profile')}"))
        async with serving(first) as address:
            assert client.moved == {}
            for _ in range(2):
                assert (await client.call(address, access, "profile", b'{"a":1}')).status == 200
            assert client.moved == {address: other.split("/")[2]}
    assert [line.split()[0] for line, _ in seen] == ["POST", "POST"]
    assert all(body == access.body(b'{"a":1}') for _, body in seen)
    # said once
    assert sum("has moved: calls go to" in line for line in lines) == 1


@pytest.mark.parametrize("location", ["{other}login/profile", "{other}../profile", "{other}crm.deal.add"])
async def test_a_page_of_another_path_gets_no_access_token(client: PortalClient, location: str) -> None:
    async with serving(silent) as other:
        first = answering(http(302, b"", f"Location: {location.format(other=other)}"))
        async with serving(first) as address:
            fault = await fault_of(client, address, access=Access.oauth(TOKEN))
    assert isinstance(fault, Moved) and client.moved == {}


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
