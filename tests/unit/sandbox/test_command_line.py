"""What the command line makes of its arguments, and how addresses are read."""

from datetime import timedelta

import pytest

from sandbox.portal.command_line import options_of, parsed, parser
from sandbox.portal.options import Costs, Options
from sandbox.portal.wire import Address, read_address


def test_defaults_are_a_cloud_portal() -> None:
    options = options_of(parser().parse_args([]))
    assert list(options) == ["default"]
    default = options["default"]
    assert (default.rate, default.burst, default.operating_limit) == (2.0, 50.0, 480.0)
    assert [(item.user, item.token) for item in default.credentials] == [("1", "sandbox")]
    assert (default.any_token, default.costs.of("crm.deal.add")) == (False, 0)


def test_presets_and_what_is_given_besides() -> None:
    def of(*line: str) -> Options:
        return options_of(parser().parse_args(line))["default"]

    assert (of("--preset", "enterprise").rate, of("--preset", "enterprise").burst) == (5.0, 250.0)
    own = of("--preset", "self-hosted")
    assert (own.rate, own.operating_limit, own.batch_billing, own.request_limit) == (0.0, None, "batch", None)
    given = of("--preset", "self-hosted", "--operating", "420", "--batch-billing", "nested", "--request-limit", "30")
    assert (given.rate, given.operating_limit, given.batch_billing, given.request_limit) == (0.0, 420.0, "nested", 30.0)
    assert (of().request_limit, of("--request-limit", "0").request_limit) == (60.0, None)


def test_what_is_disputed_is_a_switch() -> None:
    line = ["--count-rejected", "--allow-one-over", "--operating-scope", "portal", "--operating-shown", "zero"]
    line += ["--operating-floor", "0", "--overload-status", "401", "--https-required", "--cost-jitter", "0.1"]
    options = options_of(parser().parse_args(line))["default"]
    assert (options.count_rejected, options.allow_one_over, options.https_required) == (True, True, True)
    assert (options.operating_scope, options.operating_shown, options.operating_floor) == ("portal", "zero", 0.0)
    assert (options.overload_status, options.costs.jitter) == (401, 0.1)
    default = options_of(parser().parse_args([]))["default"]
    assert default == Options(costs=default.costs), "the command line's defaults are those of the options"


def test_several_portals_with_their_tokens() -> None:
    line = ["--portal", "one", "--portal", "two", "--token", "1:all", "--token", "two/7:own", "--no-limits"]
    options = options_of(parser().parse_args(line))
    tokens = {name: [item.token for item in item.credentials] for name, item in options.items()}
    assert tokens == {"default": ["all"], "one": ["all"], "two": ["all", "own"]}
    assert all(item.rate == 0 and item.operating_limit is None for item in options.values())


def test_applications() -> None:
    line = ["--portal", "one", "--app", "local.a:secret", "--app", "one/local.b:secret:refresh", "--refresh-grace", "5"]
    options = options_of(parser().parse_args(line))
    known = {name: [(app.client_id, app.refresh_token) for app in item.apps] for name, item in options.items()}
    assert known == {"default": [("local.a", "")], "one": [("local.a", ""), ("local.b", "refresh")]}
    assert (options["one"].refresh_grace, options["one"].access_lifetime) == (5.0, 3600.0)
    assert "secret" not in repr(options["one"].apps)


def test_sample_data_by_number_or_name() -> None:
    sizes = [parser().parse_args(line).seed for line in ([], ["--seed", "7"], ["--seed", "small"], ["--seed", "large"])]
    assert sizes == [0, 7, 20, 3000]


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
        ["--scale", "0"],
        ["--seed", "huge"],
        ["--app", "local.a"],
        ["--cost-jitter", "1.5"],
        ["--preset", "none"],
        ["--portal", "rest"],
        ["--portal", "_sandbox"],
        ["--timezone", "Moscow"],
        ["--port", "99999"],
        ["--port=-1"],
        ["--journal=-1"],
    ],
)
def test_wrong_arguments_are_refused(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args(line)
    assert end.value.code == 2
    assert line[0].partition("=")[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (["--scale", "0"], "--scale: '0' is not a number above 0\n"),
        (["--scale", "abc"], "--scale: 'abc' is not a number above 0\n"),
        (["--rate", "0"], "--rate: '0' is not a number above 0; no limit at all is --no-limits\n"),
        (["--cost-jitter", "abc"], "--cost-jitter: 'abc' is not a number from 0 to 1\n"),
        (["--request-limit", "nan"], "--request-limit: 'nan' is not a number of seconds from 0\n"),
        (["--seed", "-1"], "--seed: '-1' is not a whole number from 0, nor one of: small, medium, large\n"),
        (["--port", "99999"], "--port: '99999' is not a port: a whole number from 0 to 65535\n"),
    ],
)
def test_a_refusal_says_what_is_expected(line: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(line)
    assert capsys.readouterr().err.endswith(f"error: argument {text}")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (["--ca-file", "ca.pem"], "--ca-file does nothing without --tls"),
        (["--tls-name", "portal.example"], "--tls-name does nothing without --tls"),
        (["--portal", "one", "--token", "x/1:a"], "--token: no portal 'x'; there are: default, one"),
        (["--app", "x/local.a:secret"], "--app: no portal 'x'; there are: default"),
    ],
)
def test_what_would_do_nothing_is_refused(line: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parsed(line)
    assert end.value.code == 2
    assert text in capsys.readouterr().err


def test_the_same_arguments_with_what_they_need() -> None:
    line = ["--tls", "--ca-file", "ca.pem", "--portal", "x", "--token", "x/1:a", "--token", "default/1:b"]
    assert parsed([*line, "--app", "x/local.a:secret", "--port", "65535"]).port == 65535


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
