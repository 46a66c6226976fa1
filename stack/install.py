"""What this machine lacks to run the local services, and its installation.

Uses the standard library only: it runs before the virtual environment exists.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from stack.cache import has_kafka_jars
from stack.elasticsearch_fetch import has_elasticsearch
from stack.rabbitmq import RabbitMQ

EVERYTHING = ("venv", "kafka", "rabbitmq")
"""What can be asked for: a virtual environment, a local Kafka, a local RabbitMQ."""
FOR_TESTS = ("php", "node")
"""What only tests need: PHP itself, to hold the portal's client and simulator to; Node.js, for Bitrix24's SDK."""
FOR_SEARCH = ("elasticsearch",)
"""What only the search index needs."""

_OLDEST_JAVA = 17


@dataclass(frozen=True)
class Package:
    """A Debian package that is missing, and why it is needed."""

    name: str
    reason: str


class InstallError(RuntimeError):
    """Something is missing and cannot be installed by this user; the message says what to do."""


def wanted(parts: Collection[str], env: Mapping[str, str]) -> set[str]:
    """`parts` without the services that KAFKA_URL, AMPQURL and ES_URL in `env` give."""
    given = {
        part
        for part, name in (("kafka", "KAFKA_URL"), ("rabbitmq", "AMPQURL"), ("elasticsearch", "ES_URL"))
        if env.get(name)
    }
    return set(parts) - given


def missing(parts: Collection[str]) -> list[Package]:
    """The packages that this machine lacks for `parts` (of EVERYTHING, FOR_TESTS and FOR_SEARCH)."""
    packages = []
    if "venv" in parts and not importlib.util.find_spec("ensurepip"):
        packages.append(Package("python3-venv", "makes the virtual environment"))
    if "rabbitmq" in parts and RabbitMQ.server() is None:
        packages.append(Package("rabbitmq-server", "the message broker"))
    java = [text for part, text in (("kafka", "Kafka"), ("elasticsearch", "Elasticsearch")) if part in parts]
    if java and (java_version() or 0) < _OLDEST_JAVA:
        packages.append(Package("default-jre-headless", f"Java {_OLDEST_JAVA} or newer, runs {' and '.join(java)}"))
    there = {"Kafka": has_kafka_jars, "Elasticsearch": has_elasticsearch}
    lacking = [name for name in java if not there[name]()]
    if lacking and shutil.which("mvn") is None:
        packages.append(Package("maven", f"fetches {' and '.join(lacking)}, once"))
    if "php" in parts and shutil.which("php") is None:
        packages.append(Package("php-cli", "reads queries as a portal does, in tests"))
    if "node" in parts and shutil.which("node") is None:
        packages.append(Package("nodejs", "runs Bitrix24's JavaScript SDK, in tests"))
    if "node" in parts and shutil.which("npm") is None:
        packages.append(Package("npm", "fetches that SDK, once"))
    return packages


def java_version() -> int | None:
    """Major version of the java on PATH; None when there is none."""
    java = shutil.which("java")
    if java is None:
        return None
    text = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found.group(1)) if found else None


def install(parts: Collection[str]) -> None:
    """Install what is missing for `parts`, by apt-get, when this user is root.

    Raises InstallError with the exact command when something is missing and the user is not root, when
    there is no apt-get, or when the installation did not bring what was missing.
    """
    packages = missing(parts)
    if not packages:
        return
    names = [package.name for package in packages]
    listed = "\n".join(f"  {package.name:<22} {package.reason}" for package in packages)
    apt = shutil.which("apt-get")
    if apt is None:
        raise InstallError(f"this machine lacks (Debian's names):\n{listed}")
    if os.geteuid() != 0:
        command = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(names)}"
        raise InstallError(f"this machine lacks:\n{listed}\nInstall it as root, then run make again:\n  {command}")
    print(f"Installing {', '.join(names)} …", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _apt([apt, "-q", "update"], env)
    _apt([apt, "-q", "install", "-y", "--no-install-recommends", *names], env)
    still = [package.name for package in missing(parts)]
    if still:
        raise InstallError(f"still missing after the installation: {', '.join(still)}")


def _apt(command: list[str], env: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise InstallError(f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout[-3000:]}")


def main(arguments: list[str]) -> int:
    """`python -m stack.install [PART ...]`: install these (default: EVERYTHING)."""
    unknown = set(arguments) - {*EVERYTHING, *FOR_TESTS, *FOR_SEARCH}
    if unknown:
        choice = ", ".join(EVERYTHING + FOR_TESTS + FOR_SEARCH)
        print(f"unknown: {', '.join(sorted(unknown))}; choose from {choice}", file=sys.stderr)
        return 2
    try:
        install(wanted(arguments or EVERYTHING, os.environ))
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
