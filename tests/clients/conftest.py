"""`secure` and `plain`: one simulator by https and one by http, with the same sample data and a cloud portal's limits.

Both live as long as the session; each test finds them with full budgets, empty journals and no faults.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.npm import node_modules
from tests.clients.javascript import JavaScript
from tests.clients.simulator import SEEDED, Simulator, running


@pytest.fixture(scope="session")
def _secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("secure")
    arguments = ("--seed", str(SEEDED), "--store", "store.json")
    with running(folder, *arguments, ca_file=folder / "ca.pem") as simulator:
        yield simulator


@pytest.fixture(scope="session")
def _plain(_secure: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("plain")
    _secure.control("save", {})
    assert _secure.ca_file is not None
    shutil.copy(_secure.ca_file.parent / "store.json", folder)
    with running(folder, "--store", "store.json") as simulator:
        yield simulator


@pytest.fixture
def secure(_secure: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """By https, with an authority that the clients trust."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.setenv(name, str(_secure.ca_file))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    _secure.reset()
    return _secure


@pytest.fixture
def plain(_plain: Simulator) -> Simulator:
    """By http."""
    _plain.reset()
    return _plain


@pytest.fixture
def javascript(secure: Simulator, tmp_path: Path) -> JavaScript:
    """Runs the scenarios of js/ against `secure`. npm fetches the SDK on the first use; without it the tests fail."""
    folder = Path(__file__).with_name("js")
    return JavaScript(secure, folder, node_modules(folder / "package.json"), tmp_path)
