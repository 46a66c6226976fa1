"""The structure of docker-compose.yml and Dockerfile, since no container engine is at hand."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import AliasChoices

from pipeline.flows.mapping import load
from pipeline.flows.mapping.settled import against_settings
from pipeline.settings import Settings
from sandbox.portal.command_line import parsed
from stack.cache import KAFKA_VERSION
from stack.elasticsearch_fetch import ELASTICSEARCH_VERSION
from stack.kafka import MAX_MESSAGE_BYTES

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKER = SERVICES["worker"]
PROXY_NAMES = {"KAFKA_URL", "AMPQURL", "B24REST", "AMPQIN", "AMPQOUT"}
SANDBOX_SECRETS = {"guest", "sandbox"}


def _names_of_settings() -> set[str]:
    names = set()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names.add(str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"PIPELINE_{name.upper()}")
    return names


def _default(value: object) -> str:
    """What compose makes of `${NAME:-default}` when NAME is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))


def test_there_is_a_service_for_each_part() -> None:
    assert set(SERVICES) == {"kafka", "rabbitmq", "elasticsearch", "portal", "worker"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_health_check_and_is_restarted(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD" and len(check["test"]) > 1
    assert {"interval", "timeout", "retries"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_the_worker_waits_for_healthy_services() -> None:
    assert WORKER["depends_on"] == {name: {"condition": "service_healthy"} for name in ("kafka", "rabbitmq", "portal")}


def test_the_worker_gets_the_names_of_the_old_proxy_and_no_unknown_setting() -> None:
    assert set(WORKER["environment"]) >= PROXY_NAMES
    assert set(WORKER["environment"]) - _names_of_settings() == set()


def test_the_worker_starts_with_these_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in WORKER["environment"].items():
        monkeypatch.setenv(name, _default(value))
    source, target, _ = _default(WORKER["volumes"][-1]).split(":")
    assert target == WORKER["environment"]["PIPELINE_MAPPING"]
    monkeypatch.setenv("PIPELINE_MAPPING", str(ROOT / source))
    settings = Settings()
    assert settings.kafka_servers == ["kafka:9092"]
    assert settings.amqp_url.get_secret_value() == "amqp://guest:guest@rabbitmq:5672/"
    assert settings.b24rest == "http://portal:8024/rest/"
    assert settings.portal_rate is None
    # what the site's messages become, by the mounted mapping, with a credential that it finds
    portal = settings.all_portals()["default"]
    assert (portal.address, portal.rate) == (settings.b24rest, None)
    assert list(against_settings(load(ROOT / source), settings)) == []


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_the_loopback_address_only(name: str) -> None:
    assert SERVICES[name]["ports"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


def test_addresses_name_services_and_their_ports() -> None:
    env = {name: _default(value) for name, value in WORKER["environment"].items()}
    kafka = SERVICES["kafka"]["environment"]
    assert env["KAFKA_URL"].removeprefix("kafka://") in kafka["KAFKA_ADVERTISED_LISTENERS"]
    assert "@rabbitmq:5672/" in env["AMPQURL"]
    command = SERVICES["portal"]["command"]
    assert env["B24REST"] == f"http://portal:{command[command.index('--port') + 1]}/rest/"
    assert WORKER["ports"][0].endswith(f":{env['PIPELINE_WEB_PORT']}")
    # All ends of the range that workers are published on must be usable by --scale.
    first, last = WORKER["ports"][0].split(":")[1].split("-")
    assert int(last) - int(first) >= 2


def test_the_simulator_understands_its_command() -> None:
    command = SERVICES["portal"]["command"]
    assert command[:3] == ["python", "-m", "sandbox.portal"]
    # Unknown flags would end the process here.
    given = parsed(command[3:])
    assert (given.host, given.port, given.no_limits) == ("0.0.0.0", 8024, True)


def test_data_and_keys_live_in_named_volumes() -> None:
    mounted = {
        name: [volume.split(":") for volume in SERVICES[name].get("volumes", []) if not volume.startswith("${MAPPING")]
        for name in SERVICES
    }
    used = {volume for volumes in mounted.values() for volume, _ in volumes}
    assert used == set(COMPOSE["volumes"])
    kafka = {path for _, path in mounted["kafka"]}
    assert SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"] in kafka
    # The key is apart from the state: state may be thrown away, the key may not.
    worker = {path for _, path in mounted["worker"]}
    assert WORKER["environment"]["PIPELINE_DATA_DIR"] in worker
    assert str(Path(WORKER["environment"]["PIPELINE_KEY_FILE"]).parent) in worker


def test_kafka_is_the_one_that_is_tested_with_the_same_limits() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    env = SERVICES["kafka"]["environment"]
    assert env["KAFKA_MESSAGE_MAX_BYTES"] == env["KAFKA_REPLICA_FETCH_MAX_BYTES"] == MAX_MESSAGE_BYTES


def test_elasticsearch_is_the_one_that_is_tested() -> None:
    assert SERVICES["elasticsearch"]["image"].endswith(f":{ELASTICSEARCH_VERSION}")
    assert WORKER["environment"]["ES_URL"] == "http://elasticsearch:9200"


def test_no_secret_but_those_of_the_sandbox() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASS|TOKEN|SECRET|KEY(?!_FILE)", name):
                assert _default(value) in SANDBOX_SECRETS
    text = (ROOT / "docker-compose.yml").read_text()
    for login, password in re.findall(r"//([^:/@\s]+):([^@\s]+)@", text):
        assert {login, password} <= SANDBOX_SECRETS


def test_the_image_installs_pinned_versions_and_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert lines[1].startswith("FROM python:3.11")
    assert any("pip install" in line and "-c constraints.txt" in line for line in lines)
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users and users[-1] != "root"
    assert lines[-1] == 'CMD ["faust", "-A", "pipeline", "worker", "-l", "info"]'
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert all(f"!{name}" in allowed for name in copied)
