"""The file that keeps objects and tokens, and sample data to fill it."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from sandbox.portal.auth import Credential
from sandbox.portal.faults import FaultBook
from sandbox.portal.methods import registry
from sandbox.portal.methods.spec import Call
from sandbox.portal.oauth.apps import App
from sandbox.portal.options import Options
from sandbox.portal.persistence import StoreFileError, check_writable, load, save
from sandbox.portal.portal import Portal
from sandbox.portal.sample import fill
from tests.unit.sandbox.virtual_clock import VirtualClock

APP = App("local.one", "client-secret", "first-refresh-token")


def _portal() -> Portal:
    return Portal("default", Options(apps=(APP,)), registry(), VirtualClock(), FaultBook())


async def _result(portal: Portal, method: str, **params: Any) -> Any:
    return (await portal.execute(Call(method, params, Credential("1", "sandbox"), "", 1))).reply


async def test_what_was_saved_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    first = _portal()
    await fill(first, 3)
    pair = first.apps.refresh(APP, APP.refresh_token)
    assert save(path, {"default": first}) == path.stat().st_size
    second = _portal()
    assert load(path, {"default": second}) == {"default"}
    for method in ("crm.deal.get", "crm.company.get", "crm.contact.get", "crm.lead.get"):
        assert (await _result(second, method, id=2)).result == (await _result(first, method, id=2)).result
    rows = await _result(second, "crm.deal.productrows.get", id=2)
    assert len(rows.result) == len((await _result(first, "crm.deal.productrows.get", id=2)).result) > 0
    assert (await _result(second, "crm.deal.list", filter={"ORIGIN_ID": "deal-3"})).total == 1
    assert (await _result(second, "crm.deal.add", fields={})).result == 4, "ids go on"
    assert second.apps.check(pair.access).app == APP.client_id
    assert second.apps.refresh(APP, pair.refresh)


async def test_what_never_was_saved_is_no_error(tmp_path: Path) -> None:
    assert load(tmp_path / "none.json", {"default": _portal()}) == frozenset()


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"version": 99}', b'{"version": 1, "portals": {"default": {"store": 1}}}']
)
async def test_another_file_is_refused_and_left_alone(body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(body)
    with pytest.raises(StoreFileError, match=r"mine\.json"):
        load(path, {"default": _portal()})
    assert path.read_bytes() == body


def test_a_place_where_nothing_can_be_written_is_found_beforehand(tmp_path: Path) -> None:
    check_writable(tmp_path / "store.json")
    assert list(tmp_path.iterdir()) == [], "the check leaves nothing"
    (tmp_path / "file").touch()
    for place in ("none", "file"):
        with pytest.raises(StoreFileError, match=r"x\.json cannot be written: \w"):
            check_writable(tmp_path / place / "x.json")


async def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.json"
    portal = _portal()
    save(path, {"default": portal})
    before = path.read_bytes()
    await fill(portal, 1)
    monkeypatch.setattr("sandbox.portal.persistence.os.fsync", lambda number: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(path, {"default": portal})
    assert path.read_bytes() == before
    assert orjson.loads(before)["version"] == 1


async def test_sample_data_is_the_same_each_time_and_leaves_no_trace() -> None:
    small, large = _portal(), _portal()
    await fill(small, 3)
    await fill(large, 60)
    for number in (1, 3):
        one = (await _result(small, "crm.deal.get", id=number)).result
        two = (await _result(large, "crm.deal.get", id=number)).result
        assert {**one, "DATE_CREATE": None} == {**two, "DATE_CREATE": None}
    assert (await _result(large, "crm.lead.list", start=50)).total == 60
    assert (large.journal.requests, large.journal.executions["crm.deal.add"]) == (0, 0)
    assert large.meter.peaks() == {}
