"""The real worker, `faust -A pipeline worker`, as a subprocess."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.ports import HOST, free_port
from stack.probe import answers_200
from stack.process import Process
from stack.service import Service

_BUS_NAMES = ("KAFKA_URL", "AMPQURL", "AMPQIN", "AMPQOUT", "B24REST", "ES_URL")
_BUS_PREFIX = "PIPELINE_"


def bus_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The settings of the bus in `env`."""
    return {name: value for name, value in env.items() if name in _BUS_NAMES or name.startswith(_BUS_PREFIX)}


class Worker(Service):
    """One worker that runs in `folder` (its data, log and working directory).

    `env` holds the bus's settings (KAFKA_URL, AMPQURL, B24REST, PIPELINE_…); settings in the environment
    of this process do not leak in. Started again after stop or kill, it has the same data and the same
    web port. start() raises ProcessError with the tail of the log.
    """

    stop_timeout = 40

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str],
        *,
        name: str = "worker",
        web_port: int | None = None,
        tied: bool = True,
    ) -> None:
        self.folder = folder.absolute()
        self.web_port = web_port or free_port()
        self.env = {
            "PIPELINE_DATA_DIR": str(self.folder / "data"),
            "PIPELINE_WEB_BIND": HOST,
            "PIPELINE_WEB_PORT": str(self.web_port),
            **env,
        }
        self.process = Process(name, self.folder, tied=tied)

    @property
    def url(self) -> str:
        """Address of the worker's pages, without a slash at the end."""
        return f"http://{HOST}:{self.web_port}"

    @property
    def log(self) -> Path:
        """The file with all that the worker wrote to its outputs."""
        return self.process.log

    def start(self, timeout: float = 60, *, wait: bool = True) -> None:
        """Start the worker; with `wait`, until /readyz answers 200. Not ready in time: it is killed."""
        faust = Path(sys.executable).parent / "faust"
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [str(faust), "-A", "pipeline", "worker", "--web-port", str(self.web_port), "-l", "info"]
        foreign = bus_environment(os.environ)
        env = {name: value for name, value in os.environ.items() if name not in foreign}
        env |= {"PYTHONUNBUFFERED": "1", **self.env}
        self.process.start(command, env=env, cwd=self.folder)
        if wait:
            self.wait_ready(timeout)

    def ready(self) -> bool:
        """True when /readyz answers 200 now."""
        return answers_200(self.web_port, "/readyz")
