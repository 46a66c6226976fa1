"""pipeline/portal/access/credentials.py: tokens become names or sealed texts, and tokens again."""

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from pipeline.delivery.errors import Auth
from pipeline.portal.access.credentials import Credentials, Protected, credential_id
from pipeline.portal.access.seal import Sealer
from pipeline.portal.wire.access import Access
from pipeline.settings import CredentialSettings, PortalSettings


@pytest.mark.parametrize(
    ("portal", "user", "token", "expected"),
    [
        ("default", "1", "crmcrmcrm", Protected(credential="crm")),
        ("default", "1", "allallall", Protected(credential="all")),
        ("closed", "1", "allallall", Protected(credential="all")),
        ("closed", "2", "allallall", Protected(problem="unknown-token")),
        ("closed", "1", "crmcrmcrm", Protected(problem="unknown-token")),
        ("nowhere", "1", "allallall", Protected(problem="unknown-token")),
        ("default", None, None, Protected(problem="no-token")),
        ("default", "1", None, Protected(problem="no-token")),
        ("default", None, "allallall", Protected(problem="no-token")),
        ("default", "", "", Protected(problem="no-token")),
        ("default", "..", "allallall", Protected(problem="bad-token")),
        ("default", "1", "a/b", Protected(problem="bad-token")),
        ("default", "1", "a b", Protected(problem="bad-token")),
        ("default", "1", "a\r\nHost: x", Protected(problem="bad-token")),
        ("default", "1", "токен", Protected(problem="bad-token")),
        ("default", "1", "t" * 257, Protected(problem="bad-token")),
    ],
)
def test_protect(
    credentials: Credentials, portal: str, user: str | None, token: str | None, expected: Protected
) -> None:
    assert credentials.protect(portal, user, token) == expected


async def test_an_unknown_token_is_sealed_and_opened(credentials: Credentials) -> None:
    protected = credentials.protect("default", "7", "strangertoken")
    assert protected.sealed is not None
    assert (protected.credential, protected.problem) == (None, None)
    assert "strangertoken" not in protected.sealed
    assert await credentials.access("default", None, protected.sealed) == Access.webhook("7", "strangertoken")


async def test_the_default_for_unknown_tokens(portals: dict[str, PortalSettings], sealer: Sealer) -> None:
    strict = Credentials(portals, False, sealer)
    assert strict.protect("default", "7", "strangertoken") == Protected(problem="unknown-token")
    assert strict.protect("default", "1", "allallall") == Protected(credential="all")
    # sealed before the setting was changed
    with pytest.raises(Auth, match="takes no tokens"):
        await strict.access("default", None, sealer.seal("7", "strangertoken"))


async def test_access_of_a_configured_one(credentials: Credentials) -> None:
    assert await credentials.access("default", "crm", None) == Access.webhook("1", "crmcrmcrm")


@pytest.mark.parametrize(
    ("portal", "credential", "sealed"),
    [("default", "gone", None), ("nowhere", "crm", None), ("default", None, None), ("default", None, "x.y")],
)
async def test_what_gives_no_access(
    credentials: Credentials, portal: str, credential: str | None, sealed: str | None
) -> None:
    with pytest.raises(Auth):
        await credentials.access(portal, credential, sealed)


async def test_sealed_with_another_key(credentials: Credentials) -> None:
    with pytest.raises(Auth, match="another key"):
        await credentials.access("default", None, Sealer([Fernet.generate_key()]).seal("1", "t"))


@pytest.mark.parametrize(
    ("credential", "method", "body", "allowed"),
    [
        ("crm", "crm.deal.list", b"{}", True),
        ("crm", "user.get", b"{}", False),
        ("crm", "batch", b'{"cmd":{"a":"crm.deal.list"}}', True),
        ("crm", "batch", b'{"cmd":{"a":"user.get"}}', False),
        ("crm", "Batch.json", b'{"cmd":["user.get"]}', False),
        ("all", "user.get", b"", True),
        (None, "profile", b"", True),
        (None, "user.get", b"", False),
    ],
)
def test_allowed(credentials: Credentials, credential: str | None, method: str, body: bytes, allowed: bool) -> None:
    assert credentials.allowed("default", credential, method, body) is allowed


def test_credential_id(sealer: Sealer) -> None:
    first, again = sealer.seal("1", "abcdef"), sealer.seal("1", "abcdef")
    assert credential_id("crm", None) == "crm"
    assert credential_id(None, first) == credential_id(None, again)
    assert "abcdef" not in credential_id(None, first)


def test_settings_show_no_token(portals: dict[str, PortalSettings]) -> None:
    assert "crmcrmcrm" not in repr(portals)


def test_what_may_be_shown_of_a_credential_has_no_secret_and_an_end(sealer: Sealer) -> None:
    app = CredentialSettings(
        client_id="app.1", client_secret=SecretStr("keykeykey"), refresh_token=SecretStr("keykeykey-refresh")
    )
    hook = CredentialSettings(user="1", token=SecretStr("1"))
    portals = {"main": PortalSettings(address="https://p.example/rest/", credentials={"app": app, "hook": hook})}
    subject = Credentials(portals, False, sealer)
    text = "invalid_grant: keykeykey-refresh\n of app.1 (keykeykey), access-1 is old"
    shown = "invalid_grant: ******** of app.1 (********), ******** is old"
    assert subject.without_secrets("main", "app", Access.oauth("access-1"), text) == shown
    assert subject.without_secrets("main", "hook", None, "HTTP 401 " + "x" * 500) == "HTTP 401 " + "x" * 291
