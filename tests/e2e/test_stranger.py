"""Issue 3, section 8.4: a client that knows nothing but the old proxy's description, and the four old variables."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.installation import Simulator
from tests.e2e.recorder import recording
from tests.support.services import PortalFactory, WorkerFactory

pytestmark = pytest.mark.services

COUNT = 100
STRANGER = Path(__file__).with_name("stranger.py")


def test_a_strangers_hundred_requests_get_a_hundred_answers(
    worker_factory: WorkerFactory, portal_factory: PortalFactory, tmp_path: Path
) -> None:
    portal = Simulator(portal_factory("--no-limits"))
    for number in range(COUNT):
        # letters that a careless re-encoding of the answer would change
        portal.call("crm.deal.add", {"fields": {"TITLE": f"Deal {number} «Ель» / <b> \u2028"}})
    with recording(portal.rest) as recorder:
        worker = worker_factory(recorder.rest, env={"PIPELINE_PORTAL_RATE": "none"})
        command = [
            *(sys.executable, str(STRANGER), "--count", str(COUNT), "--url", worker.env["AMPQURL"]),
            *("--in", worker.env["AMPQIN"], "--out", worker.env["AMPQOUT"]),
        ]
        # a folder and a path from which nothing of this project can be imported
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, timeout=150)

    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == COUNT
    assert len({answer["message_id"] for answer in answers}) == COUNT
    assert {answer["content_type"] for answer in answers} == {"text/json"}
    assert sorted(keyed(answer["body"]) for answer in answers) == sorted(said(recorder.answers)), "what the portal said"
    assert portal.executed("crm.deal.list") == COUNT
    for answer in answers:
        number = answer["message_id"].partition("-")[0]
        deals = json.loads(answer["body"])["result"]
        assert deals and all(f"Deal {number}" in deal["TITLE"] for deal in deals), "the answer fits its request"


def said(bodies: list[bytes]) -> list[str]:
    """What the portal answered to each call, alone or within a batch, as a call alone is answered."""
    found = []
    for body in bodies:
        result = json.loads(body)["result"]
        if not isinstance(result, dict):
            found.append(keyed(body))
            continue
        for key, rows in result["result"].items():
            parts = {"result": rows, "total": result["result_total"][key], "time": result["result_time"][key]}
            found.append(keyed(json.dumps(parts)))
    return found


def keyed(body: str | bytes) -> str:
    """The JSON value, whatever its spelling."""
    return json.dumps(json.loads(body), sort_keys=True)


def test_the_stranger_imports_nothing_of_ours() -> None:
    imported = {line.split()[1] for line in STRANGER.read_text().splitlines() if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names | {"pika", "typing"}
