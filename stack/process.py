"""One subprocess of ours: started in its own group, logged, awaited, stopped, frozen, killed."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

# The kernel ties a child to the thread that started it, so one thread that never ends starts them all.
_launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stack-launcher")

_LOG_LIMIT = 32 * 1024 * 1024


class ProcessError(RuntimeError):
    """A process did not start, did not become ready in time, or did not end; says where its log is."""


def wait_for(condition: Callable[[], bool], timeout: float, what: str, interval: float = 0.05) -> None:
    """Poll `condition` every `interval` seconds until it is true.

    Raises TimeoutError naming `what` after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        time.sleep(interval)


class Process:
    """A named process with `<name>.log` and `<name>.pid` in `folder`.

    A tied process is killed by the kernel when this one ends, however it ends; one that is not tied
    stays, and a Process made later on the same folder finds it again by its pid file.
    """

    def __init__(self, name: str, folder: Path, *, tied: bool = True) -> None:
        self.name = name
        self.tied = tied
        self.log = folder / f"{name}.log"
        self.pid_file = folder / f"{name}.pid"
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None) -> None:
        """Start `argv` with exactly the environment `env`; returns at once.

        Raises ProcessError when it runs already or the program is not there.
        """
        if self.running:
            raise ProcessError(f"{self.name} runs already, as process {self.pid}")
        self._begin_log()
        setpriv = shutil.which("setpriv") if self.tied else None
        command = [setpriv, "--pdeathsig", "KILL", "--", *argv] if setpriv else list(argv)
        self._popen = _launcher.submit(self._launch, command, dict(env), cwd).result()
        self.pid_file.write_text(json.dumps({"pid": self._popen.pid, "born": _born(self._popen.pid)}))

    def _begin_log(self) -> None:
        """A line in the log for this start; a log that became too long is put aside, one is kept so."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_LIMIT:
                self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("a") as out:
            out.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {self.name} is started\n")

    def _launch(self, command: list[str], env: dict[str, str], cwd: Path | None) -> subprocess.Popen[bytes]:
        try:
            with self.log.open("ab") as out:
                return subprocess.Popen(
                    command,
                    env=env,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise ProcessError(f"{self.name} cannot be started: {error}") from error

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        if self._popen is not None:
            return self._popen.pid if self._popen.poll() is None else None
        try:
            note = json.loads(self.pid_file.read_text())
        except (OSError, ValueError):
            return None
        # A pid may be in use again by a stranger; the time of its birth tells them apart.
        return int(note["pid"]) if note["born"] is not None and _born(note["pid"]) == note["born"] else None

    @property
    def running(self) -> bool:
        """True while the process exists, also when it is frozen."""
        return self.pid is not None

    @property
    def returncode(self) -> int | None:
        """Exit code of a process that this object started; negative is a signal; None while it runs."""
        return None if self._popen is None else self._popen.poll()

    def wait_ready(self, probe: Callable[[], bool], timeout: float) -> None:
        """Poll `probe` until it is true.

        Raises ProcessError with the tail of the log when the process ends first or `timeout` seconds pass.
        """
        deadline = time.monotonic() + timeout
        while True:
            if not self.running:
                raise ProcessError(f"{self.name} ended while starting ({self.returncode}){self._where()}")
            with suppress(OSError, ValueError):
                if probe():
                    return
            if time.monotonic() > deadline:
                raise ProcessError(f"{self.name} was not ready within {timeout:g} s{self._where()}")
            time.sleep(0.05)

    def stop(self, timeout: float = 30) -> None:
        """Ask it to end by SIGTERM; after `timeout` seconds kill it. Nothing happens when it does not run."""
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
                # A frozen process takes the signal only after it is woken.
                os.killpg(pid, signal.SIGCONT)
            with suppress(TimeoutError):
                wait_for(lambda: not self.running, timeout, self.name)
        self.kill()

    def kill(self) -> None:
        """SIGKILL the process and its group, and wait until it is gone.

        Raises ProcessError when it is still there after 10 s.
        """
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            try:
                wait_for(lambda: not self.running, 10, self.name)
            except TimeoutError as error:
                raise ProcessError(f"{self.name} (process {pid}) cannot be killed") from error
        self.pid_file.unlink(missing_ok=True)

    def pause(self) -> None:
        """Freeze the whole group by SIGSTOP. Raises ProcessError when it does not run."""
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """Wake the whole group by SIGCONT. Raises ProcessError when it does not run."""
        self._signal_group(signal.SIGCONT)

    def _signal_group(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is None:
            raise ProcessError(f"{self.name} does not run")
        os.killpg(pid, number)

    def tail(self, lines: int = 30) -> str:
        """The last `lines` of the log; empty when there is none."""
        return tail(self.log, lines)

    def _where(self) -> str:
        return f"; the end of its log {self.log}:\n{self.tail()}"


def tail(path: Path, lines: int) -> str:
    """The last `lines` of a text file (of its last 64 KiB); empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 65536))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _born(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot (field 22 of proc(5) stat); None for no process.

    A zombie counts as no process.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])
