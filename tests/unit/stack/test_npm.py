"""JavaScript packages: fetched once, whole or not at all, and a clear word when that fails."""

import json
import re
from pathlib import Path

import pytest

from stack import npm
from stack.cache import FetchError

PACKAGE = Path(__file__).parents[2] / "clients" / "js" / "package.json"


@pytest.fixture
def fake_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An npm that counts its runs, and fails when there is a file `broken`."""
    monkeypatch.setenv("STACK_CACHE", str(tmp_path / "cache"))
    script = tmp_path / "npm"
    script.write_text(
        f'#!/bin/sh\necho run >>"{tmp_path}/runs"\n'
        f'[ -e "{tmp_path}/broken" ] && echo "no network" && exit 1\nmkdir node_modules\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(npm.shutil, "which", lambda name: str(script))
    return tmp_path


def test_fetched_once(fake_npm: Path) -> None:
    package = fake_npm / "package.json"
    package.write_text("{}")
    folder = npm.node_modules(package)
    assert folder.is_dir() and npm.node_modules(package) == folder
    package.write_text('{"dependencies": {}}')
    assert npm.node_modules(package) != folder
    assert (fake_npm / "runs").read_text().split() == ["run", "run"]


def test_nothing_is_left_of_what_failed(fake_npm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fake_npm / "package.json").write_text("{}")
    (fake_npm / "broken").touch()
    assert npm.main([str(fake_npm)]) == 1
    assert "no network" in capsys.readouterr().err
    assert [path.name for path in (fake_npm / "cache").iterdir()] == ["npm.lock"]


def test_without_npm(fake_npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fake_npm / "package.json").write_text("{}")
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    with pytest.raises(FetchError, match="apt-get install nodejs npm"):
        npm.node_modules(fake_npm / "package.json")


def test_a_folder_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert npm.main([]) == 2
    assert "FOLDER" in capsys.readouterr().err


def test_the_official_client_is_fixed() -> None:
    """Without a lock file only exact versions make every installation the same."""
    versions = json.loads(PACKAGE.read_text())["dependencies"]
    assert versions["@bitrix24/b24jssdk"] == "2.2.0"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())
    assert not list(PACKAGE.parent.glob("*lock*"))
