"""What a GitLab job asks for: GitLab's generic packages, and a credential of AWS for its ID token."""

import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs

_CREDENTIAL = """\
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>
<SessionToken></SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>
"""


class GitLabServer(ThreadingHTTPServer):
    """Serves files at the paths where they were put, and a credential of one role for one ID token."""

    daemon_threads = True

    def __init__(self, role: str, access_key: str, secret_key: str) -> None:
        self.files: dict[str, bytes] = {}
        self.job_token, self.id_token = secrets.token_hex(), secrets.token_hex()
        self.role, self.credential = role, _CREDENTIAL.format(access_key, secret_key)
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: GitLabServer

    def do_GET(self) -> None:
        self._answer(self.server.files.get(self.path) if self._has_token() else None)

    def do_PUT(self) -> None:
        body = self._body()
        if self._has_token():
            self.server.files[self.path] = body
        self._answer(b"" if self._has_token() else None)

    def do_POST(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self._body().decode()).items()}
        desired = {"RoleArn": self.server.role, "WebIdentityToken": self.server.id_token}
        self._answer(self.server.credential.encode() if desired.items() <= form.items() else None)

    def _has_token(self) -> bool:
        return self.headers.get("JOB-TOKEN") == self.server.job_token

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, body: bytes | None) -> None:
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        pass
