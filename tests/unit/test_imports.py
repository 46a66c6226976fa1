"""Imports point one way (design, section 2), files stay short, and nothing names the machine it was written on."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 500

#: rooms of pipeline/, the lowest first; a room imports from its own and lower levels
LEVELS: tuple[tuple[str, ...], ...] = (
    ("queue_settings", "addresses"),
    ("settings",),
    ("configuration", "topology"),
    ("settings_page", "topology_page"),
    ("delivery",),
    ("portal", "search"),
    ("bridge", "flows", "leads", "onec", "sync"),
    ("ops",),
    ("web",),
    ("application",),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of all modules that are imported, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            # `from pipeline.delivery import metrics` names a module, too
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(name: str) -> str | None:
    """`delivery` of `pipeline.delivery.pool`; None outside of pipeline."""
    parts = name.split(".")
    return parts[1] if parts[0] == "pipeline" and len(parts) > 1 else None


def faults(source: str, own: str) -> list[str]:
    """Imports of a module in room `own` that point upwards."""
    return [
        name
        for name in imported(ast.parse(source))
        if (target := room(name)) is not None and target != own and LEVEL[target] >= LEVEL[own]
    ]


def test_every_room_has_its_level() -> None:
    rooms = {
        path.stem for path in (ROOT / "pipeline").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} <= set(LEVEL)


@pytest.mark.parametrize("path", modules("pipeline"), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    parts = path.relative_to(ROOT / "pipeline").with_suffix("").parts
    if parts == ("__init__",):
        pytest.skip("the package finds the application on demand")
    assert faults(path.read_text(), parts[0]) == []


def test_the_check_sees_what_it_should() -> None:
    assert faults("from pipeline.portal.requests.row import Row", "delivery") == ["pipeline.portal.requests.row.Row"]
    assert faults("def f():\n    from pipeline.bridge import session", "portal") == ["pipeline.bridge.session"]
    assert faults("import pipeline.web.pages", "ops") == ["pipeline.web.pages"]
    assert faults("from pipeline.onec import x", "bridge") == ["pipeline.onec.x"]
    assert faults("from pipeline.delivery import metrics\nimport asyncio", "portal") == []


@pytest.mark.parametrize("package", ["sandbox", "stack"])
def test_stand_ins_and_services_stand_alone(package: str) -> None:
    for path in modules(package):
        names = {name.split(".")[0] for name in imported(ast.parse(path.read_text()))}
        assert not names & {"pipeline", "tests", "bench"}, path
        assert package == "stack" or "stack" not in names, path


def project_files() -> list[Path]:
    """Everything that is in the repository, or will be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.splitlines()]
    else:
        packages = ("pipeline", "sandbox", "stack", "tests", "bench", "docs")
        files = [path for package in packages for path in (ROOT / package).rglob("*")]
        files += list(ROOT.glob("*.*"))
    return [path for path in files if path.is_file() and "__pycache__" not in path.parts]


def texts() -> Iterator[tuple[Path, str]]:
    for path in project_files():
        try:
            yield path.relative_to(ROOT), path.read_text()
        except UnicodeDecodeError:
            continue


def test_no_file_is_too_long() -> None:
    long = {str(path): text.count("\n") for path, text in texts() if path.suffix in {".py", ".js", ".css", ".html"}}
    assert {path: lines for path, lines in long.items() if lines > LONGEST} == {}


#: put together here, so that this file does not name them itself
FOREIGN = re.compile(
    "|".join(
        [
            r"(?<![\w.~-])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me/\w+)/",
            r"/tm" + r"p/v\b",
            r"\bpy" + r"pi\.",
            r"files\.pythonho" + r"sted\.org",
            r"--(?:extra-)?index-" + r"url",
            r"\bPIP_INDEX_" + r"URL\s*=",
        ]
    )
)


def test_nothing_names_a_machine_or_a_package_index() -> None:
    found = [f"{path}: {match.group()}" for path, text in texts() for match in FOREIGN.finditer(text)]
    assert found == []


def test_the_pattern_sees_what_it_should() -> None:
    for text in ("/wo" + "rk/main", "'/ro" + "ot/x'", "https://py" + "pi.org/simple", "--index-" + "url x"):
        assert FOREIGN.search(text), text
    for text in ("~/.local/share/pipeline", "tests/wo" + "rk/x", "/rest/1/x", "https://example.bitrix24.ru/rest/"):
        assert not FOREIGN.search(text), text
