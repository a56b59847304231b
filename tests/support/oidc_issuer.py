"""An OIDC issuer of the tests' own on this machine: its description and keys over TLS, and tokens of any user."""

import json
import ssl
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from sandbox.cluster import Cluster

AUDIENCE = "ambient"
"""The client that the tokens are for."""


class Issuer:
    """It listens on 127.0.0.1, with the API server's certificate, while it is entered."""

    def __init__(self, cluster: Cluster, name: str = "") -> None:
        """Take its address for its name, unless it stands in for another issuer."""
        self._certificate = cluster.ca_file
        self._key = RSAKey.generate_key(2048, {"kid": "tests", "use": "sig", "alg": "RS256"})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._certificate.with_suffix(".key"))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"https://127.0.0.1:{self._server.server_port}"
        self.url = name or self.address
        self.more: dict[str, Any] = {}
        """Further pages by path."""

    def __enter__(self) -> "Issuer":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, user: str, groups: Iterable[str] = (), **claims: Any) -> str:
        """Return a token of an hour; `claims` replace others."""
        now = int(time.time())
        own = {"iss": self.url, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + 3600}
        names = {"preferred_username": user, "email": user, "groups": [*groups]}
        return jwt.encode({"alg": "RS256", "kid": "tests"}, {**own, **names, **claims}, self._key)

    def api_server_flags(self, prefix: str) -> list[str]:
        """Return flags with which the API server takes the tokens, with a prefix before names and groups."""
        return [
            f"--oidc-issuer-url={self.url}",
            f"--oidc-client-id={AUDIENCE}",
            f"--oidc-ca-file={self._certificate}",
            "--oidc-username-claim=preferred_username",
            f"--oidc-username-prefix={prefix}",
            "--oidc-groups-claim=groups",
            f"--oidc-groups-prefix={prefix}",
        ]

    def found_here(self) -> dict[str, str]:
        """Return fields of an AuthenticationConfiguration with which the API server finds it."""
        own = self.url == self.address
        where = {} if own else {"discoveryURL": f"{self.address}/.well-known/openid-configuration"}
        return {**where, "certificateAuthority": self._certificate.read_text()}

    def backend_variables(self) -> dict[str, str]:
        """Return variables with which the platform's backend signs the users on itself."""
        trusted = {"SSL_CERT_FILE": str(self._certificate)}
        return {"SSO_ENABLED": "true", "SSO_ISSUER_URL": self.url, "SSO_AUDIENCE": AUDIENCE, **trusted}

    def pages(self) -> dict[str, Any]:
        """Return what is served, by path."""
        description = {
            "issuer": self.url,
            "jwks_uri": f"{self.address}/keys",
            "authorization_endpoint": f"{self.address}/login",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        keys = {"keys": [self._key.as_dict(private=False)]}
        return {"/.well-known/openid-configuration": description, "/keys": keys, **self.more}


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = issuer.pages().get(self.path)
            body = json.dumps(page).encode()
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
