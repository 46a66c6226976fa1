"""The portal simulator, `python -m sandbox.portal`, as a subprocess."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from stack.ports import HOST, free_port
from stack.probe import answers_200
from stack.process import Process
from stack.service import Service


class Portal(Service):
    """One simulated portal on its own port; `arguments` are further flags of the simulator.

    A tied simulator dies with this process. start() raises ProcessError with the tail of the log.
    """

    stop_timeout = 10

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "portal",
        port: int | None = None,
        arguments: Sequence[str] = (),
        tied: bool = True,
    ) -> None:
        self.folder = folder.absolute()
        self.port = port or free_port()
        self.arguments = tuple(arguments)
        self.process = Process(name, self.folder, tied=tied)

    @property
    def url(self) -> str:
        """The simulator's address, without a slash at the end; its controls are under /_sandbox."""
        return f"http://{HOST}:{self.port}"

    @property
    def rest(self) -> str:
        """Address for B24REST: the portal's REST root, to which user, token and method are added."""
        return f"{self.url}/rest/"

    def start(self, timeout: float = 30) -> None:
        """Start the simulator and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "sandbox.portal", "--port", str(self.port), *self.arguments]
        # The simulator need not be installed: it is found from the repository, wherever this one is.
        root = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
        self.process.start(command, env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}, cwd=self.folder)
        self.wait_ready(timeout)

    def ready(self) -> bool:
        """True when the simulator's health page answers 200 now."""
        return answers_200(self.port, "/_sandbox/health")
