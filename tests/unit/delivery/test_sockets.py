"""pipeline/delivery/sockets.py: nothing of our producers reaches a socket without the guard, however late it leaves."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.client import ConnectionGroup
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.produce import ProduceRequest

from pipeline.delivery import guard as guard_module
from pipeline.delivery.app import make_app
from pipeline.delivery.guard import FreezeGuard
from pipeline.delivery.sockets import GuardedWriter, guarded
from pipeline.delivery.transport import SafeProducer
from tests.unit.delivery.fakes import Died, deaths, settings

Loop = Callable[[], asyncio.AbstractEventLoop]
Run = Callable[[Coroutine[Any, Any, None]], None]

#: more than a socket takes at once
LONG = bytes(range(256)) * 40_000


class Line:
    """A connection, its far end, and the guard's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(guard_module, "_clock", lambda: self.now)
        self.guard = FreezeGuard(15.0)
        self.guard._last = self.now
        self.near, self.far = socket.socketpair()
        self.far.setblocking(False)

    async def connect(self) -> asyncio.StreamWriter:
        self.reader, writer = await asyncio.open_connection(sock=self.near)
        return writer

    def freeze(self) -> None:
        self.now += 16.0

    def received(self) -> bytes:
        """What has arrived, without a turn of the loop."""
        got = bytearray()
        with suppress(BlockingIOError):
            while chunk := self.far.recv(1 << 20):
                got += chunk
        return bytes(got)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    made = Line(monkeypatch)
    yield made
    made.far.close()
    made.near.close()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    with asyncio.Runner(loop_factory=cast(Loop, request.param)) as runner:
        yield runner.run


def test_bytes_leave_before_write_returns(run: Run, line: Line) -> None:
    async def test() -> None:
        writer = GuardedWriter(await line.connect(), line.guard)
        writer.write(b"one")
        writer.write(b"two")
        assert line.received() == b"onetwo"
        writer.close()

    run(test())


def test_what_a_socket_does_not_take_at_once_follows_in_order(run: Run, line: Line) -> None:
    async def test() -> None:
        writer = GuardedWriter(await line.connect(), line.guard)
        writer.write(LONG)
        writer.write(b"and the next")
        got = bytearray()
        while len(got) < len(LONG) + len(b"and the next"):
            got += line.received()
            await asyncio.sleep(0)
        assert got == LONG + b"and the next"
        writer.write(b"later")
        assert line.received() == b"later"
        writer.close()

    run(test())


def test_a_frozen_worker_writes_nothing(run: Run, line: Line) -> None:
    async def test() -> None:
        writer = GuardedWriter(await line.connect(), line.guard)
        line.freeze()
        with pytest.raises(Died, match="stood still"):
            writer.write(b"late")
        assert line.received() == b""
        writer.close()

    run(test())


def test_a_worker_that_is_frozen_within_a_long_request_does_not_finish_it(run: Run, line: Line) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        writer = GuardedWriter(await line.connect(), line.guard)
        writer.write(LONG)
        line.freeze()
        got = line.received()
        assert 0 < len(got) < len(LONG)
        with pytest.raises(Died):
            writer._go_on()
        assert line.received() == b""
        assert deaths
        writer.close()

    run(test())


def test_a_connection_that_breaks_while_something_waits_is_seen_by_its_reader(run: Run, line: Line) -> None:
    async def test() -> None:
        writer = GuardedWriter(await line.connect(), line.guard)
        writer.write(LONG)
        line.far.close()
        with suppress(ConnectionError):
            assert await line.reader.read() == b""
        writer.close()
        with pytest.raises(OSError):
            writer.write(b"x")

    run(test())


def test_what_waits_is_dropped_when_the_connection_is_closed(run: Run, line: Line) -> None:
    async def test() -> None:
        writer = GuardedWriter(await line.connect(), line.guard)
        writer.write(LONG)
        writer.close()
        got = bytearray(line.received())
        while chunk := await asyncio.get_running_loop().sock_recv(line.far, 1 << 20):
            got += chunk
        assert 0 < len(got) < len(LONG)

    run(test())


def _conn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AIOKafkaConnection:
    """A connection of aiokafka as it is after its handshake."""
    conn = AIOKafkaConnection("127.0.0.1", 9092)
    conn._reader, conn._writer = reader, writer
    conn._versions = {ProduceRequest.API_KEY: (3, 7)}
    conn._read_task = asyncio.get_running_loop().create_future()
    return conn


def test_a_batch_that_was_drained_before_the_freeze_is_not_sent(run: Run, line: Line) -> None:
    async def test() -> None:
        producer = guarded(AIOKafkaProducer(enable_idempotence=True), line.guard)
        writer = await line.connect()
        conn = _conn(line.reader, writer)
        producer.client._conns[0, ConnectionGroup.DEFAULT] = conn
        request = ProduceRequest(
            required_acks=-1, timeout=1000, topics=[("log", [(0, b"batch")])], transactional_id=None
        )
        assert await producer.client.ready(0) and await producer.client.ready(0)
        assert isinstance(conn._writer, GuardedWriter) and conn._writer._writer is writer
        sending = asyncio.create_task(producer.client.send(0, request))
        await asyncio.sleep(0)
        assert b"batch" in line.received()
        sending.cancel()
        line.freeze()
        with pytest.raises(Died):
            await producer.client.send(0, request)
        assert line.received() == b""
        conn.close()
        producer._closed = True

    run(test())


def test_a_connection_that_was_lost_meanwhile_or_not_made_is_left_to_aiokafka(run: Run, line: Line) -> None:
    async def test() -> None:
        producer = AIOKafkaProducer()
        answers = iter([None, AIOKafkaConnection("127.0.0.1", 9092)])

        async def connect(node: int, **given: Any) -> Any:
            return next(answers)

        producer.client._get_conn = connect
        guarded(producer, line.guard)
        assert not await producer.client.ready(0)
        assert (await producer.client._get_conn(0))._writer is None
        producer._closed = True

    run(test())


async def test_the_workers_own_producers_are_guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(settings(data_dir=tmp_path, app_id="app", topic_prefix="p."))
    client = cast(SafeProducer, app.producer)._new_producer()
    assert client.client._get_conn.__qualname__.startswith(guarded.__name__)
    client._closed = True

    async def start(self: AIOKafkaProducer) -> None:
        self._closed = True

    monkeypatch.setattr(AIOKafkaProducer, "start", start)
    await app.runtime.start()
    assert app.runtime._bulk_producer().client._get_conn.__qualname__.startswith(guarded.__name__)
