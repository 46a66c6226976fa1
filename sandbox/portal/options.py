"""What can be set about a portal, as plain data; the command line fills it (`command_line.py`)."""

from dataclasses import dataclass, field
from datetime import timedelta, timezone
from typing import Any, Literal

from sandbox.portal.auth import Credential
from sandbox.portal.costs import DOCUMENTED_COSTS, Costs
from sandbox.portal.oauth.apps import ACCESS_LIFETIME, App
from sandbox.portal.operating import Shown

DEFAULT_PORTAL = "default"
DEFAULT_CREDENTIAL = Credential("1", "sandbox")

__all__ = ["DEFAULT_CREDENTIAL", "DEFAULT_PORTAL", "DOCUMENTED_COSTS", "PRESETS", "Costs", "Options"]

Scope = Literal["credential", "portal"]
"""Whose time is summed: each webhook's and app's own, or everybody's."""
Billing = Literal["nested", "batch"]
"""What the time of a batch's commands is charged to: their own methods, or the method `batch`."""


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one portal; rates in requests per second, times in the portal's seconds, None = no such limit.

    `request_limit` is when the front server cuts a request; `overload_status` what a block by overload answers
    with. The defaults are the documented cloud; what sources tell differently is a switch (bitrix24.md, section 1).
    """

    rate: float = 2.0
    burst: float = 50.0
    count_rejected: bool = False
    allow_one_over: bool = False
    operating_limit: float | None = 480.0
    operating_scope: Scope = "credential"
    operating_floor: float = 0.1
    operating_shown: Shown | None = None
    batch_billing: Billing = "nested"
    request_limit: float | None = 60.0
    overload_status: int = 503
    https_required: bool = False
    costs: Costs = field(default_factory=Costs)
    credentials: tuple[Credential, ...] = (DEFAULT_CREDENTIAL,)
    any_token: bool = False
    apps: tuple[App, ...] = ()
    access_lifetime: float = ACCESS_LIFETIME
    refresh_grace: float = 0.0
    zone: timezone = timezone(timedelta(hours=3))
    journal_size: int = 100_000


PRESETS: dict[str, dict[str, Any]] = {
    "cloud": {},
    "enterprise": {"rate": 5.0, "burst": 250.0},
    "self-hosted": {"rate": 0.0, "operating_limit": None, "batch_billing": "batch", "request_limit": None},
}
"""Options by kind of portal (bitrix24.md, sections 1.1 to 1.3)."""
