"""`python -m sandbox.portal` until the tests are over, and what it tells of itself."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
#: Objects of each kind at the start: more than a page and a batch of 50 pages hold; the last page is short.
SEEDED = 2562
CLIENT_ID, CLIENT_SECRET = "local.clients", "client-secret"


class Simulator:
    """A running simulator. `address`: host and port; `ca_file`: None for plain http."""

    def __init__(self, url: str, ca_file: Path | None) -> None:
        self.url = url
        self.address = url.partition("//")[2]
        self.ca_file = ca_file
        trusted = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        self._http = httpx.Client(base_url=f"{url}/_sandbox/", verify=trusted, trust_env=False, timeout=30)

    @property
    def webhook(self) -> str:
        """Address of the only webhook, with a slash at the end."""
        return f"{self.url}/rest/1/sandbox/"

    def control(self, path: str, body: Any = None) -> Any:
        """GET, or POST when there is a body."""
        answer = self._http.get(path) if body is None else self._http.post(path, json=body)
        return answer.raise_for_status().json()

    def fault(self, kind: str, **more: Any) -> None:
        """See the documentation of the simulator, "Faults"."""
        self.control("faults", {"kind": kind, **more})

    def reset(self) -> None:
        """Everything but the objects is as at the start."""
        self.control("reset", {"parts": ["limits", "journal", "faults"]})

    def counters(self) -> dict[str, Any]:
        """What was executed and refused since the test began."""
        found = self.control("counters?portal=default&detail=0")
        return found.get("portals", {}).get("default", found)

    def executed(self) -> dict[str, int]:
        """Executions by method, those within batches too."""
        return self.counters()["executions"]

    def executions(self, method: str) -> list[dict[str, Any]]:
        """The journal of one method, oldest first."""
        return self.control(f"executions?method={method}&limit=100000")["executions"]

    def tokens(self) -> dict[str, Any]:
        """A pair of OAuth tokens, as after an installation."""
        return self.control("oauth/tokens", {})

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


@contextmanager
def running(folder: Path, *arguments: str, ca_file: Path | None = None) -> Iterator[Simulator]:
    """The command, with one webhook and one application; its errors are in `folder`/stderr."""
    command = [sys.executable, "-m", "sandbox.portal", "--port", "0", "--app", f"{CLIENT_ID}:{CLIENT_SECRET}"]
    command += [*(["--tls", "--ca-file", str(ca_file)] if ca_file else []), *arguments]
    with (folder / "stderr").open("wb") as stderr:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=env, cwd=folder)
    try:
        assert process.stdout is not None
        ready = process.stdout.readline().decode()
        assert ready, (folder / "stderr").read_text()
        simulator = Simulator(ready.split()[-1].removesuffix("/rest/"), ca_file)
        yield simulator
        simulator.close()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
