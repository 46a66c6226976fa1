"""`faust -A pipeline check-mapping` without a portal: the file, and what the settings say beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.ops.mapping_command import command
from pipeline.settings import Settings

LEAST = "[portal]\nname = 'main'\n[catalogs.default]\niblock = 23\n"
WEBHOOK = {"user": "1", "token": "sandbox"}


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapping.toml").write_text(LEAST)

    def run(text: str = LEAST, *arguments: str, credentials: tuple[str, ...] = ("crm",), **more: Any) -> Result:
        (tmp_path / "mapping.toml").write_text(text)
        portal = {"address": "http://127.0.0.1/rest/", "credentials": dict.fromkeys(credentials, WEBHOOK)}
        settings = Settings(portals={"main": portal}, **more)
        return CliRunner().invoke(command(settings), list(arguments))

    return run


def test_nothing_is_wrong(check: Any) -> None:
    done = check()
    assert (done.exit_code, done.stdout) == (0, "mapping.toml: nothing is wrong\n")


def test_json_keeps_standard_output_for_faults(check: Any) -> None:
    assert check(LEAST, "--json").stdout == ""
    done = check(LEAST + "x = 1\n[deal]\ncategory = 'a'", "--json")
    assert done.exit_code == 1
    assert [json.loads(line)["key"] for line in done.stdout.splitlines()] == ["x", "category"]
    assert json.loads(done.stdout.splitlines()[1]) == {
        "table": "deal",
        "key": "category",
        "given": "a",
        "wanted": "a whole number",
    }


@pytest.mark.parametrize(
    ("text", "credentials", "fault"),
    [
        (LEAST.replace("main", "other"), ("crm",), "[portal] name: got 'other', wants: a portal of the settings: main"),
        (LEAST, ("a", "b"), "[portal] credential: wants: one of the credentials of portal 'main': a, b"),
        (LEAST, (), "[portal] name: got 'main', wants: a portal with a credential: [portals.main.credentials.<name>]"),
        (
            LEAST.replace("\n[cat", "\ncredential = 'x'\n[cat"),
            ("crm",),
            "[portal] credential: got 'x', wants: a credential of portal 'main': crm",
        ),
    ],
)
def test_it_goes_with_the_settings(check: Any, text: str, credentials: tuple[str, ...], fault: str) -> None:
    done = check(text, credentials=credentials)
    assert done.exit_code == 1 and done.stdout.startswith(f"mapping.toml: {fault}")
    assert "one thing is to be fixed" in done.stderr


def test_queues_name_catalogues_that_there_are(check: Any) -> None:
    queue = {"event": "product", "routing_key": "#", "catalog": "vigro"}
    done = check(queues={"vg_product_queue": queue})
    assert "[catalogs.vigro]: wants: its iblock: queue 'vg_product_queue'" in done.stdout


def test_another_file(check: Any, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("")
    done = check(LEAST, "other.toml")
    assert (done.exit_code, done.stdout) == (1, "other.toml: catalogs: wants: a value, it is missing\n")
    assert "No such file" in check(LEAST, "none.toml").stdout
