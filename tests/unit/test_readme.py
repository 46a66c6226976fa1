"""The READMEs' commands, links, variables and files exist, and both say the same commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.configuration import environment_name, read
from pipeline.flows.mapping import load
from pipeline.flows.mapping.settled import against_settings
from pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
READMES = [ROOT / "README.md", ROOT / "README.ru.md"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


def commands(text: str, word: str) -> set[str]:
    """`make X` or `faust -A pipeline X` as they stand in the text."""
    return set(re.findall(rf"{word} ([a-z-]+)", text))


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_make_targets_exist(readme: Path) -> None:
    assert commands(readme.read_text(), "`make") | {"run", "test"} <= TARGETS


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_links_lead_somewhere(readme: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", readme.read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_variables_are_settings(readme: Path) -> None:
    known = {environment_name(field) for field in Settings.model_fields}
    named = set(re.findall(r"\b(PIPELINE_[A-Z_]+|AMPQ[A-Z]+|B24REST|KAFKA_URL)\b", readme.read_text()))
    assert named <= known


def test_both_say_the_same_commands() -> None:
    english, russian = (readme.read_text() for readme in READMES)
    for word in ("`make", "faust -A pipeline"):
        assert commands(english, word) == commands(russian, word)


def test_faust_commands_exist(tmp_path: Path) -> None:
    faust = Path(sys.executable).parent / "faust"
    done = subprocess.run(
        [str(faust), "-A", "pipeline", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    for command in commands(READMES[0].read_text(), "faust -A pipeline"):
        assert re.search(rf"^  {command}\b", done.stdout, re.M), command


def test_both_have_the_same_code_and_links() -> None:
    """Comments aside; the drawings without a language are in words."""
    found = []
    for readme in READMES:
        text = readme.read_text()
        code = re.findall(r"^ *```(sh|toml|ini|text)\n(.*?)```", text, re.DOTALL | re.M)
        lines = [re.sub(r"(^|\s+)#.*", "", line) for _, block in code for line in block.splitlines()]
        links = set(re.findall(r"\]\((?!README)([^)#]+)\)", text))
        found.append(([line for line in lines if line.strip()], links, len(re.findall(r"^##+ ", text, re.M))))
    assert found[0] == found[1]


def test_what_is_to_be_tried_out_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that it makes fit each other, as the worker and check-mapping look at them."""
    tried = READMES[0].read_text().partition("### Trying it out")[2]
    (toml,) = re.findall(r"<<'END'\n(.*?)^END$", tried, re.DOTALL | re.M)
    (source,) = re.findall(r"^cp (\S+) mapping.toml$", tried, re.M)
    (tmp_path / "pipeline.toml").write_text(toml)
    (tmp_path / "mapping.toml").write_text((ROOT / source).read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIPELINE_CONFIG", raising=False)
    settings = read()
    assert settings.mapping_file is not None and settings.queues["crm_user_queue"].mode == "on-command"
    assert list(against_settings(load(settings.mapping_file), settings)) == []
