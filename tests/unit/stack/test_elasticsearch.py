"""Elasticsearch among the local services: where its files are, who runs it, when it is started at all."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from stack import elasticsearch as module
from stack import elasticsearch_fetch as fetch
from stack import install
from stack.elasticsearch import Elasticsearch
from stack.local import Local


def test_files_of_a_user_are_where_they_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    node = Elasticsearch(tmp_path / "closed")
    assert node.place == tmp_path / "closed"
    assert node._as_user(node.place) == []


def test_root_puts_them_where_the_other_user_may_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    node = Elasticsearch(folder / "elasticsearch")
    assert node.place.parent == Path("/var/tmp") and node.place == Elasticsearch(folder / "elasticsearch").place
    monkeypatch.setattr(module, "open_to_all", lambda path: True)
    assert node.place == folder / "elasticsearch"


def test_as_root_it_runs_as_a_user_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Path] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, *_, **__: given.append(Path(path)))
    monkeypatch.setattr(module.pwd, "getpwnam", lambda name: SimpleNamespace(pw_uid=990, pw_gid=991))
    node = Elasticsearch(tmp_path)
    (tmp_path / "data").mkdir()
    node.process.log.write_text("")
    command = node._as_user(tmp_path)
    assert command[0] == "setpriv" and {"--reuid=990", "--regid=991", "--clear-groups"} <= set(command)
    # the tie to this process is forgotten with the change of user, so it is made again
    assert command[command.index("--pdeathsig") + 1] == "KILL"
    assert given == [tmp_path, tmp_path / "data"]


def test_the_cache_of_root_is_one_that_others_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(fetch, "open_to_all", lambda path: False)
    assert fetch._folder().parent == Path("/var/cache/pipeline-stack")
    monkeypatch.setattr(fetch, "open_to_all", lambda path: True)
    assert fetch._folder().parent == tmp_path


def test_a_folder_is_open_when_all_above_it_are(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "within").mkdir(parents=True)
    closed.chmod(0o700)
    assert not fetch.open_to_all(closed / "within" / "not there yet")
    assert fetch.open_to_all(Path("/usr/lib"))


def test_it_is_started_on_demand_and_never_beside_a_given_one(tmp_path: Path) -> None:
    given = {"KAFKA_URL": "kafka://h:1", "AMPQURL": "amqp://h/", "B24REST": "http://h/rest/"}
    assert Local(tmp_path / "a", given, tied=True).elasticsearch is None
    assert "ES_URL" not in Local(tmp_path / "a", given, tied=True).addresses()
    own = Local(tmp_path / "b", given, tied=True, usual=(), search=True)
    assert own.elasticsearch is not None
    assert own.addresses()["ES_URL"] == own.worker.env["ES_URL"] == own.elasticsearch.url
    other = Local(tmp_path / "c", {**given, "ES_URL": "http://search:9200"}, tied=True, search=True)
    assert other.elasticsearch is None and other.worker.env["ES_URL"] == "http://search:9200"
    # `down` and `status` find one that was started before
    (tmp_path / "d" / "elasticsearch").mkdir(parents=True)
    assert Local(tmp_path / "d", given, tied=True, usual=()).elasticsearch is not None


def test_a_machine_without_java_and_maven_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "java_version", lambda: None)
    monkeypatch.setattr(install, "has_elasticsearch", lambda: False)
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    assert [package.name for package in install.missing(install.FOR_SEARCH)] == ["default-jre-headless", "maven"]
    assert install.wanted({"elasticsearch"}, {"ES_URL": "http://search:9200"}) == set()
