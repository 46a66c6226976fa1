"""An Elasticsearch of one node, run by java from the unpacked distribution in the cache.

It refuses to run as root; root starts it as a system user of its own, who must be able to reach its files: where
others may not go (a root's home), its configuration and data lie in a folder under /var/tmp instead.
"""

import os
import pwd
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from stack.elasticsearch_fetch import elasticsearch_home, open_to_all
from stack.ports import HOST, free_port
from stack.probe import answers_200
from stack.process import Process, ProcessError
from stack.service import Service

USER = "pipeline-elasticsearch"
"""The system user that it runs as when root starts it; made when it is not there."""

_LAUNCHER = ("-Xms4m", "-Xmx64m", "-XX:+UseSerialGC", "-Dcli.name=server", "-Dcli.libs=lib/tools/server-cli")


class Elasticsearch(Service):
    """One node whose data lives in `place` and outlives stop, kill and a change of ports.

    `folder` holds its log and is `place`, too, unless the user that it runs as cannot go there. A tied node dies with
    this process. start() raises ProcessError or stack.cache.FetchError.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, heap: str = "512m", quick: bool = False, tied: bool = True
    ) -> None:
        """`quick`: it is up sooner and never becomes fast, as tests want it; `heap`: memory of the JVM."""
        self.folder = folder.absolute()
        self.port = port or free_port()
        self.heap = heap
        self.quick = quick
        self.process = Process("elasticsearch", self.folder, tied=tied)
        self._transport_port: int | None = None

    @property
    def url(self) -> str:
        """Address for ES_URL."""
        return f"http://{HOST}:{self.port}"

    @property
    def place(self) -> Path:
        """Where its configuration and its data are."""
        if os.geteuid() != 0 or open_to_all(self.folder):
            return self.folder
        return Path("/var/tmp") / f"pipeline-elasticsearch-{sha256(str(self.folder).encode()).hexdigest()[:12]}"

    @staticmethod
    def fetch() -> Path:
        """Fetch the distribution when the cache has none; its folder. Raises stack.cache.FetchError."""
        return elasticsearch_home()

    def start(self, timeout: float = 180) -> None:
        """Start the node and wait until it serves clients."""
        java = shutil.which("java")
        if java is None:
            raise ProcessError("elasticsearch needs java 17 or newer on PATH: apt-get install default-jre-headless")
        home = self.fetch()
        self._transport_port = self._transport_port or free_port()
        place = self.place
        self._configure(home, place)
        env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "ES_JAVA_HOME": str(Path(java).resolve().parents[1]),
            "ES_HOME": str(home),
            "ES_PATH_CONF": str(place / "config"),
            "ES_TMPDIR": str(place / "tmp"),
        }
        paths = (
            f"-Dcli.script={home}/bin/elasticsearch",
            f"-Des.path.home={home}",
            f"-Des.path.conf={place}/config",
            "-Des.distribution.type=tar",
        )
        main = "org.elasticsearch.launcher.CliToolLauncher"
        command = [java, *_LAUNCHER, *paths, "-cp", "lib/*:lib/cli-launcher/*", main]
        self.process.start([*self._as_user(place), *command], env=env, cwd=home)
        self.wait_ready(timeout)

    def ready(self) -> bool:
        """True when the node has all its shards and answers."""
        return answers_200(self.port, "/_cluster/health?wait_for_status=yellow&timeout=1s")

    def remove(self) -> None:
        """Remove its data and configuration; it must not run."""
        for name in ("data", "config", "tmp"):
            shutil.rmtree(self.place / name, ignore_errors=True)
        if self.place != self.folder:
            shutil.rmtree(self.place, ignore_errors=True)

    def _configure(self, home: Path, place: Path) -> None:
        shutil.rmtree(place / "config", ignore_errors=True)
        shutil.rmtree(place / "tmp", ignore_errors=True)
        for name in ("data", "logs", "tmp"):
            (place / name).mkdir(parents=True, exist_ok=True)
        shutil.copytree(home / "config", place / "config")
        options: tuple[str, ...] = (
            "-Djava.io.tmpdir=${ES_TMPDIR}",
            f"-Xms{self.heap}",
            f"-Xmx{self.heap}",
            "-XX:+UseSerialGC",
        )
        if self.quick:
            options += ("-XX:TieredStopAtLevel=1",)
        (place / "config" / "jvm.options").write_text("".join(f"{line}\n" for line in options))
        settings = {
            "cluster.name": "pipeline",
            "discovery.type": "single-node",
            "http.host": HOST,
            "http.port": self.port,
            "transport.host": HOST,
            "transport.port": self._transport_port,
            "path.data": place / "data",
            "path.logs": place / "logs",
            "xpack.security.enabled": "false",
            # a disk that is nearly full is no reason for a sandbox to become read-only
            "cluster.routing.allocation.disk.threshold_enabled": "false",
        }
        text = "".join(f"{name}: {value}\n" for name, value in settings.items())
        (place / "config" / "elasticsearch.yml").write_text(text)

    def _as_user(self, place: Path) -> list[str]:
        """What goes before the command so that it does not run as root; gives `place` to that user."""
        if os.geteuid() != 0:
            return []
        user = _user()
        for path in (place, *place.rglob("*")):
            # the log and the note of the process stay root's
            if path not in (self.process.log, self.process.pid_file):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        # the kernel forgets the tie when the user changes, so it is made again
        tie = ["--pdeathsig", "KILL"] if self.process.tied else []
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return ["setpriv", *ids, *tie, "--"]


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER]
        done = subprocess.run(command, capture_output=True, text=True)
        # another process that starts at the same moment may have made it
        if done.returncode not in (0, 9):
            raise ProcessError(f"elasticsearch does not run as root: {' '.join(command)}: {done.stderr}") from None
        return pwd.getpwnam(USER)
