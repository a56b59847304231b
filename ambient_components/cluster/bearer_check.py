"""Authentication checks of bearer tokens at the API server, without the deployer's credentials."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.cluster.kubeconfig import connect, what_is_wrong
from ambient_components.errors import StepError

_REVIEW: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_KIND: Final = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
_TOKEN = re.compile(r"[A-Za-z0-9_.=~+/-]+")
_TIMEOUT: Final = (5.0, 10.0)  # seconds to connect, seconds to read
_SHARED: Final = ("host", "verify_ssl", "ssl_ca_cert", "assert_hostname", "tls_server_name", "proxy", "no_proxy")
"""The settings of a kubeconfig that are needed to reach the server, without credentials."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 0
    """The HTTP status. 0 for no answer."""
    username: str = ""
    """The user name of the token."""
    uid: str = ""
    """The user's UID, which is the ServiceAccount's UID."""
    groups: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the cluster rejected the token (401). A proxy's 403 or 502 proves nothing."""
        return self.status == 401

    @property
    def accepted(self) -> bool:
        return bool(self.username)


class Bearers:
    """A client for a cluster without credentials of its own.

    Args:
        context: The kubeconfig's context. None means the current one.
    """

    def __init__(self, context: str | None) -> None:
        from kubernetes import client  # noqa: PLC0415  # a quarter of a second

        settings, bare = client.Configuration(), client.Configuration()
        try:
            connect(settings, context).close()
        except Exception as error:  # the client raises arbitrary exceptions for a broken file
            msg = f"no cluster to ask: {what_is_wrong(str(error))}"
            raise StepError(msg, "see KUBECONFIG") from None
        for name in _SHARED:
            setattr(bare, name, getattr(settings, name, None))
        bare.retries = 1
        self._api: Any = client.ApiClient(bare)
        self.server = str(bare.host)

    def ask(self, token: str) -> Answer:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        if not _TOKEN.fullmatch(token):
            return Answer(401)  # no server accepts it, and the client's error would quote it
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        try:
            request = self._api.param_serialize("POST", _REVIEW, header_params=headers, body=_KIND)
            response = self._api.call_api(*request, _request_timeout=_TIMEOUT)
            response.read()
        except HTTPError:
            return Answer()
        return Answer(int(response.status), *_user(response.data))


def _user(data: bytes | str | None) -> tuple[str, str, tuple[str, ...]]:
    try:
        user = json.loads(data or "")["status"]["userInfo"]
        return str(user["username"]), str(user.get("uid") or ""), tuple(map(str, user.get("groups") or ()))
    except (ValueError, TypeError, KeyError, AttributeError):
        return "", "", ()
