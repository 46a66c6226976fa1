"""`faust -A pipeline links` beside a real worker: what goes in comes out, and a wrong file sends nothing.

RabbitMQ is away: links need it nowhere.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner

from pipeline.configuration import read
from pipeline.ops.links_command import group
from stack.sandbox import Portal
from stack.worker import Worker, bus_environment
from tests.e2e import kafka_log
from tests.e2e.installation import QUICK, Simulator, toml
from tests.e2e.waiting import eventually
from tests.support.services import WorkerFactory

pytestmark = pytest.mark.services

HEADER = ["portal", "entity", "originator", "external", "id", "hash", "version"]
MANY = 5000
COMPANIES = 1200
#: ids of the simulator begin at 1; these companies carry the external id of an older one
DOUBLED = {301: 7, 650: 8, 1199: 7}
SITE = range(1001, 1051)


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Installation:
    """A worker with the portals main, other and portal-3, and the command line beside it."""

    def __init__(self, worker: Worker, simulator: Simulator) -> None:
        self.worker = worker
        self.simulator = simulator
        foreign = bus_environment(os.environ)
        self.env = {name: value for name, value in os.environ.items() if name not in foreign} | worker.env
        self.env["PIPELINE_CONFIG"] = str(worker.folder / "pipeline.toml")
        self.bootstrap = worker.env["KAFKA_URL"].removeprefix("kafka://").rstrip("/")

    def wire(self, topic: str) -> str:
        return f"{self.worker.env['PIPELINE_TOPIC_PREFIX']}{topic}"

    def shell(self, *arguments: str, given: bytes = b"") -> Done:
        """`faust -A pipeline links ...` as a person starts it, in the worker's folder."""
        faust = Path(sys.executable).parent / "faust"
        done = subprocess.run(
            [str(faust), "-A", "pipeline", "links", *arguments],
            env=self.env,
            cwd=self.worker.folder,
            input=given,
            capture_output=True,
            timeout=120,
        )
        assert b"Traceback" not in done.stderr
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run(self, *arguments: str, given: bytes = b"") -> Done:
        """The same in this process: to start another takes longer than most commands."""
        with patch.dict(os.environ, self.env, clear=True):
            done = CliRunner().invoke(group(read()), arguments, input=given)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    def ok(self, *arguments: str, given: bytes = b"") -> str:
        """Its standard output; it must end with 0."""
        done = self.run(*arguments, given=given)
        assert done.code == 0, (arguments, done)
        return done.out

    def refused(self, *arguments: str, given: bytes = b"", code: int = 1) -> str:
        """Its standard error; it must end with this code."""
        done = self.run(*arguments, given=given)
        assert done.code == code, (arguments, done)
        return done.err

    def links(self, *arguments: str) -> list[dict[str, Any]]:
        """`list --json`"""
        return [json.loads(line) for line in self.ok("list", "--json", "--limit", "0", *arguments).splitlines()]

    def written(self) -> int:
        """Records in the changelog of the table."""
        changelog = f"{self.worker.env['PIPELINE_APP_ID']}-links-changelog"
        return len(kafka_log.read(self.bootstrap, changelog.__eq__))

    def commands(self) -> int:
        """Records in portal.control."""
        return len(kafka_log.read(self.bootstrap, self.wire("portal.control").__eq__))


@pytest.fixture(scope="module")
def bus(workers: WorkerFactory, simulator: Portal) -> Iterator[Installation]:
    rest = Simulator(simulator).rest
    env = QUICK | {"AMPQURL": "amqp://guest:guest@127.0.0.1:1/", "PIPELINE_COMMIT_INTERVAL": "0.2"}
    worker = workers(rest, env=env, start=False)
    webhook = {"user": "1", "token": "sandbox"}
    address = Simulator(simulator, "far").rest
    portals: dict[str, dict[str, object]] = {
        "main": {"address": address, "rate": "none", "credentials": {"crm": webhook}},
        "other": {"address": rest, "credentials": {"a": webhook, "b": webhook}},
        "third/третий": {"address": rest},
    }
    (worker.folder / "pipeline.toml").write_text(toml_of(portals))
    worker.start()
    yield Installation(worker, Simulator(simulator, "far"))
    assert worker.running


def toml_of(portals: dict[str, dict[str, object]]) -> str:
    """Names of portals may hold anything, in quotes."""
    return toml({(name if name.isalnum() and name.isascii() else f'"{name}"'): of for name, of in portals.items()})


def csv_of(rows: Sequence[Sequence[object]], header: Sequence[str] = HEADER) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([header, *rows])
    return file.getvalue().encode()


@pytest.fixture(scope="module")
def many(bus: Installation) -> list[dict[str, Any]]:
    """5,000 links of one portal, imported; as `list` tells them, but for `at`."""
    rows = [
        ["main", "deal", "site" if n % 2 else "", f"Заказ/{n:05}", n, f"h{n}" if n % 3 else "", n if n % 5 else ""]
        for n in range(1, MANY + 1)
    ]
    path = bus.worker.folder / "many.csv"
    path.write_bytes(csv_of(rows))
    done = bus.shell("import", path.name)
    assert (done.code, done.out) == (0, f"{MANY} links imported\n"), done.err
    assert f"{MANY}/{MANY}" in done.err
    return [
        dict(zip(HEADER, [*row[:2], row[2] or None, row[3], str(row[4]), row[5] or None, row[6] or None], strict=True))
        for row in rows
    ]


def test_what_was_imported_is_there(bus: Installation, many: list[dict[str, Any]]) -> None:
    found = bus.links("--portal", "main", "--entity", "deal")
    assert all(link.pop("at") > 1.7e9 for link in found)
    assert sorted(found, key=lambda link: int(link["id"])) == many


def test_the_same_file_twice_changes_nothing(bus: Installation, many: list[dict[str, Any]]) -> None:
    before = bus.written()
    assert bus.ok("import", str(bus.worker.folder / "many.csv")) == f"{MANY} links imported\n"
    assert bus.written() == before


def test_an_export_can_be_imported(bus: Installation, many: list[dict[str, Any]]) -> None:
    path = bus.worker.folder / "out.csv"
    bus.ok("export", str(path), "--portal", "main", "--entity", "deal")
    text = path.read_text()
    assert text.count("\n") == MANY + 1
    before = bus.written()
    assert bus.ok("import", "-", given=text.encode()) == f"{MANY} links imported\n"
    assert bus.written() == before
    assert bus.ok("export", "-", "--portal", "main", "--entity", "deal") == text
    moved = text.replace("main,deal,", "other,deal,")
    bus.ok("import", "-", given=moved.encode())
    assert bus.ok("export", "-", "--portal", "other") == moved
    bus.ok("drop", "--portal", "other", "--entity", "deal", "--all", "--yes")
    assert bus.links("--portal", "other") == []


def test_list_for_people(bus: Installation, many: list[dict[str, Any]]) -> None:
    done = bus.shell("list", "--portal", "main", "--limit", "3")
    head, *lines = done.out.splitlines()
    assert head.split() == [*HEADER, "at"] and len(lines) == 3
    assert "Заказ/00001" in lines[0] and lines[0].index("Заказ") == head.index("external")
    assert f"3 of {MANY} links" in done.err


def test_find(bus: Installation, many: list[dict[str, Any]]) -> None:
    (link,) = (json.loads(line) for line in bus.ok("find", "Заказ/00017", "--json").splitlines())
    assert (link["id"], link["originator"], link["hash"], link["version"]) == ("17", "site", "h17", 17)
    assert "Заказ/00017" in bus.ok("find", "--id", "17", "--portal", "main", "--entity", "deal")
    assert "no such link" in bus.refused("find", "Заказ/00017", "--originator", "")
    assert "no such link" in bus.refused("find", "--id", "17", "--portal", "other")
    bus.refused("find", code=2)


def test_a_wrong_file_sends_nothing(bus: Installation) -> None:
    before = bus.commands()
    right = ["third/третий", "item:128", "", "right", 1, "", ""]
    wrong = csv_of([right, ["nowhere", "deal", "", "e", 1, "", ""], ["main", "deal", "", "", 1, "", ""]])
    said = bus.refused("import", "-", given=wrong)
    assert "line 3: portal: " in said and "line 4: external: " in said and "nothing was sent" in said
    assert "header" in bus.refused("import", "-", given=csv_of([right], HEADER[:-1]))
    assert "No such file" in bus.refused("import", "absent.csv")
    assert bus.ok("import", "-", "--dry-run", given=csv_of([right])) == "1 links could be imported\n"
    assert bus.commands() == before
    assert bus.ok("import", "-", "--skip-wrong", given=wrong) == "1 links imported\n"
    assert [link["external"] for link in bus.links("--portal", "third/третий")] == ["right"]
    assert bus.commands() == before + 1


def test_drop(bus: Installation) -> None:
    rows = [["other", "lead", of, "e", n, "", ""] for n, of in enumerate(["", "site", "1c"], 1)]
    bus.ok("import", "-", given=csv_of(rows))
    place = ("--portal", "other", "--entity", "lead")
    assert "'site'" in bus.refused("drop", "e", *place)
    bus.ok("drop", "e", *place, "--originator", "site")
    bus.ok("drop", "--id", "3", *place)
    assert [link["id"] for link in bus.links("--portal", "other")] == ["1"]
    bus.ok("drop", "e", *place)
    assert "no such link" in bus.refused("drop", "e", *place)


def test_a_link_moves_with_what_is_said_last(bus: Installation) -> None:
    first = [["other", "contact", "", "a", 1, "", ""], ["other", "contact", "", "b", 2, "", ""]]
    bus.ok("import", "-", given=csv_of(first))
    bus.ok("import", "-", given=csv_of([["other", "contact", "", "a", 2, "", ""]]))
    assert [(link["external"], link["id"]) for link in bus.links("--entity", "contact")] == [("a", "2")]


async def put(bus: Installation, value: bytes, portal: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bus.bootstrap) as producer:
        await producer.send_and_wait(bus.wire("portal.control"), value, key=portal.encode())


@pytest.mark.parametrize(
    ("portal", "value", "fault"),
    [
        ("main", b"{", "message: "),
        ("main", b'{"v":1,"do":"links.put","links":[{"entity":"deal","external":"e"}]}', "links.put.links.0.id: "),
        ("gone", b'{"v":1,"do":"links.put","links":[{"entity":"deal","external":"e","id":"1"}]}', "no portal 'gone'"),
    ],
)
def test_what_is_no_command_is_a_dead_letter(bus: Installation, portal: str, value: bytes, fault: str) -> None:
    asyncio.run(put(bus, value, portal))

    def letters() -> list[str]:
        raws = kafka_log.read(bus.bootstrap, bus.wire("dead.letters").__eq__)
        ours = [raw for raw in raws if raw.value == value and raw.key == portal.encode()]
        return [raw.text("dl-last-error") for raw in ours if raw.text("dl-agent") == "portal-control"]

    (text,) = eventually(letters, "the dead letter is written")
    assert fault in text


def test_what_the_worker_refuses_is_told(bus: Installation, tmp_path: Path) -> None:
    """This command line knows of a portal that the worker has never heard of."""
    config = tmp_path / "pipeline.toml"
    config.write_text(toml({"stranger": {"address": bus.simulator.rest}}))
    other = Installation(bus.worker, bus.simulator)
    other.env["PIPELINE_CONFIG"] = str(config)
    said = other.refused("import", "-", given=csv_of([["stranger", "deal", "", "e", 1, "", ""]]))
    assert "1 links were refused" in said and "no portal 'stranger'" in said


# -- rebuild


@pytest.fixture(scope="module")
def companies(bus: Installation) -> dict[str, str]:
    """External id (with originator) -> id of 1,200 companies in the portal, of which three are doubles."""
    commands: list[str] = []
    for n in range(1, COMPANIES + 1):
        of = "&fields[ORIGINATOR_ID]=site" if n in SITE else ""
        commands.append(f"crm.company.add?fields[TITLE]=c{n}&fields[ORIGIN_ID]=e{DOUBLED.get(n, n)}{of}")
    with httpx.Client(timeout=60) as client:
        for start in range(0, COMPANIES, 50):
            batch = {f"c{n:02}": command for n, command in enumerate(commands[start : start + 50])}
            answer = client.post(f"{bus.simulator.rest}1/sandbox/batch", json={"halt": 0, "cmd": batch}).json()
            made = list(answer["result"]["result"].values())
            assert made == list(range(start + 1, start + 51)), "ids begin at 1"
    numbers = (n for n in range(1, COMPANIES + 1) if n not in DOUBLED)
    return {f"site:e{n}" if n in SITE else f":e{n}": str(n) for n in numbers}


def test_rebuild(bus: Installation, companies: dict[str, str]) -> None:
    before = bus.simulator.executed("crm.company.list")
    done = bus.shell("rebuild", "--portal", "main", "--entity", "company")
    said = done.err
    assert done.code == 0, said
    assert done.out == f"{COMPANIES} objects read, {len(companies)} links put\n"
    assert "2 external ids are doubled; not linked: 3 objects" in said
    assert "e7: id 7 is linked, not 301, 1199" in said and "e8: id 8 is linked, not 650" in said
    assert f"{COMPANIES}/{COMPANIES}" in said
    found = bus.links("--entity", "company")
    assert {f"{link['originator'] or ''}:{link['external']}": link["id"] for link in found} == companies
    assert bus.simulator.executed("crm.company.list") - before == COMPANIES // 50 + 1


def test_rebuild_goes_on(bus: Installation, companies: dict[str, str]) -> None:
    """What was linked by the first run is known to the second: a double after it is one."""
    place = ("--portal", "main", "--entity", "company")
    bus.ok("rebuild", *place)
    before = bus.written()
    done = bus.run("rebuild", *place, "--from-id", "600")
    assert done.out == "600 objects read, 598 links put\n"
    assert "e7: id 7 is linked, not 1199" in done.err
    assert bus.written() == before, "all of it stood there"
    bus.ok("drop", *place, "--all", "--yes")
    assert bus.ok("rebuild", *place, "--originator", "site") == f"{len(SITE)} objects read, {len(SITE)} links put\n"
    assert {link["originator"] for link in bus.links("--entity", "company")} == {"site"}


def test_a_rebuild_that_fails_says_from_where_to_go_on(bus: Installation, companies: dict[str, str]) -> None:
    place = ("--portal", "main", "--entity", "company")
    before = bus.simulator.executed("crm.company.list")
    bus.simulator.fault("delay", methods=["crm.company.list"], delay=0.3)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(bus.shell, "rebuild", *place)
        eventually(lambda: bus.simulator.executed("crm.company.list") >= before + 3, "it has read some pages")
        bus.simulator.heal()
        bus.simulator.fault("error", status=400, error="ERROR_CORE", error_description="not today")
        code, _, said = running.result()
    bus.simulator.heal()
    (last,) = re.findall(r"--from-id (\d+)", said)
    assert code == 1 and "not today" in said and 100 <= int(last) < COMPANIES
    assert f"{COMPANIES - int(last)} objects read" in bus.ok("rebuild", *place, "--from-id", last)


def test_a_rebuild_that_cannot_be(bus: Installation) -> None:
    assert "no entity 'firm'" in bus.refused("rebuild", "--portal", "main", "--entity", "firm", code=2)
    assert "no portal 'x'" in bus.refused("rebuild", "--portal", "x", "--entity", "deal", code=2)
    assert "--credential is needed" in bus.refused("rebuild", "--portal", "other", "--entity", "deal", code=2)
    assert "known: a, b" in bus.refused("rebuild", "--portal", "other", "--entity", "deal", "--credential", "c", code=2)


# -- without a worker; last, as it stops it


def test_without_a_worker_it_waits_and_is_not_lost(bus: Installation) -> None:
    bus.worker.stop()
    try:
        late = csv_of([["main", "lead", "", "late", 1, "", ""]])
        said = bus.refused("import", "-", "--timeout", "1", given=late)
        assert "no worker has taken them" in said
        said = bus.refused("rebuild", "--portal", "main", "--entity", "lead", "--timeout", "1")
        assert "does a worker run?" in said
    finally:
        bus.worker.start()
    eventually(lambda: bus.links("--entity", "lead"), "the link is there")


def test_nothing_is_made_where_no_worker_has_run(bus: Installation) -> None:
    fresh = Installation(bus.worker, bus.simulator)
    fresh.env |= {"PIPELINE_APP_ID": "never", "PIPELINE_TOPIC_PREFIX": "never."}
    assert "start a worker" in fresh.refused("list")
    assert "start a worker" in fresh.refused("import", "-", given=csv_of([["main", "lead", "", "e", 1, "", ""]]))
    assert kafka_log.read(bus.bootstrap, lambda topic: topic.startswith("never")) == []
    fresh.env["KAFKA_URL"] = "127.0.0.1:1"
    assert "Kafka (127.0.0.1:1)" in fresh.refused("list")
