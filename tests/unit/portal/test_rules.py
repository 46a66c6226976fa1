"""pipeline/portal/rules.py: the registry."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.portal import rules
from pipeline.portal.reconciling.multifields import multifields


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_RULES", dict(rules._RULES))


def one(current: list[Any], wanted: Any) -> list[Any]:
    return []


def test_a_rule_is_found_by_its_name() -> None:
    assert rules.rule("test-one")(one) is one
    assert rules.rule_named("test-one") is one and "test-one" in rules.rules()
    rules.rule("test-one")(one)


def test_two_rules_of_one_name() -> None:
    rules.rule("test-one")(one)
    with pytest.raises(ValueError, match="two rules are named 'test-one'"):
        rules.rule("test-one")(lambda current, wanted: [])


def test_an_unknown_rule_says_which_there_are() -> None:
    with pytest.raises(KeyError, match=r"no rule 'none'; known: .*multifields"):
        rules.rule_named("none")


def test_ready_rules_are_there_without_an_import() -> None:
    assert rules.rule_named("multifields") is multifields and "multifields" in rules.rules()
