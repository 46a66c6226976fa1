"""docs/links.md: its examples are what is read, its commands are those that there are."""

from __future__ import annotations

import io
import re
from pathlib import Path

import click
import pytest

from pipeline.ops.links_command import group
from pipeline.portal.control import Control
from pipeline.portal.links.csv_file import read_csv
from pipeline.portal.links.messages import _MOST, DropLinks, PutLinks
from pipeline.settings import Settings

TEXT = (Path(__file__).parents[4] / "docs" / "links.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_file_is_read() -> None:
    (text,) = blocks("csv")
    reading = read_csv(io.StringIO(text, newline=""), ["main"])
    assert reading.faults == []
    assert [(link.entity, link.id, link.hash, link.version) for link in reading.links] == [
        ("company", "1017", None, None),
        ("product:23", "5", "9c1185a5", 3),
    ]


@pytest.mark.parametrize(("text", "kind"), list(zip(blocks("json"), (PutLinks, DropLinks), strict=True)))
def test_the_commands_of_the_topic_are_read(text: str, kind: type) -> None:
    decode = Control((), None).flow().decode  # type: ignore[arg-type]
    assert isinstance(decode(text.encode()), kind)


def test_the_bound_is_the_one_in_force() -> None:
    assert f"At most {_MOST:,} links in one command" in TEXT


def test_the_commands_and_options_in_the_document_are_there() -> None:
    commands = group(Settings.model_construct(portals={}, b24rest=None)).commands
    named = set(re.findall(r"^\| `([a-z]+)", TEXT, re.MULTILINE))
    assert named == set(commands)
    options = {
        option
        for command in commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    assert set(re.findall(r"--[a-z][a-z-]*", TEXT)) <= options
