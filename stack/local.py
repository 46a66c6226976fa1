"""The services of one `make up` or `make run`: those that the environment does not give, in one folder."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack.elasticsearch import Elasticsearch
from stack.kafka import Kafka
from stack.ports import free_port
from stack.process import Process
from stack.rabbitmq import RabbitMQ
from stack.sandbox import Portal
from stack.worker import Worker, bus_environment

Outside = Kafka | RabbitMQ | Portal | Elasticsearch
Service = Outside | Worker

USUAL_PORTS = {"kafka": 9092, "rabbitmq": 5672, "management": 15672, "portal": 8024, "web": 6066, "elasticsearch": 9200}
"""What `make up` and the page of `make run` take when it is free."""


class Local:
    """Kafka, RabbitMQ, a simulated portal, a worker and, on demand, Elasticsearch under `folder`, each with its data.

    KAFKA_URL, AMPQURL, B24REST and ES_URL in `env` name services that are used instead and never started. Ports
    are kept in `folder/ports.json`, so that the next start has the same addresses while they are free;
    `usual` names the services whose usual port is tried first. Untied services outlive this process, and
    a Local made later on the same folder finds them.
    """

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str],
        *,
        tied: bool,
        usual: Sequence[str] = tuple(USUAL_PORTS),
        search: bool | None = None,
        credential: str = "",
    ) -> None:
        """`search`: with Elasticsearch, unless ES_URL names one; None = if it was started in this folder before.

        `credential`: a name for the webhook of the simulated portal, for flows; else only clients bring theirs.
        """
        self.folder = folder.absolute()
        self._env = env
        self._tied = tied
        self._usual = usual
        self._credential = credential
        self._ports: dict[str, int] = self._read_ports()
        self.kafka = None if env.get("KAFKA_URL") else Kafka(folder / "kafka", port=self._port("kafka"), tied=tied)
        self.rabbitmq = None if env.get("AMPQURL") else self._rabbitmq()
        self.portal = None if env.get("B24REST") else self._portal()
        wanted = search if search is not None else (folder / "elasticsearch").is_dir()
        self.elasticsearch = self._elasticsearch() if wanted and not env.get("ES_URL") else None
        self.worker = self._worker()
        self._write_ports()

    def _rabbitmq(self) -> RabbitMQ:
        ports = self._port("rabbitmq"), self._port("management")
        return RabbitMQ(self.folder / "rabbitmq", port=ports[0], management_port=ports[1], tied=self._tied)

    def _portal(self) -> Portal:
        # Kafka's links remember its objects from start to start, so it must have them still
        kept = self.folder / "portal" / "store.json"
        arguments = ("--no-limits", "--store", str(kept))
        return Portal(self.folder / "portal", port=self._port("portal"), arguments=arguments, tied=self._tied)

    def _elasticsearch(self) -> Elasticsearch:
        return Elasticsearch(self.folder / "elasticsearch", port=self._port("elasticsearch"), tied=self._tied)

    def _worker(self) -> Worker:
        own = {"PIPELINE_PORTAL_RATE": "none"} if self.portal else {}
        if self.portal and self._credential:
            # the simulator's own webhook, as its page names it
            webhook = {self._credential: {"user": "1", "token": "sandbox"}}
            portal = {"address": self.portal.rest, "rate": "none", "credentials": webhook}
            own["PIPELINE_PORTALS"] = json.dumps({"default": portal})
        # The key must fit the Kafka that remembers its fingerprint, so it lies beside a Kafka of ours only.
        if self.kafka:
            own["PIPELINE_KEY_FILE"] = str(self.folder / "seal.key")
        env = own | bus_environment(self._env) | self.addresses()
        return Worker(self.folder / "worker", env, web_port=self._port("web"), tied=self._tied)

    def addresses(self) -> dict[str, str]:
        """KAFKA_URL, AMPQURL, B24REST and, where there is one, ES_URL of the services, own or given."""
        search = self.elasticsearch.url if self.elasticsearch else self._env.get("ES_URL")
        return {
            **({"ES_URL": search} if search else {}),
            "KAFKA_URL": self.kafka.url if self.kafka else self._env["KAFKA_URL"],
            "AMPQURL": self.rabbitmq.url if self.rabbitmq else self._env["AMPQURL"],
            "B24REST": self.portal.rest if self.portal else self._env["B24REST"],
        }

    def services(self) -> list[tuple[str, Outside]]:
        """The services started here, without the worker, by name."""
        own: tuple[tuple[str, Outside | None], ...] = (
            ("Kafka", self.kafka),
            ("RabbitMQ", self.rabbitmq),
            ("simulated portal", self.portal),
            ("Elasticsearch", self.elasticsearch),
        )
        return [(name, service) for name, service in own if service is not None]

    def start(self, started: Callable[[str], None]) -> None:
        """Start the services that do not run, at the same time; `started(name)` is called for each.

        When one does not start, the others are stopped, and its stack.process.ProcessError or
        stack.cache.FetchError is raised.
        """

        def start(name: str, service: Outside) -> None:
            if not service.running:
                service.start()
            started(name)

        with ThreadPoolExecutor() as pool:
            waiting = [pool.submit(start, name, service) for name, service in self.services()]
        errors = [error for future in waiting if (error := future.exception())]
        if errors:
            self.stop()
            raise errors[0]

    def stop(self) -> list[str]:
        """Stop the worker, then the services; their data stays. The names of those that ran."""
        stopped = []
        if self.worker.running:
            self.worker.stop()
            stopped.append("worker")
        running = [(name, service) for name, service in self.services() if service.running]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda item: item[1].stop(), running))
        return stopped + [name for name, _ in running]

    def everything(self) -> list[tuple[str, Service]]:
        """services() and the worker."""
        return [*self.services(), ("worker", self.worker)]

    def _port(self, name: str) -> int:
        """The port of the last time when our service still holds it or it is free; else another."""
        last = self._ports.get(name)
        owner = "rabbitmq" if name == "management" else "worker" if name == "web" else name
        if last is not None and self._runs(owner):
            return last
        self._ports[name] = free_port(last or (USUAL_PORTS[name] if name in self._usual else None))
        return self._ports[name]

    def _runs(self, name: str) -> bool:
        return Process(name, self.folder / name, tied=self._tied).running

    def _read_ports(self) -> dict[str, int]:
        try:
            ports = json.loads((self.folder / "ports.json").read_text())
        except (OSError, ValueError):
            return {}
        return {str(name): int(port) for name, port in ports.items()}

    def _write_ports(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "ports.json").write_text(json.dumps(self._ports))
