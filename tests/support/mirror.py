"""A local HTTP server with the faults of real ones: it cuts transfers, is slow, or has another file."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Mirror:
    """Files by path, the faults to show, and the requests that came."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    """The next answers end after that many bytes."""
    errors: list[int] = field(default_factory=list)
    """The next answers are these status codes."""
    ranges: bool = True
    pause: float = 0.0
    """Seconds between pieces of a fifth of the file."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range header of each request."""


@contextmanager
def mirror(certificate: tuple[str, str] | None = None) -> Iterator[Mirror]:
    """Serve on 127.0.0.1, with TLS if there is a certificate and its key."""
    state = Mirror()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            desired = self.headers.get("Range")
            state.requests.append((self.path, desired))
            data = state.files.get(self.path)
            if data is None or state.errors:
                self.send_error(state.errors.pop(0) if state.errors else 404)
                return
            start = int(desired.removeprefix("bytes=").removesuffix("-")) if desired and state.ranges else 0
            if start and start >= len(data):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            rest = data[start:]
            if state.cuts:
                self.wfile.write(rest[: state.cuts.pop(0)])
                self.close_connection = True
                return
            step = max(len(rest) // 5, 1)
            with suppress(ConnectionError):
                for place in range(0, len(rest), step):
                    self.wfile.write(rest[place : place + step])
                    time.sleep(state.pause)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    state.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
