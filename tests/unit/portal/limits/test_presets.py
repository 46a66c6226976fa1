"""pipeline/portal/limits/presets.py: what portals allow (Bitrix24: limits.md)."""

import pytest

from pipeline.portal.limits.presets import PRESETS, PortalLimits


def test_presets() -> None:
    assert PRESETS["cloud"] == PortalLimits(2.0, 50, 480.0, 600.0, 60.0, 30.0)
    assert (PRESETS["enterprise"].rate, PRESETS["enterprise"].burst) == (5.0, 250)
    assert (PRESETS["self-hosted"].rate, PRESETS["self-hosted"].operating_limit) == (None, None)
    assert PRESETS["self-hosted-limited"].operating_limit == 420.0


@pytest.mark.parametrize("name", PRESETS)
def test_a_faster_portal_has_the_same_shape(name: str) -> None:
    limits = PRESETS[name]
    fast = limits.scaled(60.0)
    assert fast.burst == limits.burst
    assert (fast.operating_window, fast.request_limit, fast.batch_budget) == (10.0, 1.0, 0.5)
    assert fast.rate == (None if limits.rate is None else limits.rate * 60)
    assert fast.operating_limit == (None if limits.operating_limit is None else limits.operating_limit / 60)
    assert limits.scaled(1.0) == limits
