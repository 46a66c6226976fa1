"""pipeline/delivery/slot.py: a datadir for each worker of a machine."""

import subprocess
import sys
from pathlib import Path

from pipeline.delivery.slot import claim

ROOT = Path(__file__).parents[3]
CLAIM = (
    "import sys; from pathlib import Path; from pipeline.delivery.slot import claim; "
    "s = claim(Path(sys.argv[1])); print(s.name, flush=True); sys.stdin.read()"
)


def other(root: Path) -> "subprocess.Popen[str]":
    """Another process that holds a slot until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def name_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_processes_get_two_folders_and_a_killed_ones_is_free_again(tmp_path: Path) -> None:
    mine = claim(tmp_path / "app")
    assert mine.name == "worker-0" and mine.path.is_dir()
    one = other(tmp_path / "app")
    two = other(tmp_path / "app")
    try:
        assert {name_of(one), name_of(two)} == {"worker-1", "worker-2"}
        one.kill()
        one.wait()
        freed = claim(tmp_path / "app")
        assert freed.name in {"worker-1", "worker-2"} and freed.path != mine.path
    finally:
        for process in (one, two):
            process.kill()
            process.communicate()
