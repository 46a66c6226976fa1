"""What is said to be missing, and what is told to somebody who may not install it."""

import shutil
from pathlib import Path

import pytest

from stack import __main__ as stack_main
from stack import install
from stack.rabbitmq import RabbitMQ


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is installed but apt-get, and the cache is empty."""
    monkeypatch.setenv("STACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(RabbitMQ, "server", staticmethod(lambda: None))
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)


@pytest.mark.usefixtures("bare_machine")
def test_a_user_is_told_the_exact_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(install.os, "geteuid", lambda: 1000)
    for name in ("KAFKA_URL", "AMPQURL"):
        monkeypatch.delenv(name, raising=False)
    assert install.main([]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "  apt-get update && apt-get install -y --no-install-recommends "
        "python3-venv rabbitmq-server default-jre-headless maven"
    )


@pytest.mark.usefixtures("bare_machine")
def test_services_that_are_given_need_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"KAFKA_URL": "kafka://example:9092", "AMPQURL": "amqp://example/"}
    assert install.wanted(install.EVERYTHING, env) == {"venv"}
    assert [package.name for package in install.missing({"venv"})] == ["python3-venv"]


def test_a_complete_machine_misses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = tmp_path / "rabbitmq-server"
    monkeypatch.setattr(RabbitMQ, "server", staticmethod(lambda: server))
    monkeypatch.setattr(install, "java_version", lambda: 21)
    monkeypatch.setattr(install, "has_kafka_jars", lambda: True)
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert install.missing(install.EVERYTHING + install.FOR_TESTS) == []


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize(("arguments", "tests"), [(["install", "--test"], True), (["install"], False)])
def test_php_and_node_are_for_tests_only(monkeypatch: pytest.MonkeyPatch, arguments: list[str], tests: bool) -> None:
    asked: list[set[str]] = []
    monkeypatch.setattr(install, "install", lambda parts: asked.append(set(parts)))
    monkeypatch.setattr(stack_main, "kafka_jars", lambda: None)
    given = stack_main.parser().parse_args(arguments)
    assert given.call(given) == 0
    names = {package.name for package in install.missing(asked[0])}
    assert names & {"php-cli", "nodejs", "npm"} == ({"php-cli", "nodejs", "npm"} if tests else set())


def test_an_old_java_is_missing_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "java_version", lambda: 11)
    monkeypatch.setattr(install, "has_kafka_jars", lambda: True)
    assert [package.name for package in install.missing({"kafka"})] == ["default-jre-headless"]


def test_a_wrong_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["postgres"]) == 2
    assert "postgres" in capsys.readouterr().err
