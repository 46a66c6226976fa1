"""docs/sandbox-portal.md names all that there is: flags, control requests, kinds of faults, counters."""

import re
from pathlib import Path

from sandbox.portal import control
from sandbox.portal.auth import Credential
from sandbox.portal.clock import Clock
from sandbox.portal.command_line import options_of, parser
from sandbox.portal.control.counters import counted
from sandbox.portal.costs import DOCUMENTED_COSTS
from sandbox.portal.faults import KINDS, FaultBook
from sandbox.portal.methods import registry
from sandbox.portal.options import Options
from sandbox.portal.portal import Portal
from sandbox.portal.requests import KEYS

TEXT = (Path(__file__).parents[3] / "docs" / "sandbox-portal.md").read_text()
CODE = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)))
WORDS = {word for code in CODE for word in re.findall(r"[\w.*/-]+", code)}


def test_all_flags() -> None:
    flags = {option for action in parser()._actions for option in action.option_strings if option.startswith("--")}
    assert flags - WORDS == {"--help"}


def test_no_flag_that_is_not_there() -> None:
    flags = {option for action in parser()._actions for option in action.option_strings}
    assert {word for word in WORDS if word.startswith("--")} - flags == set()
    for line in re.findall(r"python -m sandbox\.portal([^\n|#&]*)", "".join(re.findall(r"```\n(.*?)```", TEXT, re.S))):
        assert options_of(parser().parse_args(line.split())), line


def test_all_control_requests() -> None:
    wanted = {f"{route.method} {route.path}" for route in control.routes()}
    named = {f"{verb} {path}" for verb, path in re.findall(r"`(GET|POST|DELETE) (/_sandbox/[\w/]+)", TEXT)}
    assert named == wanted


def test_all_kinds_of_faults() -> None:
    assert set(KINDS) - WORDS == set()


def test_all_counters() -> None:
    portal = Portal("one", Options(credentials=(Credential("1", "x"),)), registry(), Clock(), FaultBook())
    assert set(counted(portal, detail=True)) - WORDS == {"portal"} - WORDS
    assert set(KEYS) - WORDS == set()


def test_documented_costs() -> None:
    text = " ".join(TEXT.split())
    for name, pattern in (("list", "*.list"), ("add", "*.add"), ("requisite.add", "crm.requisite.add")):
        assert f"{name} {DOCUMENTED_COSTS[pattern]}" in text
