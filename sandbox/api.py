"""The sandbox's own requests to its API server, with only the standard library.

They are few: readiness, one uid and some server-side applies. Importing the Kubernetes client would take 0.25 s in
every command, and it is untyped. TLS is verified.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from sandbox.errors import SandboxError

_FIELD_MANAGER = "ambient-sandbox"


class ApiError(SandboxError):
    """An error status from the API server."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Api:
    """An API server, used as one user."""

    url: str
    ca_file: Path
    token: str

    def request(self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json") -> Any:
        """Send a request and return the parsed answer.

        Raises:
            OSError: The server does not answer.
            ApiError: The server answered with an error status.
        """
        request = urllib.request.Request(  # noqa: S310 - always https, on loopback
            self.url + path,
            data=body,
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": content_type},
        )
        context = ssl.create_default_context(cafile=str(self.ca_file))
        # No proxy: HTTPS_PROXY must not apply to 127.0.0.1.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(request, timeout=30) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                detail = error.read().decode(errors="replace")
            message = f"{method} {path}: {error.code} {detail.strip()}"
            raise ApiError(error.code, message) from error
        return json.loads(text) if text[:1] in "{[" else text

    def ready(self) -> bool:
        """Tell whether /readyz reports ok. False if the port is closed."""
        try:
            return bool(self.request("GET", "/readyz") == "ok")
        except (OSError, ApiError):
            return False

    def apply(self, document: dict[str, Any]) -> None:
        """Apply an object on the server side. Its path comes from the API server's discovery."""
        group_version = str(document["apiVersion"])
        base = f"/api/{group_version}" if "/" not in group_version else f"/apis/{group_version}"
        kind, metadata = document["kind"], document["metadata"]
        resource = self._resource(base, str(kind))
        namespace = f"/namespaces/{metadata.get('namespace', 'default')}" if resource["namespaced"] else ""
        name = quote(str(metadata["name"]), safe="")
        path = f"{base}{namespace}/{resource['name']}/{name}?fieldManager={_FIELD_MANAGER}&force=true"
        self.request("PATCH", path, yaml.safe_dump(document).encode(), "application/apply-patch+yaml")

    def _resource(self, base: str, kind: str) -> dict[str, Any]:
        for resource in self.request("GET", base)["resources"]:
            # A subresource such as namespaces/status has the same kind.
            if resource["kind"] == kind and "/" not in resource["name"]:
                return dict(resource)
        message = f"The API server knows no {kind} in {base}."
        raise SandboxError(message)
