"""A stand-in for MinIO: its admin API for users, policies and access keys, over real HTTP on 127.0.0.1.

This is no MinIO. The server can't be had where these tests run, so the driver is checked against the protocol: what the
`minio` package sends, and what MinIO's sources do with it (`minio_iam` says which). Requests are checked for their
signature, and bodies are encrypted, as MinIO does. It keeps no objects: `opens` says what a key could do with them.
"""

import hashlib
import json
import re
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from minio.credentials import Credentials
from minio.crypto import encrypt
from minio.signer import sign_v4_s3

from tests.support.minio_iam import COMMANDS, NOT_READY, AccessKey, MinioIam, RefusalError

MAX_SKEW = timedelta(minutes=15)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]*)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)"
)


class MinioStandIn(MinioIam):
    """The store, from the making of it until the end of its `with`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self._scheme = "https" if tls else "http"
        self.requests: list[str] = []
        """Commands, in the order in which they were obeyed."""
        self.unavailable = 0
        """How many requests are still turned away, as by a server that starts."""
        self.instead: tuple[int, str, str] | None = None
        """Status, type and body of every answer, as if there were no MinIO at all."""
        self.cut: tuple[int, str] | None = None
        """The connection is cut once, at the request of this number, from 0: before or after it was obeyed."""
        self.then: dict[str, Callable[[], object]] = {}
        """What happens once a command was obeyed, before it is answered."""
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> "MinioStandIn":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.host}"


def _handler(store: MinioStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def date_time_string(self, timestamp=None):
            return format_datetime(store.now(), usegmt=True)

        def log_message(self, *_):
            pass

        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with store.lock:
                number = len(store.requests)
                if store.instead:
                    status, kind, text = store.instead
                    answer = status, kind, text.encode()
                elif store.cut == (number, "before"):
                    answer = None
                else:
                    try:
                        answer = self._obey(body)
                    except RefusalError as refusal:
                        answer = refusal.status, *self._reported(refusal)
                    if store.cut == (number, "after") and len(store.requests) > number:
                        answer = None
                if answer is None:
                    store.cut, self.close_connection = None, True
                else:
                    self._send(*answer)

        def _obey(self, body):
            if store.unavailable:
                store.unavailable -= 1
                raise NOT_READY
            caller = _caller(store, self.command, self.path, self.headers, body)
            parts = urlsplit(self.path)
            version, _, name = parts.path.removeprefix("/minio/admin/").partition("/")
            if version != "v3" or (self.command, name) not in COMMANDS:
                reported = f"Unexpected client 'admin' API version found '{version}'"
                raise RefusalError(426, "XMinioAdminVersionMismatch", reported)
            command, status = COMMANDS[self.command, name]
            store.requests.append(name)
            received = command(store, caller, dict(parse_qsl(parts.query, keep_blank_values=True)), body)
            store.then.get(name, lambda: None)()
            if isinstance(received, str):
                return status, "application/json", encrypt(received.encode(), store.secret_of(caller))
            return status, "application/json", b"" if received is None else json.dumps(received).encode()

        def _reported(self, refusal):
            if refusal.xml:
                text = f"<Error><Code>{refusal.code}</Code><Message>{refusal.message}</Message></Error>"
                return "application/xml", text.encode()
            received = {"Code": refusal.code, "Message": refusal.message, "Resource": urlsplit(self.path).path}
            return "application/json", json.dumps({**received, "RequestId": "1", "HostId": "2"}).encode()

        def _send(self, status, kind, data):
            self.send_response(status)
            if status == 503:
                self.send_header("Retry-After", "60")  # writeErrorResponse
            if 300 <= status < 400:
                self.send_header("Location", f"{store.url}/minio/admin/v3/moved")
            if status != 204:
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

    return Handler


def _caller(store: MinioStandIn, method: str, path: str, headers, body: bytes) -> str:
    """Who signed a request: setAuthMiddleware, doesSignatureMatch, isReqAuthenticated; any region does."""
    found = _AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
    if not found:
        raise RefusalError(403, "AccessDenied", "Access Denied.", xml=True)
    caller, region, signed, signature = found.groups()
    moment = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(store.now() - moment) > MAX_SKEW:
        reported = "The difference between the request time and the server's time is too large."
        raise RefusalError(403, "RequestTimeTooSkewed", reported, xml=True)
    secret = store.secret_of(caller)
    known = store.keys.get(caller) or store.users.get(caller)
    over = isinstance(known, AccessKey) and known.end is not None and known.end < store.now()
    if secret is None or over or (known and known.status in ("off", "disabled")):
        reported = "The Access Key Id you provided does not exist in our records."
        raise RefusalError(403, "InvalidAccessKeyId", reported)
    digest = headers["x-amz-content-sha256"]
    expected = sign_v4_s3(
        method=method,
        url=urlsplit(path),
        region=region,
        headers={name: headers[name] for name in signed.split(";")},
        credentials=Credentials(caller, secret),
        content_sha256=digest,
        date=moment,
    )
    if not expected["Authorization"].endswith(f"Signature={signature}"):
        reported = "The request signature we calculated does not match the signature you provided."
        raise RefusalError(403, "SignatureDoesNotMatch", reported)
    if hashlib.sha256(body).hexdigest() != digest:
        reported = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise RefusalError(400, "XAmzContentSHA256Mismatch", reported)
    return caller
