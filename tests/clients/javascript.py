"""Scenarios of tests/clients/js in Node.js."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.clients.simulator import Simulator


class JavaScript:
    """`javascript("lists.mjs", ...)` runs a scenario and returns the JSON that it prints."""

    def __init__(self, simulator: Simulator, folder: Path, modules: Path, work: Path) -> None:
        self._simulator = simulator
        for script in folder.glob("*.mjs"):
            shutil.copy(script, work)
        # packages are looked for beside the script, and the repository holds none
        (work / "node_modules").symlink_to(modules)
        self._work = work

    def __call__(self, script: str, scenario: str, **given: Any) -> Any:
        """`given` is the scenario's argument, besides `webhook` and `url`."""
        argument = json.dumps({"webhook": self._simulator.webhook, "url": self._simulator.url, **given})
        node = os.environ.get("NODE", "node")
        done = subprocess.run(
            [node, script, scenario, argument], cwd=self._work, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])
