"""What the documents say is so: printed parts are up to date, examples run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.fernet import Fernet

from bench.portal import readme as portal_table
from pipeline import topology
from pipeline.configuration import read
from pipeline.delivery.flow import Flow
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.seal import Sealer
from pipeline.portal.limits.presets import PRESETS
from pipeline.portal.requests.inspect import inspect
from pipeline.settings import PortalSettings, Settings
from pipeline.settings_page import BEGIN, END
from pipeline.settings_page import page as settings_page
from pipeline.topology_page import page as topology_page
from tests.unit.delivery.fakes import FakeRuntime, acked, source, until

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))


def blocks(document: str, language: str) -> list[str]:
    """Code blocks of a document."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_topology_md_is_printed_from_topology_py() -> None:
    assert (ROOT / "topology.md").read_text() == topology_page() + "\n", "faust -A pipeline topology > topology.md"


def test_the_drawing_names_what_there_is() -> None:
    drawing = re.findall(r"```\n(.*?)```", topology_page(), re.DOTALL)[0]
    for name in (topology.REQUESTS_INTERACTIVE, topology.REQUESTS_BULK, topology.RESULTS, topology.DEAD_LETTERS):
        assert name in drawing
    assert "\t" not in drawing and "<" not in re.sub(r"`[^`]*`", "", topology_page().replace("◀", ""))


def test_the_tables_of_settings_are_printed_from_settings_py() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    shown = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == settings_page(), "faust -A pipeline settings --markdown"


@pytest.mark.parametrize(("command", "text"), [("topology", topology_page()), ("settings --markdown", settings_page())])
def test_the_commands_print_them(command: str, text: str, tmp_path: Path) -> None:
    faust = Path(sys.executable).parent / "faust"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    arguments = [faust, "-A", "pipeline", *command.split()]
    result = subprocess.run(arguments, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.returncode) == (text + "\n", 0), result.stderr


def test_a_default_in_the_table_is_no_secret() -> None:
    assert "guest:********@" in settings_page() and "guest:guest" not in settings_page()


# -- docs/settings.md: several portals


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings with the document's pipeline.toml."""
    (toml,) = blocks("docs/settings.md", "toml")
    (tmp_path / "pipeline.toml").write_text(toml)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIPELINE_CONFIG", raising=False)
    monkeypatch.setenv("B24REST", "https://one.example/rest/")
    return read()


def test_the_example_of_several_portals_is_read(example: Any) -> None:
    portals = example.all_portals()
    assert set(portals) == {"default", "main", "box"}
    assert (portals["main"].rate, portals["main"].burst, portals["main"].unknown_tokens) == (5.0, 250, False)
    assert portals["main"].credentials["crm"].methods == ["crm.*", "profile"]
    assert [name for name, known in portals["main"].credentials.items() if known.is_oauth] == ["orders"]
    assert portals["box"].rate is None and portals["box"].unknown_methods == ["crm.deal.*"]
    assert portals["default"].rate == 2.0
    assert "abcdefghijklmnop" not in repr(example)


def test_the_table_of_presets_is_what_they_are() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| [^|]+ \| (\w+) \| (\d+) \| (\w+) \|$", text, re.MULTILINE)
    assert {name: (rate, burst, limit) for name, rate, burst, limit in rows} == {
        name: (_number(limits.rate), _number(limits.burst), _number(limits.operating_limit))
        for name, limits in PRESETS.items()
    }
    for model, field in ((Settings, "portal_preset"), (PortalSettings, "preset")):
        assert set(re.findall(r"`([\w-]+)`", model.model_fields[field].description or "")) >= set(PRESETS)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def test_the_environment_can_say_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    name, value = re.findall(r"`(PIPELINE_PORTALS__\w+)=([^`]+)`", text)[0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    assert read().all_portals()["main"].address == value


# -- docs/writing-a-flow.md


@pytest.fixture
def pieces() -> dict[str, str]:
    """The document's code by the file that its first line names."""
    found = {re.match(r"# (\S+)", block)[1]: block for block in blocks("docs/writing-a-flow.md", "python")}  # type: ignore[index]
    assert set(found) == {"pipeline/flows/users.py", "pipeline/topology.py", "tests/unit/flows/test_users.py"}
    return found


@pytest.fixture
def users(pieces: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Flow:
    """The document's flow, as a module of its name."""
    module = types.ModuleType("pipeline.flows.users")
    monkeypatch.setitem(sys.modules, "pipeline.flows.users", module)
    if "pipeline.flows" not in sys.modules:
        monkeypatch.setitem(sys.modules, "pipeline.flows", types.ModuleType("pipeline.flows"))
    exec(compile(pieces["pipeline/flows/users.py"], "users.py", "exec"), module.__dict__)
    return module.users  # type: ignore[no-any-return]


def test_a_flow_is_about_ten_lines(pieces: dict[str, str]) -> None:
    lines = [line for line in pieces["pipeline/flows/users.py"].splitlines() if line and not line.startswith("#")]
    assert len([line for line in lines if not line.startswith(("import", "from"))]) <= 10


def test_its_topology_entry_fits_it(pieces: dict[str, str], users: Flow) -> None:
    names: dict[str, Any] = dict(vars(topology))
    exec(pieces["pipeline/topology.py"], names)
    agent = names["USERS_FLOW"]
    assert (agent.name, agent.topics) == (users.name, users.topics) == ("users", (names["USERS"].name,))
    assert {topology.topic(name).name for name in agent.writes} == set(agent.writes)


def test_its_test_passes(pieces: dict[str, str], users: Flow) -> None:
    names: dict[str, Any] = {}
    exec(pieces["tests/unit/flows/test_users.py"], names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 1
    tests[0]()


async def test_it_runs_and_the_gateway_takes_what_it_makes(users: Flow, example: Any) -> None:
    runtime = FakeRuntime()
    runner = runtime.runner(users)
    sources = [source(0, b'{"id": 7, "name": "ACME"}'), source(1, b'{"id": "x"}')]
    await runner._runs.take(sources)
    await until(lambda: acked(sources) == [0, 1])
    (request,) = runtime.producer.of(topology.REQUESTS_BULK)
    (letter,) = runtime.producer.of(topology.DEAD_LETTERS)
    assert "id: " in letter.headers["dl-last-error"] and "name: " in letter.headers["dl-last-error"]
    credentials = Credentials(example.all_portals(), False, Sealer([Fernet.generate_key()]))
    accepted = inspect(request.headers, request.key, request.value, credentials=credentials, body_limit=10_000)
    assert (accepted.portal, accepted.plan, accepted.credential) == ("main", True, "crm")
    (step,) = orjson.loads(accepted.body)["steps"]
    assert (step["key"], step["fields"]) == ({"id": "7", "originator": "site"}, {"TITLE": "ACME"})


def test_the_options_in_the_document_are_those_of_a_flow() -> None:
    text = (ROOT / "docs" / "writing-a-flow.md").read_text()
    named = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    options = set(Flow.__dataclass_fields__) - {"name", "topics", "handler", "pure"}
    assert named == options | {"model"}


def test_the_errors_in_the_document_are_those_of_the_taxonomy() -> None:
    from pipeline.delivery import errors

    text = (ROOT / "docs" / "writing-a-flow.md").read_text().partition("## What it may raise")[2]
    named = set(re.findall(r"`([A-Z][a-zA-Z]+)(?:\(until\))?`", text))
    assert named | {"PipelineError", "Oversize"} == set(errors.__all__)


# -- README: the gateway at the portal's limit


@pytest.mark.parametrize("name", ["README.md", "README.ru.md"])
def test_the_table_of_limits_is_what_was_measured(name: str) -> None:
    lines = orjson.loads((portal_table.ROOT / "bench" / "results" / "portal.json").read_bytes())["lines"]
    shown = (ROOT / name).read_text().partition(portal_table.BEGIN)[2].partition(portal_table.END)[0].strip()
    assert shown == portal_table.table(portal_table.HEADS[name], lines), "python -m bench.portal.readme"
