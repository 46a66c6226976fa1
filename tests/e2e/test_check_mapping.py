"""`faust -A pipeline check-mapping --portal` beside a real worker: it asks the portal through the bus."""

from __future__ import annotations

import json
import os
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result

from pipeline.configuration import read
from pipeline.ops.mapping_command import command
from stack.worker import bus_environment
from tests.e2e.installation import Installation, Place

pytestmark = pytest.mark.services

MAPPING = """
[portal]
name = "{portal}"
[catalogs.default]
iblock = 23
[deal.stages]
DONE = "WON"
[order]
person_type = 2
[order.properties]
CACHBACK = 40
"""


def check(bus: Installation, path: Path, *arguments: str) -> Result:
    foreign = bus_environment(os.environ)
    env = {name: value for name, value in os.environ.items() if name not in foreign} | bus.worker.env
    env["PIPELINE_CONFIG"] = str(bus.worker.folder / "pipeline.toml")
    with patch.dict(os.environ, env, clear=True):
        done = CliRunner().invoke(command(read()), [str(path), *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_a_right_mapping_and_a_wrong_one(place: Place, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.toml", tmp_path / "wrong.toml"
    right.write_text(MAPPING.format(portal=place.name))
    wrong.write_text(right.read_text().replace("iblock = 23", "iblock = 99").replace("WON", "WIN"))

    done = check(place.bus, right, "--portal")
    assert (done.exit_code, done.stdout) == (
        0,
        f"{right}: nothing is wrong, and portal {place.name!r} has all that it names\n",
    ), done.stderr

    done = check(place.bus, wrong, "--portal", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert [(one["table"], one["key"], one["given"]) for one in found] == [
        ("deal.stages", "DONE", "WIN"),
        ("catalogs.default", "iblock", 99),
    ]
    assert not any(one["method"].endswith((".add", ".update")) for one in place.simulator.executions())


def test_nobody_answers(bus: Installation, tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    text = MAPPING.replace("[catalogs", 'credential = "known"\n[catalogs').format(portal="p099")
    path.write_text(text)
    done = check(bus, path, "--portal", "--timeout", "0.001")
    assert done.exit_code == 1
    assert "no answer of portal 'p099' within" in done.stderr and "does a worker run?" in done.stderr
