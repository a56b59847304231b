"""A network that fails: a proxy before the real API server that answers, drops, delays and holds requests by rule.

A run is pointed at it by a kubeconfig of its own. It has the server's own certificate: without TLS the engine's client
sends no token (tried).
"""

import http.client
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import yaml

from sandbox.cluster import Cluster
from sandbox.credentials import ADMIN

_OBJECTS = "/api/v1/.|/apis/[^/]+/[^/]+/."
"""Not what the API server says of itself."""


class Fate(StrEnum):
    """What becomes of a request."""

    REFUSED = "refused"
    """It is answered here, and never arrives."""
    DROPPED = "dropped"
    """The connection ends before it arrives."""
    UNANSWERED = "unanswered"
    """It arrives and does what it does, and the connection ends before the answer."""
    LATE = "late"
    """It arrives, and the answer comes after all patience."""
    HELD = "held"
    """It waits here until `Proxy.release`, and never arrives."""
    UNREPORTED = "unreported"
    """It arrives and does what it does, and the answer waits until `Proxy.release`, and never comes."""
    STALE = "stale"
    """A read is answered from what the cluster was at `Proxy.remember`."""


@dataclass(frozen=True)
class Call:
    """A request as it arrived here."""

    method: str
    path: str
    """With its query."""
    body: bytes = b""

    @property
    def changes(self) -> bool:
        """Whether it may change the cluster; questions about rights are asked with POST."""
        return self.method != "GET" and "dryRun" not in self.path and "/authorization.k8s.io/" not in self.path

    @property
    def reads(self) -> bool:
        """Whether it reads objects, and does not wait for their changes."""
        watched = "watch=" in self.path or "resourceVersion=" in self.path
        return self.method == "GET" and not watched and re.match(_OBJECTS, self.path) is not None


@dataclass
class Rule:
    """Requests that go wrong."""

    method: str
    """A regular expression, as the next one."""
    pattern: str
    """Of the path and its query."""
    fate: Fate
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    times: float = 1
    """How many of them."""
    skipped: int = 0
    """How many pass before the first."""
    seconds: float = 31
    """Of a late answer: the provider waits for 30."""
    met: int = 0
    """How many it has met."""

    def meets(self, method: str, path: str) -> bool:
        if not re.fullmatch(self.method, method) or not re.search(self.pattern, path) or "dryRun" in path:
            return False
        if self.skipped > 0:
            self.skipped -= 1
            return False
        self.times -= 1
        self.met += self.times >= 0
        return self.times >= 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, cluster: Cluster, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(cluster.ca_file, cluster.ca_file.with_suffix(".key"))

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        # The handshake comes with the first bytes, in the connection's own thread.
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news here."""


class Proxy:
    """Start it with `with`; as long as it has no rule it is only a longer way."""

    def __init__(self, cluster: Cluster) -> None:
        self.rules: list[Rule] = []
        self.calls: list[Call] = []
        """All that ever came, in the order of their coming."""
        self.cap: int | None = None
        """The most seconds that a token may live: the cluster's maximum, without another API server."""
        self.minted: list[str] = []
        """Every token that the cluster ever answered a request with."""
        self.choose: Callable[[Call], Rule | None] = lambda _: None
        """What decides where no rule does."""
        self._released = threading.Event()
        self._version = ""
        self._cluster = cluster
        self._lock = threading.Lock()
        self._server = _Server(cluster, _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def kubeconfig(self, path: Path) -> Path:
        """Writes the deployer's kubeconfig, with this proxy for its server."""
        content = yaml.safe_load(self._cluster.kubeconfig.read_text())
        for cluster in content["clusters"]:
            cluster["cluster"]["server"] = f"https://127.0.0.1:{self._server.server_port}"
        path.touch(0o600)
        path.write_text(yaml.safe_dump(content))
        return path

    @contextmanager
    def failing(self, *rules: Rule) -> Any:
        """While it lasts these rules hold; afterwards all goes well, and each rule has met something."""
        self.rules = list(rules)
        try:
            yield
        finally:
            self.rules = []
        unmet = [f"{rule.method} {rule.pattern}" for rule in rules if not rule.met]
        assert unmet == []

    def rule_for(self, call: Call) -> Rule | None:
        with self._lock:
            self.calls.append(call)
            rule = next((rule for rule in self.rules if rule.meets(call.method, call.path)), None)
            return rule or self.choose(call)

    def remember(self) -> None:
        """What stale answers are from."""
        self._version = self._cluster.api().request("GET", "/api/v1/namespaces?limit=1")["metadata"]["resourceVersion"]

    def before(self, path: str) -> tuple[int, bytes]:
        """The answer to a read of the cluster as it was at `remember`: lists can be had of any version that is kept."""
        where, _, query = path.partition("?")
        at = {"resourceVersion": self._version, "resourceVersionMatch": "Exact"}
        if "limit" in (given := dict(parse_qsl(query))):
            return self._read(f"{where}?{urlencode({**given, **at})}")
        collection, _, name = where.rpartition("/")
        status, body = self._read(f"{collection}?{urlencode({'fieldSelector': f'metadata.name={name}', **at})}")
        if status != 200:
            return status, body
        listed = json.loads(body)
        if not listed["items"]:
            return 404, json.dumps({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}).encode()
        kind = listed["kind"].removesuffix("List")
        return 200, json.dumps({"apiVersion": listed["apiVersion"], "kind": kind, **listed["items"][0]}).encode()

    def _read(self, path: str) -> tuple[int, bytes]:
        connection = self.upstream()
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._cluster.token_of(ADMIN.name)}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    @contextmanager
    def choosing(self, choose: Callable[[Call], Rule | None]) -> Iterator[None]:
        """While it lasts this decides what becomes of each call; afterwards all that waited here is dropped."""
        self._released.clear()
        self.choose = choose
        try:
            yield
        finally:
            self.choose = lambda _: None
            self._released.set()

    def capped(self, path: str, body: bytes) -> bytes:
        """A request for a token that asks for no more than may be granted."""
        if self.cap is None or not path.endswith("/token"):
            return body
        request = json.loads(body)
        request["spec"]["expirationSeconds"] = min(self.cap, request["spec"]["expirationSeconds"])
        return json.dumps(request).encode()

    def token_in(self, path: str, answer: http.client.HTTPResponse) -> bytes | None:
        """The answer to a request for a token, which is kept; None: it was none."""
        if not path.endswith("/token") or answer.status != 201:
            return None
        data = answer.read()
        self.minted.append(json.loads(data)["status"]["token"])
        return data

    def wait(self) -> None:
        """What is held stays until no client waits for it any more."""
        self._released.wait(120)

    def upstream(self) -> http.client.HTTPSConnection:
        address = urlsplit(self._cluster.url)
        context = ssl.create_default_context(cafile=str(self._cluster.ca_file))
        return http.client.HTTPSConnection(address.hostname or "", address.port, context=context, timeout=60)


_REASONS = {403: "Forbidden", 409: "Conflict", 429: "TooManyRequests", 500: "InternalError"}
_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "host"}


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = proxy.capped(self.path, body)
            rule = proxy.rule_for(Call(self.command, self.path, body))
            fate = rule.fate if rule else None
            if rule and fate is Fate.REFUSED:
                self._refuse(rule)
                return
            if fate is Fate.STALE:
                self._answer(*proxy.before(self.path))
                return
            self.close_connection = fate in (Fate.DROPPED, Fate.UNANSWERED, Fate.HELD, Fate.UNREPORTED)
            if fate is Fate.HELD:
                proxy.wait()
            if fate in (Fate.DROPPED, Fate.HELD):
                return
            # A client that gives up, and a server that is away, are what this is for.
            with suppress(OSError, http.client.HTTPException):
                connection = proxy.upstream()
                try:
                    headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                    connection.request(self.command, self.path, body or None, headers)
                    answer = connection.getresponse()
                    token = proxy.token_in(self.path, answer)
                    if fate in (Fate.UNANSWERED, Fate.UNREPORTED):
                        answer.read()
                        if fate is Fate.UNREPORTED:
                            proxy.wait()
                        return
                    if rule:
                        time.sleep(rule.seconds)
                    if token:
                        self._answer(answer.status, token)
                    else:
                        self._pass_on(answer)
                    return
                finally:
                    connection.close()
            self.close_connection = True

        def _refuse(self, rule: Rule) -> None:
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": rule.status}
            status |= {"reason": _REASONS.get(rule.status, ""), "message": "a fault that was asked for"}
            self._answer(rule.status, json.dumps(status).encode(), rule.headers)

        def _answer(self, status: int, data: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _pass_on(self, answer: http.client.HTTPResponse) -> None:
            """Piece by piece: a watch has no end."""
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            if answer.status in (204, 304):
                self.end_headers()
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while piece := answer.read1(65536):
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler
