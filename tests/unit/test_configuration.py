"""pipeline/configuration.py and settings.py: one line for each wrong value, sources, masks. Never a secret."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.configuration import environment_name, mask_url, read, view
from pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
SECRET = "s3cr3t"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test."""
    known = {environment_name(field).upper() for field in Settings.model_fields}
    for name in list(os.environ):
        if name.upper() in known or name.upper().startswith("PIPELINE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def refused(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines that a start with these settings ends with."""
    with pytest.raises(SystemExit) as end:
        read()
    assert end.value.code == 78
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert all(line.startswith("pipeline: wrong setting: ") for line in lines)
    return [line.removeprefix("pipeline: wrong setting: ") for line in lines]


#: setting -> a wrong value, what the line shows of it, a word of what it wants
WRONG: dict[str, tuple[str, str, str]] = {
    "KAFKA_URL": ("kafka", "'kafka'", "host:port"),
    "AMPQURL": (f"http://u:{SECRET}@h/", "http://u:********@h/", "amqp://login:password@host"),
    "B24REST": ("portal.example", "14 characters that are not shown", "https://example.bitrix24.ru/rest/"),
    "AMPQIN": ("", "''", "at least 1 character"),
    "AMPQOUT": ("", "''", "at least 1 character"),
    "PIPELINE_AMPQOUT_KIND": ("topic", "'topic'", "'auto', 'queue' or 'exchange'"),
    "PIPELINE_PORTALS": ("{}x", "", "JSON"),
    "PIPELINE_QUEUES": ("{}x", "", "JSON"),
    "PIPELINE_MAPPING": ("nowhere.toml", "'nowhere.toml'", "a file that exists"),
    "PIPELINE_PORTAL_RATE": ("0", "'0'", "above 0, or none"),
    "PIPELINE_TOPIC_PREFIX": ("a b", "'a b'", "pattern"),
    "PIPELINE_APP_ID": ("", "''", "pattern"),
    "PIPELINE_WEB_PORT": ("70000", "'70000'", "65535"),
    "PIPELINE_LINGER": ("1", "'1'", "0.1"),
    "PIPELINE_BULK_SHARE": ("1", "'1'", "0.9"),
    "PIPELINE_UNKNOWN_TOKENS": ("maybe", "'maybe'", "boolean"),
    "PIPELINE_STRICT_ORDER": ("maybe", "'maybe'", "boolean"),
}
#: any text is right for these
FREE = {
    "PIPELINE_ES_USER",
    "PIPELINE_ES_PASSWORD",
    "PIPELINE_ES_API_KEY",
    "PIPELINE_ES_CA_FILE",
    "PIPELINE_KEY_FILE",
    "PIPELINE_DATA_DIR",
    "PIPELINE_WEB_BIND",
    "PIPELINE_WEB_TOKEN",
}


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_wrong_setting_is_one_line_that_names_it(
    field: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = environment_name(field)
    if name in FREE:
        pytest.skip("any text is right")
    # the rest are numbers, none of which may be this
    value, shown, wants = WRONG.get(name, ("-7.5", "'-7.5'", ""))
    monkeypatch.setenv(name, value)
    (line,) = refused(capsys)
    assert line.startswith(f"{name}: ") and "wants: " in line
    assert shown in line and wants in line.partition("wants: ")[2]
    assert SECRET not in line


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KAFKA_URL", "x")
    monkeypatch.setenv("PIPELINE_WEB_PORT", "0")
    assert len(refused(capsys)) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMPQURL", f"amqp://guest:{SECRET}/x@host:5672/"),
        ("AMPQURL", f"amqp://guest:{SECRET}@host:port/"),
        ("AMPQURL", f"amqp://guest:{SECRET}@[::1/"),
        ("AMPQURL", f"guest:{SECRET}@host"),
        ("B24REST", f"portal.example/rest/1/{SECRET}/"),
        ("B24REST", f"https://portal.example/rest/1/{SECRET}/"),
        ("B24REST", f"https://u:{SECRET}@portal.example:x/rest/"),
        ("PIPELINE_PORTALS", f'{{"a": {{"address": "https://h/rest/1/{SECRET}"}}}}'),
        ("PIPELINE_PORTALS", f'{{"a": "https://h/rest/1/{SECRET}"}}'),
        ("PIPELINE_PORTALS", f'{{"a": {{"address": "https://h/rest/", "token": "{SECRET}"}}}}'),
        ("PIPELINE_PORTALS", f'{{"a": {{"address": "https://h/rest/", "credentials": {{"m": "1/{SECRET}"}}}}}}'),
        ("PIPELINE_PORTALS", f'{{"a": {{"address": "https://h/rest/", "credentials": ["{SECRET}"]}}}}'),
        (
            "PIPELINE_PORTALS",
            f'{{"a": {{"address": "https://h/rest/", "credentials": {{"m": {{"user": "1", "tokn": "{SECRET}"}}}}}}}}',
        ),
        ("PIPELINE_PORTALS", f'{{"rate": "https://h/rest/1/{SECRET}"}}'),
        ("PIPELINE_PORTALS", f'{{"a": {{"address": "https://h/rest/", "credentials": {{"rate": "1/{SECRET}"}}}}}}'),
        ("PIPELINE_PORTALS", f'["{SECRET}"]'),
        ("PIPELINE_PORTALS", f"{SECRET}"),
    ],
)
def test_no_line_shows_a_secret(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    lines = refused(capsys)
    assert lines and all(line.startswith(name) and SECRET not in line for line in lines)


OAUTH = f"client_id = 'app'\nclient_secret = '{SECRET}'\nrefresh_token = '{SECRET}'\n"


@pytest.mark.parametrize(
    ("lines", "wants"),
    [
        ("user = '1'\n", "all of a webhook: token missing"),
        (f"token = '{SECRET}'\n", "all of a webhook: user missing"),
        ("", "a webhook (user, token) or an OAuth app (client_id, client_secret, refresh_token)"),
        ("methods = ['crm.*']\n", "a webhook (user, token) or an OAuth app (client_id, client_secret, refresh_token)"),
        ("client_id = 'app'\n", "all of an OAuth app: client_secret, refresh_token missing"),
        (OAUTH.replace("'app'", "' '"), "all of an OAuth app: client_id missing"),
        (OAUTH.replace(f"n = '{SECRET}'", "n = '\\n'"), "all of an OAuth app: refresh_token missing"),
        (OAUTH + "user = '1'\n", "either a webhook (user, token) or an OAuth app (client_id, ...), not both"),
    ],
)
def test_a_credential_is_of_one_kind_and_whole(
    lines: str, wants: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines.replace("'\\n'", '"\\n"')
    portal = "[portals.one]\naddress = 'https://h/rest/'\n[portals.one.credentials.c]\n"
    (tmp_path / "pipeline.toml").write_text(portal + lines)
    assert refused(capsys) == [f"PIPELINE_PORTALS.one.credentials.c: wants: {wants}"]


@pytest.mark.parametrize("server", ["oauth.example", "ftp://oauth.example/", f"https://oauth.example/?client={SECRET}"])
def test_the_address_of_the_token_server(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    portal = "[portals.one]\naddress = 'https://h/rest/'\n[portals.one.credentials.c]\n"
    (tmp_path / "pipeline.toml").write_text(f"{portal}{OAUTH}oauth_server = '{server}'\n")
    (line,) = refused(capsys)
    assert line.startswith("PIPELINE_PORTALS.one.credentials.c.oauth_server: ")
    assert line.endswith("wants: an address such as https://oauth.bitrix24.tech/oauth/token/")
    assert SECRET not in line


def test_an_oauth_app(tmp_path: Path) -> None:
    portal = "[portals.one]\naddress = 'https://h/rest/'\n[portals.one.credentials.c]\n"
    (tmp_path / "pipeline.toml").write_text(portal + OAUTH.replace(f"t = '{SECRET}'", f"t = ' {SECRET} '"))
    app = read().all_portals()["one"].credentials["c"]
    assert app.is_oauth and app.oauth_server == "https://oauth.bitrix24.tech/oauth/token/"
    assert app.client_secret.get_secret_value() == app.refresh_token.get_secret_value() == SECRET
    assert SECRET not in repr(app)


def test_the_toml_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text("portal_rate = \n")
    (line,) = refused(capsys)
    assert line.startswith("pipeline.toml: wants: TOML: ") and "line 1" in line
    file.write_text("portal_rat = 5\nPIPELINE_PORTAL_RATE = 5\nampqin = 'x'\n")
    assert refused(capsys) == [
        "pipeline.toml: portal_rat: there is no such setting",
        "pipeline.toml: PIPELINE_PORTAL_RATE: there is no such setting",
    ]
    file.write_text("[portals.one]\naddress = 'https://h/rest/'\nrat = 3\n")
    (line,) = refused(capsys)
    assert line.startswith("PIPELINE_PORTALS.one.rat: ")
    file.write_text("[portals.one]\naddress = 'https://h/rest/'\nrate = -3\n")
    assert refused(capsys) == ["PIPELINE_PORTALS.one.rate: got -3, wants: a rate above 0, or none"]
    file.unlink()
    monkeypatch.setenv("PIPELINE_CONFIG", str(tmp_path))
    assert read().portal_rate == 2.0


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("batch_size = 80", "batch_size: got 80, wants: less than or equal to 50"),
        ("operating_window = 0", "operating_window: got 0, wants: greater than 0"),
        ("preset = 'clod'", "preset: got 'clod', wants: 'cloud', 'enterprise', 'self-hosted' or 'self-hosted-limited'"),
    ],
)
def test_limits_are_no_secrets(given: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pipeline.toml").write_text(f"[portals.one]\naddress = 'https://h/rest/'\n{given}\n")
    assert refused(capsys) == [f"PIPELINE_PORTALS.one.{line}"]


@pytest.mark.parametrize(
    ("windows", "shown"),
    [
        ("[[0, 60]]", "m has [0, 60]"),
        ("[[20, 60], [-1, 3600]]", "m has [-1, 3600]"),
        ("[[1, 0]]", "m has [1, 0]"),
        ("[[1, -0.5]]", "m has [1, -0.5]"),
        ("[[1, inf]]", "m has [1, inf]"),
        ("[[1, nan]]", "m has [1, nan]"),
    ],
)
def test_a_throttle_that_lets_nothing_through(
    windows: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portal = "[portals.one]\naddress = 'https://h/rest/'\n"
    (tmp_path / "pipeline.toml").write_text(f"{portal}throttles = {{a = [[1, 1]], m = {windows}}}\n")
    wants = "counts of 1 or more in spans above 0 s, such as [20, 60]"
    assert refused(capsys) == [f"PIPELINE_PORTALS.one.throttles: wants: {wants}; {shown}"]


def test_pages_that_others_can_reach_need_a_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIPELINE_WEB_BIND", "0.0.0.0")
    (line,) = refused(capsys)
    assert line.startswith("PIPELINE_WEB_TOKEN: ") and "0.0.0.0" in line
    monkeypatch.setenv("PIPELINE_WEB_TOKEN", SECRET)
    assert read().web_bind == "0.0.0.0"
    for bind in ("::1", "localhost", "127.0.0.9"):
        monkeypatch.setenv("PIPELINE_WEB_BIND", bind)
        monkeypatch.delenv("PIPELINE_WEB_TOKEN", raising=False)
        assert read().web_bind == bind


def test_sources_and_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pipeline.toml").write_text(
        "portal_rate = 7\nAMPQIN = 'from-file'\n"
        f"[portals.two]\naddress = 'https://two/rest/'\n[portals.two.credentials.m]\nuser='1'\ntoken='{SECRET}'\n"
    )
    (tmp_path / ".env").write_text("PIPELINE_PORTAL_RATE=8\nPIPELINE_PORTAL_BURST=9\n")
    monkeypatch.setenv("pipeline_portal_burst", "10")
    monkeypatch.setenv("AMPQURL", f"amqps://user:{SECRET}@host:5671/v")
    monkeypatch.setenv("PIPELINE_WEB_TOKEN", SECRET)
    settings = read()
    rows = {row.name: row for row in view(settings)}
    assert set(rows) == {environment_name(field) for field in Settings.model_fields}
    shown = {name: (row.value, row.source) for name, row in rows.items() if row.source != "default"}
    assert shown == {
        "PIPELINE_PORTAL_RATE": ("8.0", ".env"),
        "PIPELINE_PORTAL_BURST": ("10", "environment"),
        "AMPQIN": ("from-file", "pipeline.toml"),
        "AMPQURL": ("amqps://user:********@host:5671/v", "environment"),
        "PIPELINE_WEB_TOKEN": ("********", "environment"),
        "PIPELINE_PORTALS": ("two (https://two/rest/)", "pipeline.toml"),
    }
    assert SECRET not in repr(list(rows.values())) and SECRET not in repr(settings)
    assert all(row.description for row in rows.values())


def test_spellings_of_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B24REST", "https://portal.example/rest")
    monkeypatch.setenv("KAFKA_URL", "kafka://one:9092, two:9093/")
    monkeypatch.setenv("PIPELINE_PORTAL_RATE", "None")
    settings = read()
    assert settings.b24rest == "https://portal.example/rest/"
    assert settings.kafka_servers == ["one:9092", "two:9093"]
    portal = settings.all_portals()["default"]
    assert (portal.address, portal.rate, portal.burst) == ("https://portal.example/rest/", None, 50)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://u:p@h:1/v", "amqp://u:********@h:1/v"),
        ("amqp://h/", "amqp://h/"),
        ("https://h/rest/", "https://h/rest/"),
        ("https://h/rest/1/token/x", "https://h/rest/********"),
        ("https://h/?auth=token", "https://h/"),
        ("amqp://u:p/x@h:1/", "********"),
        ("token", "********"),
    ],
)
def test_mask(url: str, shown: str) -> None:
    assert mask_url(url) == shown


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (
            "https://portal.example",
            "B24REST: got 'https://portal.example', wants: the address up to and including /rest/",
        ),
        ("", "B24REST: got '', wants: an address such as https://example.bitrix24.ru/rest/"),
    ],
)
def test_an_address_that_leads_nowhere(
    value: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("B24REST", value)
    (said,) = refused(capsys)
    assert said.startswith(line)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"PIPELINE_CONFIG": "nowhere.toml"}, "PIPELINE_CONFIG: got 'nowhere.toml', wants: a TOML file that exists"),
        ({"KAFKA_URL": "http://h:9092"}, "KAFKA_URL: got 'http://h:9092', wants: host:port or kafka://host:port"),
        (
            {"AMPQIN": "same", "AMPQOUT": "same"},
            "AMPQOUT: got 'same', wants: another queue than AMPQIN, or the bus takes its own answers for requests",
        ),
    ],
)
def test_what_an_operator_gets_wrong(
    given: dict[str, str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert refused(capsys) == [line]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"KAFKA_URL": "nowhere"}, "wrong setting: KAFKA_URL: got 'nowhere', wants: host:port or kafka://host:port"),
        (
            {},
            "refuses to start: no portal is set: set B24REST to its address up to /rest/,"
            " or [portals.<name>] in pipeline.toml",
        ),
    ],
)
def test_a_worker_that_must_not_start_says_one_line(given: dict[str, str], said: str, tmp_path: Path) -> None:
    faust = Path(sys.executable).parent / "faust"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), **given}
    result = subprocess.run(
        [faust, "-A", "pipeline", "worker"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 78
    assert result.stderr == f"pipeline: {said}\n"
    assert result.stdout == ""
