"""Offline events: one row for an object, disjoint reservations, the connector that hears nothing of itself."""

from typing import Any

import pytest

from tests.unit.sandbox.calling import APP, WEBHOOK, Desk


@pytest.fixture
def desk() -> Desk:
    desk = Desk(APP)
    for event in ("ONCRMDEALADD", "OnCrmDealUpdate"):
        assert desk.result("event.bind", {"event": event, "event_type": "offline", "auth_connector": "us"}) is True
    return desk


def add(desk: Desk, **more: Any) -> Any:
    return desk.result("crm.deal.add", {"fields": {}, **more}, WEBHOOK)


def take(desk: Desk, **more: Any) -> tuple[Any, list[tuple[str, str]]]:
    got = desk.result("event.offline.get", {"auth_connector": "us", **more})
    return got["process_id"], [(row["EVENT_NAME"], row["EVENT_DATA"]["FIELDS"]["ID"]) for row in got["events"]]


def test_many_changes_are_one_row(desk: Desk) -> None:
    deal = add(desk)
    for number in range(5):
        desk.result("crm.deal.update", {"id": deal, "fields": {"TITLE": str(number)}}, WEBHOOK)
    assert take(desk) == (None, [("ONCRMDEALADD", 1), ("ONCRMDEALUPDATE", 1)])
    assert take(desk) == (None, []), "taken is gone"


def test_own_writes_are_not_heard_of(desk: Desk) -> None:
    add(desk, auth_connector="us")
    assert take(desk) == (None, [])
    add(desk, auth_connector="others")
    assert take(desk) == (None, [("ONCRMDEALADD", 2)])


def test_reservations_are_disjoint_until_they_are_cleared(desk: Desk) -> None:
    for _ in range(4):
        add(desk)
    first, rows = take(desk, clear=0, limit=2)
    assert rows == [("ONCRMDEALADD", 1), ("ONCRMDEALADD", 2)]
    second, rest = take(desk, clear=0)
    assert rest == [("ONCRMDEALADD", 3), ("ONCRMDEALADD", 4)]
    assert first != second
    assert take(desk, process_id=first)[1] == rows
    messages = [row["MESSAGE_ID"] for row in desk.result("event.offline.list", {"auth_connector": "us"})]
    assert len(messages) == 4
    assert desk.result("event.offline.clear", {"process_id": first, "message_id": messages[:1]}) is True
    assert desk.result("event.offline.clear", {"process_id": second, "message_id": messages[1:2]}) is True
    assert len(desk.result("event.offline.list", {"auth_connector": "us"})) == 3, "only a process's own rows"
    assert desk.result("event.offline.error", {"process_id": first, "message_id": messages[1:2]}) is True
    assert [row["ERROR"] for row in desk.result("event.offline.list", {"auth_connector": "us"})] == ["1", "0", "0"]
    assert desk.result("event.offline.clear", {"process_id": first}) is True
    assert desk.result("event.offline.clear", {"process_id": second}) is True
    assert desk.result("event.offline.list", {"auth_connector": "us"}) == []


def test_filters(desk: Desk) -> None:
    for _ in range(3):
        add(desk)
    assert take(desk, filter={">ID": 2}, clear=0)[1] == [("ONCRMDEALADD", 3)]
    assert take(desk, filter={"EVENT_NAME": "ONCRMDEALADD"}, order={"ID": "DESC"})[1] == [
        ("ONCRMDEALADD", 2),
        ("ONCRMDEALADD", 1),
    ]


@pytest.mark.parametrize("verb", ["bind", "unbind", "get", "test", "offline.get", "offline.list", "offline.clear"])
def test_a_webhook_may_not(desk: Desk, verb: str) -> None:
    code, _ = desk.error(f"event.{verb}", {"event": "ONCRMDEALADD", "process_id": "x"}, WEBHOOK)
    assert code == "WRONG_AUTH_TYPE"


def test_bindings(desk: Desk) -> None:
    bind = {"event": "ONCRMDEALADD", "handler": "http://127.0.0.1:1/h", "auth_type": 15}
    assert desk.result("event.bind", bind) is True
    assert "already binded" in desk.error("event.bind", bind)[1]
    shown = desk.result("event.get")
    assert shown[0] == {"event": "ONCRMDEALADD", "handler": bind["handler"], "auth_type": "15", "offline": 0}
    assert shown[1] == {"event": "ONCRMDEALADD", "connector_id": "us", "offline": 1}
    assert desk.result("event.unbind", bind) == {"count": 1}
    offline = {"event": "ONCRMDEALADD", "event_type": "offline", "auth_connector": "us"}
    assert desk.result("event.unbind", offline) == {"count": 1}
    assert desk.error("event.bind", {"event": "ONCRMDEALADD"}) == (
        "ERROR_ARGUMENT",
        "Argument 'HANDLER' is null or empty",
    )
    assert desk.error("event.bind", {"event": "NO", "handler": "x"})[0] == "ERROR_EVENT_NOT_FOUND"


def test_people_and_features(desk: Desk) -> None:
    assert desk.result("feature.get", {"CODE": "rest_offline_extended"}) == {"value": "Y"}
    assert desk.result("feature.get", {"CODE": "nothing"}) == {"value": "N"}
    current = desk.result("user.current")
    assert (current["ID"], current["ACTIVE"], current["UF_DEPARTMENT"]) == ("1", True, [1])
    reply = desk.reply("user.get", {"FILTER": {"ACTIVE": True}, "sort": "ID", "order": "DESC"})
    assert ([row["ID"] for row in reply.result], reply.total) == (["3", "2", "1"], 3)
    assert desk.result("user.get", {"ID": 2})[0]["LAST_NAME"] == "Petrova"
    assert [row["ID"] for row in desk.result("user.search", {"FIND": "sidor"})] == ["3"]
    assert desk.result("user.search", {"FIND": "nobody"}) == []
