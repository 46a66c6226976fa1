"""Kafka's jars, fetched once from Maven Central into a cache folder that all runs share."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

KAFKA_VERSION = "4.1.1"
# Without a binding Kafka's log is silent; this one writes to standard error and is 15 kB.
_DEPENDENCIES = (
    ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
    ("org.slf4j", "slf4j-simple", "1.7.36"),
)


class FetchError(RuntimeError):
    """Something is not in the cache and could not be fetched."""


def cache_folder() -> Path:
    """STACK_CACHE, else $XDG_CACHE_HOME/pipeline-stack, else ~/.cache/pipeline-stack; not created."""
    own = os.environ.get("STACK_CACHE")
    if own:
        return Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pipeline-stack"


def kafka_jars() -> Path:
    """The folder with Kafka's jars, fetched by Maven when it is not there yet.

    Several processes may call it at once: one fetches, the others wait; the folder appears whole or not
    at all. Raises FetchError when Maven is missing or fails.
    """
    pom = _pom()
    folder = _jar_folder(pom)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / "fetch.lock"):
            if not folder.is_dir():
                _fetch(pom, folder)
    return folder


def has_kafka_jars() -> bool:
    """True when the cache holds Kafka's jars already."""
    return _jar_folder(_pom()).is_dir()


def _jar_folder(pom: str) -> Path:
    return cache_folder() / f"kafka-{KAFKA_VERSION}-{sha256(pom.encode()).hexdigest()[:8]}"


def _fetch(pom: str, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise FetchError("Maven (mvn) is needed once, to fetch Kafka; install it: apt-get install maven")
    work = Path(mkdtemp(prefix="fetching-", dir=folder.parent))
    try:
        (work / "pom.xml").write_text(pom)
        command = [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={work / 'jars'}"]
        done = subprocess.run(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0 or not any((work / "jars").glob("kafka_2.13-*.jar")):
            raise FetchError(f"Maven could not fetch Kafka {KAFKA_VERSION}:\n{done.stdout[-3000:]}")
        (work / "jars").rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time has this file; the others wait."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _pom() -> str:
    wanted = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version></dependency>"
        for group, artifact, version in _DEPENDENCIES
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>local</groupId><artifactId>kafka</artifactId><version>1</version>"
        f"<dependencies>{wanted}</dependencies></project>\n"
    )
