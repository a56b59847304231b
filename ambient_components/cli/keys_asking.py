"""Asks the API server for whom it takes a bearer token: with that token, and nothing of the deployer's."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.connection import connect
from ambient_components.failure import StepError
from ambient_components.kubeconfig import what_is_wrong

_REVIEW: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_KIND: Final = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
_TOKEN = re.compile(r"[A-Za-z0-9_.=~+/-]+")
_TIMEOUT: Final = (5.0, 10.0)  # seconds to connect, seconds to answer
_SHARED: Final = ("host", "verify_ssl", "ssl_ca_cert", "assert_hostname", "tls_server_name", "proxy", "no_proxy")
"""What a client needs of a kubeconfig to reach the server, without what it logs in with."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said to a token."""

    status: int = 0
    """Of HTTP; 0 for no answer."""
    username: str = ""
    """The user that it takes the token for."""
    uid: str = ""
    """The UID of that user: of a ServiceAccount its own."""

    @property
    def refused(self) -> bool:
        """Whether the token is no credential of this cluster. A proxy's 403 or 502 proves nothing."""
        return self.status == 401

    @property
    def accepted(self) -> bool:
        """Whether the API server knows the user."""
        return bool(self.username)


class Bearers:
    """A client of a cluster that has no credentials of its own.

    Args:
        context: The kubeconfig's context; None for the current one.

    Raises:
        StepError: The kubeconfig leads to no cluster.
    """

    def __init__(self, context: str | None) -> None:
        from kubernetes import client  # noqa: PLC0415  # a quarter of a second

        settings, bare = client.Configuration(), client.Configuration()
        try:
            connect(settings, context).close()
        except Exception as error:  # the client raises whatever a broken file makes it stumble over
            msg = f"no cluster to ask: {what_is_wrong(str(error))}; see KUBECONFIG"
            raise StepError(msg) from None
        for name in _SHARED:
            setattr(bare, name, getattr(settings, name, None))
        bare.retries = 1
        self._api: Any = client.ApiClient(bare)

    def ask(self, token: str) -> Answer:
        """Ask who the bearer of a token is."""
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        if not _TOKEN.fullmatch(token):
            return Answer(401)  # no server reads it, and the client's error would quote it
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        try:
            request = self._api.param_serialize("POST", _REVIEW, header_params=headers, body=_KIND)
            response = self._api.call_api(*request, _request_timeout=_TIMEOUT)
            response.read()
        except HTTPError:
            return Answer()
        return Answer(int(response.status), *_user(response.data))


def _user(data: bytes | str | None) -> tuple[str, str]:
    try:
        user = json.loads(data or "")["status"]["userInfo"]
        return str(user["username"]), str(user.get("uid") or "")
    except (ValueError, TypeError, KeyError, AttributeError):
        return "", ""
