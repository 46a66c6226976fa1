"""What every service of ours can be told, whatever it is: stop, die, freeze, wake."""

from abc import ABC, abstractmethod

from stack.process import Process, ProcessError

__all__ = ["Service"]


class Service(ABC):
    """A service in one process. Its data, where it has any on disk, outlives every way to end it."""

    process: Process
    #: seconds that a clean end may take before it is killed
    stop_timeout: float = 30

    @property
    def running(self) -> bool:
        """True while the process exists, also when it is frozen."""
        return self.process.running

    @abstractmethod
    def ready(self) -> bool:
        """True when it serves now."""

    def wait_ready(self, timeout: float = 60) -> None:
        """Wait until it serves; else kill it and raise ProcessError with the tail of its log."""
        try:
            self.process.wait_ready(self.ready, timeout)
        except ProcessError:
            self.process.kill()
            raise

    def stop(self, timeout: float | None = None) -> None:
        """End it cleanly (SIGTERM; SIGKILL after `timeout` seconds)."""
        self.process.stop(self.stop_timeout if timeout is None else timeout)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open, nothing answers."""
        self.process.pause()

    def resume(self) -> None:
        """Wake it (SIGCONT)."""
        self.process.resume()
