"""Two portals with credentials, and a sealer, for the tests of pipeline/portal."""

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.seal import Sealer
from pipeline.settings import CredentialSettings, PortalSettings


@pytest.fixture(scope="session")
def sealer() -> Sealer:
    return Sealer([Fernet.generate_key()])


@pytest.fixture(scope="session")
def portals() -> dict[str, PortalSettings]:
    crm = CredentialSettings(user="1", token=SecretStr("crmcrmcrm"), methods=["crm.*"])
    everything = CredentialSettings(user="1", token=SecretStr("allallall"))
    return {
        "default": PortalSettings(
            address="https://one.example/rest/",
            credentials={"crm": crm, "all": everything},
            unknown_methods=["crm.*", "profile"],
            throttles={"mirror": [(2, 60.0)]},
        ),
        "closed": PortalSettings(
            address="https://two.example/rest/", credentials={"all": everything}, unknown_tokens=False
        ),
    }


@pytest.fixture(scope="session")
def credentials(portals: dict[str, PortalSettings], sealer: Sealer) -> Credentials:
    return Credentials(portals, True, sealer)
