"""The command `reindex`: what it refuses before it touches anything, and what it says of failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from pipeline.delivery.errors import Transient
from pipeline.delivery.flow import Event
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.ops import reindex_command
from pipeline.ops.reindex_command import command, maker
from pipeline.search.reindex.replay import Counts, ReindexError
from pipeline.search.reindex.work import Options, Result
from pipeline.settings import Settings

MAPPING = """
[catalogs.default]
iblock = 1
[catalogs.vigro]
iblock = 2
index = "vigro"
[catalogs.hidden]
iblock = 3
index = ""
"""


class Works:
    """Stands for Reindex: notes what was asked, answers as told."""

    asked: list[tuple[str, Options]]
    outcome: Exception | None = None
    refused = 0

    def __init__(self, settings: Settings, client: Any, alias: str, *, options: Options, **_: Any) -> None:
        Works.asked.append((alias, options))
        self.alias = alias

    async def run(self) -> Result:
        if Works.outcome is not None:
            raise Works.outcome
        counts = Counts(written=5, refused=Works.refused, reasons=["p1: mapping"] if Works.refused else [])
        return Result(f"{self.alias}-v000002", f"{self.alias}-v000001", counts)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(reindex_command, "Reindex", Works)
    Works.asked, Works.outcome, Works.refused = [], None, 0
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING)
    return Settings(_env_file=None, mapping=path, es_url="http://127.0.0.1:9200")  # type: ignore[call-arg]


def test_without_an_elasticsearch_there_is_nothing_to_fill(settings: Settings) -> None:
    code, output = run(settings.model_copy(update={"es_url": None}))
    assert code == 1 and "ES_URL is not set" in output and not Works.asked


def run(settings: Settings, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command(settings), list(arguments))
    return result.exit_code, result.output


def test_every_index_of_the_mapping_is_done_or_the_one_that_is_named(settings: Settings) -> None:
    code, output = run(settings)
    assert code == 0 and [alias for alias, _ in Works.asked] == ["catalog", "vigro"]
    assert "catalog is catalog-v000002 now; catalog-v000001 is kept" in output
    Works.asked.clear()
    code, output = run(settings, "--index", "vigro", "--resume", "--drop-old")
    assert (code, Works.asked) == (0, [("vigro", Options(resume=True, drop_old=True))])
    assert "is removed" in output


def test_an_index_that_no_catalogue_has_is_refused(settings: Settings) -> None:
    code, output = run(settings, "--index", "other")
    assert code == 2 and "known: catalog, vigro" in output and Works.asked == []


def test_without_a_mapping_there_is_nothing_to_do(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").unlink()
    code, output = run(settings)
    assert code == 1 and "there is no mapping" in output


@pytest.mark.parametrize(
    ("error", "said"),
    [(ReindexError("another one is at work"), "another one"), (Transient("cannot be reached"), "--resume")],
)
def test_a_failure_is_one_line(settings: Settings, error: Exception, said: str) -> None:
    Works.outcome = error
    code, output = run(settings, "--index", "catalog")
    assert code == 1 and said in output and "Traceback" not in output


def test_refused_documents_are_listed_and_the_exit_code_tells(settings: Settings) -> None:
    Works.refused = 1
    code, output = run(settings, "--index", "catalog")
    assert code == 1 and "p1: mapping" in output


def test_a_record_of_the_log_becomes_the_same_document_as_in_the_flow() -> None:
    make = maker(Mapping(catalogs={"default": CatalogMapping(iblock=1)}))
    raw = orjson.dumps({"XML_ID": "a-1", "NAME": "Болт"})
    document = make(Event("events.product", 0, 7, b"a-1", {}, raw, raw, 1_000.0))
    assert document is not None
    assert (document.index, document.id, document.version) == ("catalog", "a-1", 1_000_000 << 20 | 7)
