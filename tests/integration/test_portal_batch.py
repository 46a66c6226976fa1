"""pipeline/portal/wire/encode.py and batch.py against the simulator: a command's answer is a call's answer."""

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from pipeline.portal.wire.batch import CommandAnswer, build, status_of, take_apart
from pipeline.portal.wire.encode import command
from stack.sandbox import Portal
from tests.support.services import PortalFactory, Services

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("crm.deal.add", {"fields": {"TITLE": "Ёлка & «ель» [1] $ 100%", "OPPORTUNITY": 99.5, "OPENED": "N"}}),
    ("crm.deal.add", {"fields": 5}),
    ("crm.deal.get", {"id": 1}),
    ("crm.deal.list", {"filter": {">ID": 0}, "select": ["ID", "TITLE"], "order": {"ID": "DESC"}}),
    ("crm.deal.list", {"start": 50}),
    ("crm.deal.get", {"id": 99999}),
    ("no.such.method", {}),
    ("crm.deal.update", {"id": 1, "fields": {"TITLE": "a=b&c=d#e+f;"}}),
    ("crm.deal.get", {"id": 1}),
]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    services = Services(tmp_path_factory.mktemp("portal"))
    yield PortalFactory(services)("--no-limits", "--token", "1:token")
    services.close()


def filled(portal: Portal) -> None:
    """A portal with 60 deals, so that a list has a second page."""
    httpx.post(f"{portal.url}/_sandbox/reset").raise_for_status()
    deals = [command("crm.deal.add", {"fields": {"TITLE": f"deal {number}"}}) for number in range(60)]
    for run in (deals[:30], deals[30:]):
        answers = take_apart(call(portal, "batch", build(run)).content, len(run)).commands
        assert all(answer is not None and answer.ok for answer in answers)


def call(portal: Portal, method: str, body: bytes) -> httpx.Response:
    return httpx.post(f"{portal.rest}1/token/{method}", content=body, headers={"Content-Type": "application/json"})


def comparable(body: bytes) -> Any:
    """Without what differs from one moment to the next."""
    content = orjson.loads(body)
    if "time" in content:
        content["time"] = sorted(content["time"])
    text = orjson.dumps(content).decode()
    return [part for part in text.split('"') if not part.startswith("20")]


def test_a_commands_answer_is_a_calls_answer(portal: Portal) -> None:
    filled(portal)
    single = [call(portal, method, orjson.dumps(params)) for method, params in CALLS]
    filled(portal)
    text = build([command(method, params) for method, params in CALLS])
    parts = take_apart(call(portal, "batch", text).content, len(CALLS))
    for (method, _), alone, inside in zip(CALLS, single, parts.commands, strict=True):
        assert isinstance(inside, CommandAnswer), method
        assert comparable(inside.body) == comparable(alone.content), method
        assert (200 if inside.ok else status_of(inside.code, inside.description)) == alone.status_code, method
        assert inside.ok == (inside.times.duration is not None), method
    assert parts.time is not None


def test_a_halted_batch_leaves_the_rest_open(portal: Portal) -> None:
    filled(portal)
    text = build(["profile", "crm.deal.get?id=99999", "crm.deal.add?fields%5BTITLE%5D=x"], halt=True)
    done, failed, open_ = take_apart(call(portal, "batch", text).content, 3).commands
    assert done is not None
    assert failed is not None
    assert (done.ok, failed.ok, open_) == (True, False, None)
