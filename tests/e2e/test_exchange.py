"""`faust -A pipeline exchange` beside a real worker: items become companies, and their outcomes come back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.ops.exchange.command import command
from pipeline.settings import Settings
from tests.e2e.installation import UNLIMITED, Simulator
from tests.e2e.waiting import eventually
from tests.support.bridge import ready_count
from tests.support.services import PortalFactory, WorkerFactory
from tests.support.site import MAPPING, command_line, send, site_settings

pytestmark = pytest.mark.services


def test_users_are_drained_into_companies(
    kafka, rabbitmq, portal_factory: PortalFactory, worker_factory: WorkerFactory, tmp_path: Path
) -> None:
    portal = portal_factory("--no-limits")
    queue = {"event": "user", "exchange": "users-*", "mode": "on-command", "limit": 10}
    given = site_settings(kafka.url, rabbitmq.url, tmp_path, {"users-*": queue})
    given["mapping"].write_text(f'[portal]\ncredential = "site"\n{MAPPING}')
    settings = Settings(**given, portals={"default": {"address": portal.rest}})
    (name,) = (name for name, one in settings.queues.items() if one.enabled)
    credential = {"default": {"address": portal.rest, "credentials": {"site": {"user": "1", "token": "sandbox"}}}}
    _, shared = command_line(settings)
    env = {key: value for key, value in shared.items() if key.startswith(("PIPELINE_", "KAFKA", "AMPQ"))}
    worker_factory(portal.rest, env=UNLIMITED | env | {"PIPELINE_PORTALS": json.dumps(credential)})
    url = settings.amqp_url.get_secret_value()

    def published(*bodies: str) -> None:
        exchange = settings.queues[name].exchange
        asyncio.run(send(url, exchange, [body.encode() for body in bodies]))

    def drained(*arguments: str) -> Result:
        return CliRunner().invoke(command(settings), ["user", "--wait", "60", *arguments])

    eventually(lambda: asyncio.run(ready_count(url, name)) == 0, "the worker makes the queue that nobody reads")
    acme, other = '{"XML_ID": "u1", "NAME": "ACME"}', '{"XML_ID": "u2", "NAME": "Другая"}'
    published(acme, other, '{"NAME": "nobody"}')
    done = drained()
    assert done.exit_code == 1, done.stderr
    lines = sorted(done.stdout.splitlines())
    assert lines[0].startswith("3 messages"), lines
    assert ": 2 done, 1 failed, 0 without a word; " in lines[0], lines
    assert lines[1].startswith("Not saved: user element message 3: companies: permanent: ") and "XML_ID" in lines[1]
    assert lines[2].startswith("Save user element u1: companies added 1")
    assert lines[3].startswith("Save user element u2: companies added 1")

    simulator = Simulator(portal)
    writes = simulator.executed("crm.company.add") + simulator.executed("crm.item.add")
    published(acme, other)
    done = drained("--json")
    items = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0, done.stdout
    assert {one["item"] for one in items[:-1]} == {"u1", "u2"}
    actions = [one["flows"]["companies"]["action"] for one in items[:-1]]
    assert all("unchanged" in action and "added" not in action for action in actions), actions
    assert simulator.executed("crm.company.add") + simulator.executed("crm.item.add") == writes == 2

    published(acme)
    done = drained("--force")
    (line, _) = done.stdout.splitlines()
    assert done.exit_code == 0 and line.startswith("Save user element u1: companies ")
    assert "unchanged" not in line, "it was asked for anew"
