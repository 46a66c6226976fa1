"""pipeline/delivery/home.py: tables of another Kafka are dropped, own ones are kept."""

from pathlib import Path

import pytest

from pipeline.delivery.home import keep_to_cluster


def made(folder: Path) -> tuple[Path, Path]:
    tables = folder / "v1" / "tables"
    (tables / "requests-7.db").mkdir(parents=True)
    (tables / "requests-7.db" / "CURRENT").write_text("x")
    return folder, tables


def test_tables_of_the_same_kafka_stay(tmp_path: Path) -> None:
    assert not keep_to_cluster(tmp_path, tmp_path / "v1" / "tables", "one"), "there was nothing to drop"
    datadir, tables = made(tmp_path)
    assert not keep_to_cluster(datadir, tables, "one")
    assert (tables / "requests-7.db" / "CURRENT").is_file()


@pytest.mark.parametrize("before", ["two", None])
def test_tables_of_another_kafka_or_of_who_knows_are_dropped(
    before: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if before:
        keep_to_cluster(tmp_path, tmp_path / "v1" / "tables", before)
    datadir, tables = made(tmp_path)
    assert keep_to_cluster(datadir, tables, "one")
    assert list(tables.iterdir()) == [] and "come from another Kafka" in caplog.text
    assert not keep_to_cluster(datadir, tables, "one"), "once"
