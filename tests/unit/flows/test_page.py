"""docs/flows.md: the tests that it names are there, and every agent and defect."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.flows.mapping import Mapping
from pipeline.flows.mapping.model import CatalogMapping
from pipeline.flows.site import site_flows

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "flows.md").read_text()


@pytest.mark.parametrize("name", re.findall(r"`(tests/[\w/.]+(?:::\w+)?)`", PAGE))
def test_a_test_that_the_page_names_is_there(name: str) -> None:
    path, _, function = name.partition("::")
    assert re.search(rf"def {function or 'test_'}", (ROOT / path).read_text()), name


def test_every_flow_and_every_defect_is_on_the_page() -> None:
    for flow in site_flows(Mapping(catalogs={"default": CatalogMapping(iblock=1)})):
        assert f"| `{flow.name}` |" in PAGE or flow.name == "search"
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)] == list(range(1, 16))
