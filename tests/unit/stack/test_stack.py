"""The parts of stack/ that need no service."""

import json
import socket
from pathlib import Path

import pytest

from stack import cache, ports
from stack.__main__ import _configuration
from stack.demo import Result, sample
from stack.local import Local
from stack.sample_day import DayResult
from stack.worker import Worker, bus_environment


def test_free_ports_differ_and_lie_below_those_of_outgoing_connections() -> None:
    given = [ports.free_port() for _ in range(50)]
    assert len(set(given)) == 50
    assert all(ports.is_free(port) for port in given)
    assert max(given) < ports._first_ephemeral_port()


def test_a_taken_port_is_not_given() -> None:
    with socket.socket() as taken:
        taken.bind((ports.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not ports.is_free(port)
        assert ports.is_open(port)
        assert ports.free_port(port) != port


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STACK_CACHE", str(tmp_path / "own"))
    assert cache.cache_folder() == tmp_path / "own"
    monkeypatch.delenv("STACK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_folder() == tmp_path / "xdg" / "pipeline-stack"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / ".cache" / "pipeline-stack"


def test_kafka_without_maven_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STACK_CACHE", str(tmp_path))
    monkeypatch.setattr(cache.shutil, "which", lambda name: None)
    with pytest.raises(cache.FetchError, match="apt-get install maven"):
        cache.kafka_jars()
    assert not cache.has_kafka_jars()


def test_given_services_are_not_started(tmp_path: Path) -> None:
    given = {"KAFKA_URL": "kafka://k:1", "AMPQURL": "amqp://r:2/", "B24REST": "https://p/rest/"}
    local = Local(tmp_path, given, tied=True)
    assert local.services() == []
    assert local.addresses() == given
    assert given.items() <= local.worker.env.items()
    # A portal that is not ours keeps its limits, and a Kafka that is not ours knows another key.
    assert not {"PIPELINE_PORTAL_RATE", "PIPELINE_KEY_FILE"} & local.worker.env.keys()


def test_own_services_keep_their_ports_from_start_to_start(tmp_path: Path) -> None:
    first = Local(tmp_path, {}, tied=True, usual=())
    saved = json.loads((tmp_path / "ports.json").read_text())
    assert len(set(saved.values())) == 5
    assert first.worker.env["PIPELINE_PORTAL_RATE"] == "none"
    ports._given.clear()
    assert Local(tmp_path, {}, tied=True, usual=()).addresses() == first.addresses()


def test_the_environment_may_set_anything_of_the_worker(tmp_path: Path) -> None:
    env = {"PIPELINE_PORTAL_RATE": "5", "PIPELINE_KEY_FILE": "/keys/k", "AMPQIN": "in", "OTHER": "x"}
    worker = Local(tmp_path, env, tied=True, usual=()).worker
    assert {name: worker.env[name] for name in env if name != "OTHER"} == bus_environment(env)
    assert "OTHER" not in worker.env


def test_the_worker_of_make_up_reads_the_file_of_this_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert _configuration() == {}
    (tmp_path / "pipeline.toml").write_text("")
    assert _configuration() == {"PIPELINE_CONFIG": str(tmp_path / "pipeline.toml")}
    (tmp_path / "mapping.toml").write_text("")
    assert _configuration()["PIPELINE_MAPPING"] == str(tmp_path / "mapping.toml")
    assert Local(tmp_path / "up", _configuration(), tied=True, usual=()).worker.env.items() >= _configuration().items()


def test_without_elasticsearch_the_worker_gets_no_address_of_one(tmp_path: Path) -> None:
    assert "ES_URL" in Local(tmp_path / "1", {}, tied=True, usual=(), search=True).worker.env
    assert "ES_URL" not in Local(tmp_path / "2", {}, tied=True, usual=(), search=False).worker.env


def test_two_workers_share_nothing_by_default(tmp_path: Path) -> None:
    one, two = Worker(tmp_path / "1", {}), Worker(tmp_path / "2", {})
    assert one.url != two.url
    assert one.env["PIPELINE_DATA_DIR"] != two.env["PIPELINE_DATA_DIR"]


def test_samples_are_a_mix_and_read_deals_that_are_there() -> None:
    methods = [sample(number, True, [7, 8])[0] for number in range(100)]
    assert {name: methods.count(name) for name in set(methods)} == {
        "crm.deal.add": 10,
        "crm.deal.get": 30,
        "profile": 20,
        "crm.deal.list": 40,
    }
    assert all(sample(n, True, [7, 8])[1]["id"] in (7, 8) for n in range(10) if 0 < n % 10 < 4)


def test_samples_without_writes_change_nothing() -> None:
    assert {sample(number, False, [])[0] for number in range(100)} == {"profile", "crm.deal.list"}


def test_the_rate_of_no_time_is_nought() -> None:
    assert Result().rate == 0
    assert Result(answered=500, seconds=2.0).rate == 250


def test_a_sample_day_on_the_data_of_an_earlier_one_holds_too() -> None:
    day = DayResult(made={"deals": 0}, there={"deals": 20})
    assert day.held and day._count("deals") == "0 new, 20 in all"
    assert not DayResult(made={"deals": 0}, there={"deals": 0}).held
    assert not DayResult(made={"deals": 1}, there={"deals": 1}, again_writes={"add deal": 1}).held
    assert not DayResult().held
    assert DayResult(made={"deals": 1}, there={"deals": 1})._count("deals") == "1"
