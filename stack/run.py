"""`make run`: everything up, sample requests and a sample day through it, tables, and up until Ctrl-C."""

import asyncio
import fcntl
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from aio_pika.exceptions import AMQPException
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from stack.cache import FetchError
from stack.demo import Client, Result, Target
from stack.elasticsearch_fetch import has_elasticsearch
from stack.local import Local
from stack.process import ProcessError
from stack.sample_day import MAPPING_FILE, DayTarget, play_sample_day
from stack.supervise import GivenUp, Supervisor

SAMPLES = 500
_SESSION_TIMEOUT = "10"


class AlreadyRunning(RuntimeError):
    """Another `make run` uses the same folder."""


def run(folder: Path, *, once: bool, count: int = SAMPLES, search: bool = True) -> int:
    """Run all of it with state in `folder`; the exit code: 0, or 1 when not everything was answered.

    Without `search` no Elasticsearch is fetched or started, and the sample day's products go to the portal only.
    What this function started is stopped when it returns; Ctrl-C and SIGTERM are the way to end it.
    """
    console = Console()
    # A shell's background jobs ignore Ctrl-C's signal unless told otherwise.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        with _alone(folder):
            return _run(folder, console, once=once, count=count, search=search)
    except (AlreadyRunning, FetchError, ProcessError, GivenUp, AMQPException, OSError) as error:
        console.print(f"[red]{escape(str(error) or repr(error))}[/]", highlight=False, soft_wrap=True)
        return 1


def _run(folder: Path, console: Console, *, once: bool, count: int, search: bool) -> int:
    env = {"PIPELINE_SESSION_TIMEOUT": _SESSION_TIMEOUT, **os.environ}
    whole = _is_ours(env)
    if whole:
        env = {"PIPELINE_MAPPING": str(MAPPING_FILE), **env}
    local = Local(folder, env, tied=True, usual=("web",), search=whole and search, credential="site" if whole else "")
    if local.elasticsearch and not has_elasticsearch():
        console.print("Elasticsearch is fetched once, 759 MB; make run SEARCH=0 goes without it.", highlight=False)
    code = 1
    try:
        with console.status("Starting services …"):
            for name in ("KAFKA_URL", "AMPQURL", "B24REST", "ES_URL"):
                if env.get(name):
                    console.print(f"{name} is given: nothing is started for it.")
            local.start(lambda name: console.print(f"{name} is up."))
        with console.status("Starting the worker …"):
            local.worker.start(timeout=120)
        console.print(f"The worker is up as process {local.worker.process.pid}: {local.worker.url}/")
        code = asyncio.run(_session(local, env, console, once=once, count=count))
    except KeyboardInterrupt:
        console.print("Stopping …")
        code = 130 if once else 0
    finally:
        # A second Ctrl-C while things are being stopped must not leave some of them behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stopped = local.stop()
        console.print(f"Stopped: {', '.join(stopped) or 'nothing was running'}.")
    return code


def _is_ours(env: Mapping[str, str]) -> bool:
    """May a sample day be played? Not into a portal, a broker or an index of somebody else's."""
    return not any(env.get(name) for name in ("AMPQURL", "B24REST", "ES_URL", "PIPELINE_MAPPING"))


async def _session(local: Local, env: Mapping[str, str], console: Console, *, once: bool, count: int) -> int:
    """The samples and the wait after them, with the worker watched all the time."""
    supervisor = Supervisor(local.worker, lambda text: console.print(escape(text), highlight=False, soft_wrap=True))
    watch = asyncio.create_task(supervisor.watch())
    samples = asyncio.create_task(_samples(local, env, console, count))
    try:
        await asyncio.wait([watch, samples], return_when=asyncio.FIRST_COMPLETED)
        if not samples.done():
            watch.result()
        code = samples.result()
        if not once:
            console.print("Up until Ctrl-C. The worker may be killed: it is started again.")
            await watch
        return code
    finally:
        for task in (watch, samples):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _samples(local: Local, env: Mapping[str, str], console: Console, count: int) -> int:
    target = Target(
        amqp_url=local.addresses()["AMPQURL"],
        queue_in=env.get("AMPQIN", "bitrix24in"),
        queue_out=env.get("AMPQOUT", "bitrix24out"),
        own_answers=local.rabbitmq is None,
        user=env.get("DEMO_USER", "1"),
        token=env.get("DEMO_TOKEN", "sandbox"),
        writes=local.portal is not None,
    )
    if not target.writes:
        console.print("B24REST is given: only reads are sent, as DEMO_USER with DEMO_TOKEN.")
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    with progress:
        sent = progress.add_task("sent", total=count)
        answered = progress.add_task("answered", total=count)

        def show(result: Result, tasks: tuple[TaskID, TaskID] = (sent, answered)) -> None:
            progress.update(tasks[0], completed=result.sent)
            progress.update(tasks[1], completed=result.answered)

        result = await Client(target, show).run(count)
    console.print(_table(result, f"{local.worker.url}/"))
    held = await _day(local, env, console)
    return 0 if held and result.sent == result.answered == count else 1


async def _day(local: Local, env: Mapping[str, str], console: Console) -> bool:
    """The sample day of users, products, sections and settlements; True when all of it was done."""
    if local.portal is None or not _is_ours({**env, "PIPELINE_MAPPING": ""}):
        console.print("No sample day is played: it would be written into a portal, broker or index that is not ours.")
        return True
    search = local.elasticsearch.url if local.elasticsearch else ""
    target = DayTarget(local.addresses()["AMPQURL"], local.worker.url, local.portal.url, search)
    return (await play_sample_day(target, console)).held


def _table(result: Result, page: str) -> Table:
    table = Table(show_header=False)
    rows = {
        "sent": str(result.sent),
        "answered": str(result.answered),
        "errors": str(result.errors),
        "seconds": f"{result.seconds:.2f}",
        "requests per second": f"{result.rate:.0f}",
        "page": page,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder for this process. Raises AlreadyRunning."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(f"make run is up already, as process {file.read().strip()}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
