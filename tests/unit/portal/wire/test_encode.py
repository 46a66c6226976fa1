"""pipeline/portal/wire/encode.py and schema.py: what becomes a command of a batch, and what goes alone."""

from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest

from pipeline.portal.wire.encode import DEEPEST, LONGEST, MOST_VALUES, Unfit, command, fits

SECRET = "do-not-show-me"


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"k": value}
    return value


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("profile", {}, "profile"),
        ("profile", [], "profile"),
        ("profile", None, "profile"),
        ("CRM.Deal.Add.json", {"a": 1}, "crm.deal.add?a=1"),
        ("crm.deal.add", {"fields": {"TITLE": "a&b Ё"}}, "crm.deal.add?fields%5BTITLE%5D=a%26b%20%D0%81"),
        ("a.b", {"x": ""}, "a.b?x="),
        ("a.b", {"x": Decimal("1.10"), "y": Decimal("1E+3"), "z": Decimal("0.00")}, "a.b?x=1.10&y=1000&z=0.00"),
        ("a.b", {"second": 1, "first": 2}, "a.b?second=1&first=2"),
        ("a.b", {"ids": ["a.txt", "plain text"]}, "a.b?ids%5B0%5D=a.txt&ids%5B1%5D=plain%20text"),
        ("a.b", {"cost": "$100 [net]"}, "a.b?cost=%24100%20%5Bnet%5D"),
    ],
)
def test_commands(method: str, params: Any, text: str) -> None:
    assert command(method, params) == text
    assert fits(method, params)


UNFIT: list[tuple[str, str, Any]] = [
    ("no method", "crm deal", {}),
    ("no method", "", {}),
    ("cannot be in a batch", "batch", {"cmd": {"a": "profile"}}),
    ("cannot be in a batch", "disk.folder.uploadfile", {"id": 1}),
    ("cannot be in a batch", "catalog.product.download", {"id": 1}),
    ("without names", "a.b", ["x"]),
    ("without names", "a.b", "x"),
    ("null", "a.b", {"x": None}),
    ("null", "a.b", {"x": [{"y": None}]}),
    ("boolean", "a.b", {"x": True}),
    ("boolean", "crm.deal.add", {"fields": {"UF_CRM_1": False}}),
    ("boolean", "crm.deal.list", {"filter": {"OPENED": True}}),
    ("empty", "a.b", {"x": []}),
    ("empty", "a.b", {"x": {}}),
    ("empty", "crm.deal.add", {"fields": {"CONTACT_IDS": []}}),
    ("empty", "crm.deal.add", {"fields": {}}),
    ("empty", "catalog.product.list", {"filter": {}}),
    ("reference", "a.b", {"x": f"{SECRET} $result[c0][ID]"}),
    ("reference", "a.b", {"x": "$RESULT[c0]"}),
    ("reference", "a.b", {"x": {"$result_x": 1}}),
    ("key", "a.b", {"": 1}),
    ("key", "a.b", {"x": {"": 1}}),
    ("key", "a.b", {" x": 1}),
    ("key", "a.b", {"x": {" y": 1}}),
    ("key", "a.b", {"x": {"\t": 1}}),
    ("key", "a.b", {"x[y": 1}),
    ("key", "a.b", {"x": {"y]": 1}}),
    ("key", "a.b", {1: "x"}),
    ("dot or a space", "a.b", {"x.y": 1}),
    ("dot or a space", "a.b", {"x y": 1}),
    ("NUL", "a.b", {"x": "a\0b"}),
    ("NUL", "a.b", {"x": {"a\0b": 1}}),
    ("Unicode", "a.b", {"x": "\ud800"}),
    ("Unicode", "a.b", {"\udfff": 1}),
    ("64 bits", "a.b", {"x": 2**63}),
    ("64 bits", "a.b", {"x": -(2**63) - 1}),
    ("rounds", "a.b", {"x": 0.1 + 0.2}),
    ("exponent", "a.b", {"x": 1e20}),
    ("exponent", "a.b", {"x": 1e-7}),
    ("JSON does not have", "a.b", {"x": float("nan")}),
    ("JSON does not have", "a.b", {"x": b"bytes"}),
    ("decimal", "a.b", {"x": Decimal("NaN")}),
    ("decimal", "a.b", {"x": Decimal("1E+999999")}),
    ("too many", "a.b", {"x": ["y"] * (MOST_VALUES + 1)}),
    ("too deep", "a.b", nested(DEEPEST + 1)),
    ("too long", "a.b", {"x": f"{SECRET} " * LONGEST}),
    ("too long", "a.b", {"x": ["word " * 900] * 20}),
    ("a file", "a.b", {"fields": {"PHOTO": {"fileData": ["a.txt", "eA=="]}}}),
    ("a file", "crm.timeline.comment.add", {"fields": {"FILES": [["a.txt", "eA=="]]}}),
    ("a file", "crm.item.add", {"fields": {"ufCrm_1": ["a.txt", "aGVsbG8="]}}),
    ("a file", "crm.item.add", {"fields": {"ufCrm_1": [["a.txt", "aGVsbG8="], ["b.pdf", "aGVs\nbG8="]]}}),
    ("a file", "a.b", {"x": "data:image/png;base64,aGVsbG8="}),
    ("a file", "a.b", {"x": "QUJD" * 1024}),
    ("credential", "a.b", {"auth": SECRET}),
    ("credential", "a.b", {"AUTH": SECRET}),
]


@pytest.mark.parametrize(("reason", "method", "params"), UNFIT, ids=lambda given: str(given)[:30])
def test_what_goes_alone(reason: str, method: str, params: Any) -> None:
    with pytest.raises(Unfit, match=reason) as raised:
        command(method, params)
    assert not fits(method, params)
    assert SECRET not in str(raised.value)
    assert len(str(raised.value)) < 80


def test_bounds_can_be_reached() -> None:
    assert fits("a.b", {"x": ["y"] * MOST_VALUES})
    assert fits("a.b", nested(DEEPEST))
    name = "a.b?x="
    assert len(command("a.b", {"x": " y" * ((LONGEST - len(name)) // 4)})) == LONGEST - (LONGEST - len(name)) % 4


SUBSTITUTED: list[tuple[str, Any, str]] = [
    ("crm.deal.list", {"filter": {}, "order": [], "select": [], "start": -1}, "start=-1"),
    ("crm.deal.list", {"FILTER": [], "select": ["ID"]}, "select[0]=ID"),
    ("crm.item.list", {"filter": {}, "useOriginalUfNames": True}, "useOriginalUfNames=Y"),
    ("sale.order.list", {"select": []}, ""),
    ("crm.deal.add", {"fields": {"OPENED": True, "CLOSED": False}}, "fields[OPENED]=Y&fields[CLOSED]=N"),
    ("crm.deal.add", {"id": 1, "params": {}}, "id=1"),
    ("crm.company.update", {"params": {"REGISTER_SONET_EVENT": False}}, "params[REGISTER_SONET_EVENT]=N"),
    ("crm.contact.add", {"params": {"IMPORT": True}}, "params[IMPORT]=Y"),
    ("crm.contact.add", {"params": {"IMPORT": False}}, "params[IMPORT]=0"),
    ("crm.item.add", {"fields": {"isManualOpportunity": True}}, "fields[isManualOpportunity]=Y"),
    ("catalog.product.add", {"fields": {"active": False, "vatIncluded": True}},
     "fields[active]=N&fields[vatIncluded]=Y"),
    ("sale.basketitem.add", {"fields": {"customPrice": True}}, "fields[customPrice]=Y"),
    ("sale.order.update", {"fields": {"externalOrder": True}}, "fields[externalOrder]=Y"),
    ("crm.deal.productrows.set", {"rows": [{"P": 1}, {"TAX_INCLUDED": False}]},
     "rows[0][P]=1&rows[1][TAX_INCLUDED]=N"),
    ("crm.item.productrow.set", {"productRows": [{"taxIncluded": True}]}, "productRows[0][taxIncluded]=Y"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "params", "query"), SUBSTITUTED)
def test_what_the_schema_knows(method: str, params: Any, query: str) -> None:
    assert unquote(command(method, params)) == (f"{method}?{query}" if query else method)
