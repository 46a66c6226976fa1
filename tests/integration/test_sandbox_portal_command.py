"""`python -m sandbox.portal` as a command: https, a file, sample data, a log. Needs no service."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from yarl import URL

from tests.support.sandbox_portal import Client

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def _running(folder: Path, *arguments: str, ca_file: Path | None = None) -> AsyncIterator[Client]:
    """The command until it has ended by SIGTERM, and a client of it; its stderr is in `stderr`."""
    command = [sys.executable, "-m", "sandbox.portal", "--port", "0", *arguments]
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=folder
        )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().decode().split()[-1]
        context = ssl.create_default_context(cafile=str(ca_file)) if ca_file else None
        connector = aiohttp.TCPConnector(ssl=context) if context else None
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Client(session, address.removesuffix("/rest/"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def test_https_with_a_certificate_that_its_authority_vouches_for(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    arguments = ("--tls", "--ca-file", str(ca_file), "--https-required", "--tls-name", "portal.example")
    async with _running(tmp_path, *arguments, ca_file=ca_file) as client:
        assert client.root.startswith("https://127.0.0.1:")
        assert await client.result("sandbox.echo", {"n": 1}) == {"n": 1}
        port = client.root.rpartition(":")[2]
        by_name = Client(client.session, f"https://localhost:{port}")
        assert (await by_name.result("profile"))["ID"] == "1"
    assert b"PRIVATE" not in ca_file.read_bytes()


async def test_objects_outlive_the_simulator(tmp_path: Path) -> None:
    arguments = ("--store", "store.json", "--seed", "3", "--portal", "one")
    async with _running(tmp_path, *arguments) as client:
        assert await client.result("crm.deal.add", {"fields": {"TITLE": "kept"}}) == 4
        saved = await client.control("save", "POST")
        assert saved["file"] == "store.json"
        assert (tmp_path / "store.json").stat().st_size == saved["bytes"]
        assert await client.result("crm.deal.add", {"fields": {"TITLE": "kept too"}}, "/one") == 4
    async with _running(tmp_path, *arguments) as client:
        for portal, title in (("", "kept"), ("/one", "kept too")):
            assert (await client.result("crm.deal.get", {"id": 4}, portal))["TITLE"] == title
            _, listed = await client.rest("crm.deal.list", portal=portal)
            assert listed["total"] == 4, "what was kept is not filled up with samples"
    (tmp_path / "store.json").write_text("no store")
    command = [sys.executable, "-m", "sandbox.portal", "--port", "0", "--store", "store.json"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=30
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("sandbox portal: store.json is no JSON")
    assert (tmp_path / "store.json").read_text() == "no store"


def test_a_store_that_could_not_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.portal", "--port", "0", "--store", "none/store.json"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=30
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "sandbox portal: none/store.json cannot be written: No such file or directory\n"


async def test_the_log_and_the_page(tmp_path: Path) -> None:
    async with _running(tmp_path, "--log", "calls", "--token", "1:sandbox") as client:
        await client.result("batch", {"cmd": ["profile", "scope"]})
        await client.raw("/rest/1/wrong-secret/profile", json={})
        status, headers, body = await client.raw("/", verb="GET", headers={"Accept-Language": "ru"})
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "Симулятор портала" in body.decode()
        assert (await client.control("seed", "POST", json={"count": 2}))["count"] == 2
        assert (await client.control("counters"))["objects"]["deal"] == 2
        assert (await client.raw("/_sandbox/save", json={}))[0] == 400
        unescaped = URL(f"{client.root}/rest/1/wrong-secret/profile?a=Привет", encoded=True)
        assert (await client.raw(unescaped))[0] == 400
    log = (tmp_path / "stderr").read_text().splitlines()
    assert log.pop() == "ERROR:aiohttp.server:Error handling request from 127.0.0.1: it breaks HTTP, answered with 400"
    lines = [line.split()[1:4] for line in log]
    assert lines == [["default", "batch(2)", "200"], ["default", "profile", "401"]]
