"""What the command line makes of its arguments, and how addresses are read."""

from datetime import timedelta

import pytest

from sandbox.portal.command_line import options_of, parser
from sandbox.portal.options import Costs
from sandbox.portal.wire import Address, read_address


def test_defaults_are_a_cloud_portal() -> None:
    options = options_of(parser().parse_args([]))
    assert list(options) == ["default"]
    default = options["default"]
    assert (default.rate, default.burst, default.operating_limit) == (2.0, 50.0, 480.0)
    assert [(item.user, item.token) for item in default.credentials] == [("1", "sandbox")]
    assert (default.any_token, default.costs.of("crm.deal.add")) == (False, 0)


def test_several_portals_with_their_tokens() -> None:
    line = ["--portal", "one", "--portal", "two", "--token", "1:all", "--token", "two/7:own", "--no-limits"]
    options = options_of(parser().parse_args(line))
    tokens = {name: [item.token for item in item.credentials] for name, item in options.items()}
    assert tokens == {"default": ["all"], "one": ["all"], "two": ["all", "own"]}
    assert all(item.rate == 0 and item.operating_limit is None for item in options.values())


def test_costs() -> None:
    line = ["--cost", "0.5", "--cost", "crm.*.list=0.16", "--cost", "crm.deal.list=0.02"]
    costs = options_of(parser().parse_args(line))["default"].costs
    assert [costs.of(name) for name in ("crm.deal.list", "crm.lead.list", "profile", "batch")] == [0.02, 0.16, 0.5, 0]


def test_documented_costs() -> None:
    costs = options_of(parser().parse_args(["--cost", "documented"]))["default"].costs
    assert [costs.of(name) for name in ("crm.deal.add", "crm.company.list", "profile")] == [0.65, 0.16, 0.02]


def test_an_exact_name_wins() -> None:
    assert Costs({"crm.*": 1.0, "crm.deal.get": 0.0}).of("crm.deal.get") == 0


def test_timezone() -> None:
    zone = options_of(parser().parse_args(["--timezone=-05:30"]))["default"].zone
    assert zone.utcoffset(None) == -timedelta(hours=5, minutes=30)


@pytest.mark.parametrize(
    "line",
    [
        ["--token", "sandbox"],
        ["--cost", "crm.deal.add=slow"],
        ["--rate", "0"],
        ["--portal", "rest"],
        ["--portal", "_sandbox"],
        ["--timezone", "Moscow"],
    ],
)
def test_wrong_arguments_are_refused(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args(line)
    assert end.value.code == 2
    assert line[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/rest/1/tok/crm.deal.add", Address(None, "1", "tok", "crm.deal.add")),
        ("/rest/1/tok/CRM.Deal.Add.json", Address(None, "1", "tok", "crm.deal.add")),
        ("/rest/1/tok/profile/", Address(None, "1", "tok", "profile")),
        ("/rest//1/tok//profile.json/", Address(None, "1", "tok", "profile")),
        ("/one/rest/1/tok/profile", Address("one", "1", "tok", "profile")),
        ("/rest/profile", Address(None, "", "", "profile")),
        ("/rest/1/tok", Address(None, "1", "tok", "")),
        ("/rest/1/tok/a/b", None),
        ("/", None),
        ("/one/two/three", None),
    ],
)
def test_addresses(path: str, address: Address | None) -> None:
    assert read_address(path) == address
