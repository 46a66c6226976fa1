"""The readable log: one line a call, never a token."""

import io

import pytest

from sandbox.portal.journal import Execution
from sandbox.portal.log import CallLog, Detail
from sandbox.portal.requests import Request


def _written(detail: Detail, *, known: bool = True, **more: object) -> list[str]:
    stream = io.StringIO()
    log = CallLog(detail, stream)
    request = Request(1, 1000.0, "batch", "127.0.0.1", "127.0.0.1:1", "agent", "", 1000.25, "200", commands=2)
    for name, value in more.items():
        setattr(request, name, value)
    for key, error in (("a", None), ("b", ""), (None, None)):
        log.command("one", Execution(1, 0, "crm.deal.add", "", {}, "1", "", 1, key, 1000.0, 1000.1, error))
    log.request("one", request, known=known)
    return stream.getvalue().splitlines()


def test_quiet_writes_nothing() -> None:
    assert _written("quiet") == []


def test_calls_writes_a_line_a_request() -> None:
    (line,) = _written("calls")
    assert line.split()[1:] == ["one", "batch(2)", "200", "250.0", "ms"]


def test_all_writes_the_commands_too() -> None:
    lines = [line.split()[1:4] for line in _written("all")]
    assert lines == [["one", "crm.deal.add", "ok"], ["one", "crm.deal.add", '""'], ["one", "batch(2)", "200"]]


@pytest.mark.parametrize("status", ["404", "401"])
def test_what_may_be_a_token_is_not_written(status: str) -> None:
    (line,) = _written("calls", known=False, method="a-secret-in-the-wrong-place", status=status, commands=0)
    assert "secret" not in line
    assert "(unknown method)" in line


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("crm.deal.ad", "crm.deal.ad (unknown method)"),
        ("crm.сделка.add", "crm.сделка.add (unknown method)"),
        ("crm." + "x" * 100, "crm." + "x" * 56 + "... (unknown method)"),
        ("crm.deal.add\n\x1b[31m", "(unknown method)"),
        ("1%2fsecret%2fcrm.deal.add", "(unknown method)"),
    ],
)
def test_an_unknown_method_is_named_when_it_has_a_methods_form(method: str, shown: str) -> None:
    (line,) = _written("calls", known=False, method=method, status="404", commands=0)
    assert line.partition(" one")[2].strip().startswith(f"{shown} ")


def test_who_hung_up_is_marked() -> None:
    assert _written("calls", gone=True)[0].endswith("client gone")
