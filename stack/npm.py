"""JavaScript packages, fetched once by npm into the cache folder that all runs share.

`python -m stack.npm FOLDER` fetches what FOLDER/package.json names and prints where it is.
"""

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

from stack.cache import FetchError, cache_folder, locked

_OPTIONS = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


def node_modules(package: Path) -> Path:
    """The folder `node_modules` of a package.json, fetched by npm when it is not there yet.

    The file should name all packages, also those that others need, with exact versions: there is no lock file, which
    would hold addresses. Several processes may call it at once, see kafka_jars(). Raises FetchError when npm is missing
    or fails.
    """
    content = package.read_bytes()
    folder = cache_folder() / f"npm-{sha256(content).hexdigest()[:8]}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / "npm.lock"):
            if not folder.is_dir():
                _fetch(content, folder)
    return folder / "node_modules"


def _fetch(content: bytes, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError("npm is needed once, to fetch JavaScript packages; install it: apt-get install nodejs npm")
    work = Path(mkdtemp(prefix="fetching-", dir=folder.parent))
    try:
        (work / "package.json").write_bytes(content)
        done = subprocess.run(
            [npm, "install", *_OPTIONS],
            cwd=work,
            env={**os.environ, "NO_UPDATE_NOTIFIER": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0 or not (work / "node_modules").is_dir():
            raise FetchError(f"npm could not fetch the JavaScript packages:\n{done.stdout[-3000:]}")
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Fetch the packages of one folder; the exit code."""
    if len(arguments) != 1:
        print("python -m stack.npm FOLDER", file=sys.stderr)
        return 2
    try:
        print(node_modules(Path(arguments[0]) / "package.json"))
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
