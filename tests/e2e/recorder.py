"""A front server before a portal: passes everything on and keeps the answers, byte for byte."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class Recorder:
    """`rest` leads to the portal through the recorder; `answers` are the bodies that it has passed on."""

    def __init__(self, rest: str) -> None:
        self.answers: list[bytes] = []
        target = rest.removesuffix("/rest/")
        kept = self.answers
        client = httpx.Client(timeout=30)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = client.post(target + self.path, content=body, headers={"Content-Type": "application/json"})
                kept.append(answer.content)
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on stderr."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.rest = f"http://127.0.0.1:{self.server.server_port}/rest/"


@contextmanager
def recording(rest: str) -> Iterator[Recorder]:
    """A recorder before the portal at `rest`, while the context lasts."""
    recorder = Recorder(rest)
    thread = threading.Thread(target=recorder.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        recorder.server.shutdown()
        recorder.server.server_close()
        thread.join()
