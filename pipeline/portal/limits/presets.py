"""What a portal allows, by its kind (Bitrix24: limits.md; reference: Bitrix24, sections 1.1 to 1.3). Data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from pipeline.settings import PortalSettings

__all__ = ["PRESETS", "PortalLimits", "limits_of"]


@dataclass(frozen=True, slots=True)
class PortalLimits:
    """Limits of one portal: as it has them, not as much of them as is used (of the burst nine tenths, see Limiter).

    `rate` (requests a second; None = no limit) and `burst` (requests): the intensity limit. `operating_limit`
    (seconds; None = switched off) in `operating_window` (seconds): the time that one method may use.
    `request_limit`: seconds after which the portal cuts a request. `batch_budget`: seconds that a batch is packed for.
    """

    rate: float | None
    burst: int
    operating_limit: float | None
    operating_window: float = 600.0
    request_limit: float = 60.0
    batch_budget: float = 30.0

    def scaled(self, factor: float) -> PortalLimits:
        """The limits of a portal that lives `factor` times faster: all times shorter, the rate higher."""
        return replace(
            self,
            rate=None if self.rate is None else self.rate * factor,
            operating_limit=None if self.operating_limit is None else self.operating_limit / factor,
            operating_window=self.operating_window / factor,
            request_limit=self.request_limit / factor,
            batch_budget=self.batch_budget / factor,
        )


#: By name. A self-hosted portal has neither limit until its owner switches one on; `self-hosted-limited` is one whose
#: operating limit was switched on and left at its default.
PRESETS = MappingProxyType(
    {
        "cloud": PortalLimits(rate=2.0, burst=50, operating_limit=480.0),
        "enterprise": PortalLimits(rate=5.0, burst=250, operating_limit=480.0),
        "self-hosted": PortalLimits(rate=None, burst=50, operating_limit=None),
        "self-hosted-limited": PortalLimits(rate=None, burst=50, operating_limit=420.0),
    }
)


def limits_of(portal: PortalSettings) -> PortalLimits:
    """Limits of a portal: its preset, what its settings say otherwise, and its scale."""
    names = ("rate", "burst", "operating_limit", "operating_window", "request_limit", "batch_budget")
    given: dict[str, Any] = {name: getattr(portal, name) for name in names if name in portal.model_fields_set}
    return replace(PRESETS[portal.preset], **given).scaled(portal.scale)
