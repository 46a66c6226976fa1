"""pipeline/portal/methods.py, as tables of examples."""

from typing import Any

import pytest

from pipeline.portal.methods import is_allowed, is_idempotent, is_read, is_valid


@pytest.mark.parametrize(
    "name", ["crm.deal.list", "profile", "crm.deal.list.json", "CRM.Deal.List", "im.v2.Chat.get", "user_x.get", "7"]
)
def test_method_names(name: str) -> None:
    assert is_valid(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "../",
        "../../admin",
        "crm..deal",
        ".crm.deal",
        "crm.deal.",
        "crm deal list",
        "crm.deal.list\n",
        "crm.deal.list\x00",
        "crm/deal/list",
        "crm.deal.list?x=1",
        "crm.deal.list#x",
        "crm.deal.list.xml",
        "crm%2edeal",
        "сделка.список",
        "a" * 201,
    ],
)
def test_no_method_names(name: str) -> None:
    assert not is_valid(name)


READS: list[tuple[str, Any]] = [
    ("crm.deal.list", None),
    ("CRM.DEAL.LIST.json", None),
    ("crm.deal.get", {"id": 5}),
    ("crm.deal.fields", None),
    ("catalog.product.getFields", None),
    ("profile", None),
    ("user.current", None),
    ("server.time", None),
    ("crm.duplicate.findbycomm", None),
    ("batch", {"cmd": {"a": "crm.deal.list?start=50", "b": "user.get"}}),
    ("batch", {"cmd": ["profile"], "halt": 1}),
    ("batch", {}),
]
WRITES: list[tuple[str, Any]] = [
    ("crm.deal.add", None),
    ("crm.deal.update", None),
    ("crm.deal.productrows.set", None),
    ("event.offline.get", None),
    ("crm.lead.convert", None),
    ("somebody.else", None),
    ("budget", None),
    ("batch", {"cmd": {"a": "crm.deal.list", "b": "crm.deal.add?fields[TITLE]=x"}}),
    ("batch", {"CMD": ["crm.deal.add"]}),
    ("batch", {"cmd": {"a": "batch?cmd[0]=crm.deal.add"}}),
    ("batch", {"cmd": {"a": "batch"}}),
    ("batch", {"cmd": {"a": ["crm.deal.get"]}}),
    ("batch", {"cmd": "crm.deal.add"}),
]


@pytest.mark.parametrize(("method", "params"), READS)
def test_reads(method: str, params: Any) -> None:
    assert is_read(method, params)
    assert is_idempotent(method, params)


@pytest.mark.parametrize(("method", "params"), WRITES)
def test_writes(method: str, params: Any) -> None:
    assert not is_read(method, params)


@pytest.mark.parametrize(
    ("method", "params", "idempotent"),
    [
        ("crm.deal.update", {"id": 5, "fields": {"TITLE": "x"}}, True),
        ("crm.deal.delete", {"id": 5}, True),
        ("crm.deal.productrows.set", {"id": 5, "rows": []}, True),
        ("catalog.price.modify", {"fields": {}}, True),
        ("crm.deal.add", {"fields": {}}, False),
        ("crm.timeline.comment.add", {"fields": {}}, False),
        ("crm.item.batchImport", {"data": []}, False),
        ("event.offline.get", {}, False),
        # a list of phones is appended to
        ("crm.company.update", {"id": 5, "fields": {"PHONE": [{"VALUE": "+7"}]}}, False),
        ("crm.company.update", {"ID": 5, "FIELDS": {"phone": [{"VALUE": "+7"}]}}, False),
        ("crm.company.update", {"id": 5, "fields": {"PHONE": [{"ID": 1, "VALUE": "+7"}]}}, True),
        ("crm.item.update", {"id": 5, "fields": {"fm": [{"typeId": "PHONE", "value": "+7"}]}}, False),
        ("crm.item.update", {"id": 5, "fields": {"fm": {"n0": {"value": "+7"}}}}, False),
        ("crm.item.update", {"id": 5, "fields": {"fm": {"17": {"value": ""}}}}, True),
        ("batch", {"cmd": ["crm.deal.update?id=5&fields[TITLE]=x", "crm.deal.get?id=5"]}, True),
        ("batch", {"cmd": ["crm.deal.update?id=5", "crm.deal.add"]}, False),
        ("batch", {"cmd": ["crm.company.update?id=5&fields%5BPHONE%5D%5B0%5D%5BVALUE%5D=7"]}, False),
        ("batch", {"cmd": ["batch"]}, False),
    ],
)
def test_idempotent(method: str, params: Any, idempotent: bool) -> None:
    assert is_idempotent(method, params) is idempotent


@pytest.mark.parametrize(
    ("method", "params", "allow_list", "allowed"),
    [
        ("crm.deal.list", {}, ["*"], True),
        ("crm.deal.list", {}, ["crm.*"], True),
        ("CRM.deal.LIST.json", {}, ["crm.deal.list"], True),
        ("crm.deal.list", {}, ["crm.*.list"], True),
        ("crm.deal.add", {}, ["crm.*.list"], False),
        ("crm", {}, ["crm.*"], False),
        ("crmx.deal", {}, ["crm.*"], False),
        ("user.get", {}, ["crm.*"], False),
        ("user.get", {}, [], False),
        ("batch", {"cmd": {"a": "crm.deal.list", "b": "crm.deal.get?ID=1"}}, ["crm.*"], True),
        ("batch", {"cmd": {"a": "crm.deal.list", "b": "user.get"}}, ["crm.*"], False),
        ("batch", {"cmd": {"a": "crm.deal.list"}, "CMD": {"b": "user.get"}}, ["crm.*"], False),
        ("batch.json", {"cmd": ["user.get"]}, ["crm.*"], False),
        ("batch", {"cmd": ["//crm.x/user.get"]}, ["crm.*"], False),
        ("batch", {"cmd": ["crm.deal.list#?"]}, ["crm.*"], False),
        ("batch", {"cmd": [["user.get"]]}, ["crm.*"], False),
        ("batch", {"cmd": [{"method": "user.get"}]}, ["crm.*", "batch"], False),
        ("batch", {"cmd": ["batch?cmd[]=user.get"]}, ["crm.*", "batch"], False),
        ("batch", {"cmd": ["user.get"]}, ["*"], True),
    ],
)
def test_allow_list(method: str, params: Any, allow_list: list[str], allowed: bool) -> None:
    assert is_allowed(method, params, allow_list) is allowed
