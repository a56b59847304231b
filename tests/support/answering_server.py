"""A real HTTP server with the answers that a test gives it, in the place of an object store."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Says what it is told to, in turn; the last answer for ever."""

    daemon_threads = True

    def __init__(self, certificate=None):
        self.answers = []
        self.seen = []
        self.bodies = []
        super().__init__(("127.0.0.1", 0), _handler(self))
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, request, address):
        """A client that hangs up is what some tests are about."""


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self):
            server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            server.seen.append(f"{self.command} {self.path}")
            answer = server.answers[0] if len(server.answers) == 1 else server.answers.pop(0)
            if answer is None:
                self.close_connection = True
                return
            status, body, *headers = answer
            self.send_response_only(status)
            for name, value in {"Date": "Wed, 25 Nov 2026 12:00:00 GMT", **dict(headers)}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body if isinstance(body, bytes) else body.encode())

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815

        def log_message(self, *_):
            pass

    return Handler
