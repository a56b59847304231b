"""Requests to the API server as any user with any groups: the administrator impersonates them."""

import http.client
import json
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, urlsplit

from sandbox.cluster import Cluster


@dataclass(frozen=True)
class Answer:
    status: int
    message: str
    """What the API server says of a refusal; empty where the request was taken."""

    warnings: tuple[str, ...]

    @property
    def taken(self) -> bool:
        return self.status in (200, 201, 202)


@dataclass
class Callers:
    """One connection to the API server, as its administrator."""

    cluster: Cluster

    @cached_property
    def connection(self) -> http.client.HTTPSConnection:
        url = urlsplit(self.cluster.url)
        context = ssl.create_default_context(cafile=str(self.cluster.ca_file))
        return http.client.HTTPSConnection(str(url.hostname), url.port, context=context, timeout=30)

    @cached_property
    def token(self) -> str:
        return self.cluster.token_of("sandbox-admin")

    def send(self, caller: "Caller", method: str, path: str, body: object, kind: str) -> Answer:
        self.connection.putrequest(method, path)
        headers = [("Authorization", f"Bearer {self.token}"), ("Content-Type", kind), *caller.headers()]
        encoded = b"" if body is None else json.dumps(body).encode()
        for name, value in (*headers, ("Content-Length", str(len(encoded)))):
            self.connection.putheader(name, value)
        self.connection.endheaders(encoded)
        answer = self.connection.getresponse()
        text = answer.read()
        warnings = tuple(answer.headers.get_all("Warning") or ())
        message = "" if answer.status < 300 else str(json.loads(text).get("message", text))
        return Answer(answer.status, message, warnings)


@dataclass(frozen=True)
class Caller:
    """A user as the API server knows it after its login. Without a name it is the administrator."""

    name: str = ""
    groups: tuple[str, ...] = field(default=())

    def headers(self) -> list[tuple[str, str]]:
        if not self.name:
            return []
        groups = [("Impersonate-Group", group) for group in (*self.groups, "system:authenticated")]
        return [("Impersonate-User", self.name), *groups]


ADMINISTRATOR = Caller()


def account(namespace: str, name: str) -> Caller:
    """A ServiceAccount, as its token is read."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return Caller(f"system:serviceaccount:{namespace}:{name}", groups)


def dry(path: str) -> str:
    """The path of a request that goes through authorization and admission, and changes nothing."""
    return f"{quote(path)}?dryRun=All"
