"""The command line of `faust -A pipeline exchange`, without brokers: what it says, and with which exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.ops.exchange import work
from pipeline.ops.exchange.command import EVENTS, command
from pipeline.queue_settings import EXCHANGES
from pipeline.settings import Settings

NOWHERE = {"kafka_url": "127.0.0.1:1", "amqp_url": "amqp://guest:s3cr3t@127.0.0.1:1/"}
ON_COMMAND = {"crm_user_queue": {"mode": "on-command"}}


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text("[catalogs.default]\niblock = 1\n")
    return path


def call(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(command(settings), arguments)


def test_its_words_are_the_originals() -> None:
    assert set(EVENTS.values()) == set(EXCHANGES)


def test_in_steady_mode_it_says_so_and_ends(mapping: Path) -> None:
    result = call(Settings(mapping=mapping, **NOWHERE), "mutualsettlements")
    assert (result.exit_code, result.stdout) == (0, "")
    expected = "queue crm_mutualsettlements_queue is steady: the worker reads it already, nothing to do\n"
    assert result.stderr == expected


def test_without_a_mapping_there_is_nothing_to_drain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(Settings(**NOWHERE), "user")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: there is no mapping (mapping.toml, setting PIPELINE_MAPPING): queues of the site are not read here\n"
    )


def test_a_wrong_mapping_is_told(mapping: Path) -> None:
    mapping.write_text("[catalogs.default]\niblok = 1\n")
    result = call(Settings(mapping=mapping, queues=ON_COMMAND, **NOWHERE), "user")
    assert result.exit_code == 1 and "iblok" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("users",), "'users' is not one of 'user', 'product', 'section', 'mutualsettlements'"),
        (("user", "--limit", "0"), "0 is not in the range x>=1"),
        (("user", "--time-limit", "0"), "0.0 is not in the range x>0"),
        (("user", "--queue", "x"), "there is no such queue as 'x'; known: crm_user_queue"),
        ((), "Missing argument"),
    ],
)
def test_a_wrong_command_line(mapping: Path, arguments: tuple[str, ...], said: str) -> None:
    result = call(Settings(mapping=mapping, queues=ON_COMMAND, **NOWHERE), *arguments)
    assert result.exit_code == 2 and said in result.stderr


def test_rabbitmq_away_is_one_line_without_secrets(mapping: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "CONNECT", 0.3)
    given: dict[str, Any] = {"mapping": mapping, "queues": ON_COMMAND, **NOWHERE}
    result = call(Settings(**given), "user", "--no-wait")
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: RabbitMQ is away since ") and "s3cr3t" not in line
