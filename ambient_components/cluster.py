"""The cluster over HTTP: a kubeconfig read as kubectl reads it, a few verbs, and errors as text.

The client is the reference one, ``kubernetes`` (docs/adr/0003): exec plugins of the clouds, client certificates, merged
KUBECONFIG lists, ``proxy-url`` and proxies of the environment, in-cluster accounts. Only its transport is used; objects
are plain dicts, so that nothing depends on generated models.
"""

import json
import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ambient_components.connection import connect, location
from ambient_components.failure import StepError
from ambient_components.kubeconfig import what_is_wrong

_TIMEOUT = (5.0, 30.0)  # seconds to connect, seconds to answer
_JSON = "application/json"


class ApiError(StepError):
    """The API server refused a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Cluster:
    """One cluster, connected on first use: a run that changes nothing and checks nothing connects to nothing.

    Args:
        context: the kubeconfig's context; None takes the current one, or the pod's own account.
        kubeconfig: the contents of a kubeconfig, for library users; None reads KUBECONFIG as kubectl does.
    """

    def __init__(self, context: str | None = None, kubeconfig: str | None = None) -> None:
        self._context = context
        self._kubeconfig = kubeconfig
        self._lock = threading.Lock()
        self._client: Any = None

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at a path, or None where there is none."""
        try:
            return self._request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path: str, selector: str | None = None) -> list[dict[str, Any]]:
        """The objects of a collection that a label selector picks, page by page."""
        items: list[dict[str, Any]] = []
        query = {"limit": "500", **({"labelSelector": selector} if selector else {})}
        while True:
            page = self._request("GET", f"{path}?{urlencode(query)}")
            items.extend(page.get("items") or [])
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return items
            query["continue"] = following

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Posts an object (or a subresource request) and returns what the server made of it."""
        return self._request("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Applies a JSON merge patch (RFC 7386); with a resourceVersion in it, to that version of the object alone."""
        return self._request("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str, uid: str | None = None, version: str | None = None) -> bool:
        """Deletes an object. False: it was already gone.

        Args:
            path: of the object.
            uid: this one, and no other of its name.
            version: only as long as it has this resourceVersion.
        """
        given = {"uid": uid, "resourceVersion": version}
        conditions = {name: value for name, value in given.items() if value}
        body = {"preconditions": conditions} if conditions else None
        try:
            self._request("DELETE", path, body)
        except ApiError as error:
            # A precondition that fails: an object of this name exists, but it is another one.
            if error.status == 404 or (error.status == 409 and "recondition" in str(error)):
                return False
            raise
        return True

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, content: str = _JSON
    ) -> dict[str, Any]:
        client = self._connected()
        from urllib3.exceptions import HTTPError  # noqa: PLC0415  # as late as the client itself

        headers = {"Accept": _JSON, **({"Content-Type": content} if body is not None else {})}
        try:
            request = client.param_serialize(
                method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            response = client.call_api(*request, _request_timeout=_TIMEOUT)
            response.read()
        except HTTPError as error:
            raise self._unreachable(error) from None
        try:
            data = json.loads(response.data) if response.data else {}
        except ValueError:
            data = None
        if response.status >= 400 or not isinstance(data, dict):
            raise self._refused(method, path, response.status, data)
        return data

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _connect(self._context, self._kubeconfig)
            return self._client

    def _unreachable(self, error: Exception) -> StepError:
        host = self._client.configuration.host
        cause = re.sub(r"^[^:\[]*(Connection|Object|Error)[^:\[]*: ", "", str(getattr(error, "reason", None) or error))
        return StepError(
            f"the cluster at {host} does not answer ({cause}); check KUBECONFIG and the context"
            f"{f' {self._context!r}' if self._context else ''}, or try: kubectl cluster-info"
        )

    def _refused(self, method: str, path: str, status: int, data: Any) -> ApiError:
        if isinstance(data, dict):
            said = str(data.get("message") or data.get("reason") or "no reason given")
        else:
            said = "the answer is not an API server's: is a proxy or a login page in between?"
        if status == 401:
            said = f"the credentials of the kubeconfig are refused ({said}); log in to the cluster again"
        return ApiError(status, f"{method} {path.split('?', maxsplit=1)[0]}: {status}: {said}")


def path(*segments: str) -> str:
    """An API path of these segments, each escaped: a name with a slash can't reach another object."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def core(*segments: str) -> str:
    """A path in the core API group."""
    return path("api", "v1", *segments)


def _connect(context: str | None, kubeconfig: str | None) -> Any:
    # Imported here: it takes longer than all the rest, and most steps of most runs talk to no cluster.
    import urllib3  # noqa: PLC0415
    from kubernetes import client  # noqa: PLC0415

    settings = client.Configuration()
    # What a server turned away unread (429, 503) is sent again, whatever the verb; what may have been read is not.
    settings.retries = urllib3.Retry(
        total=6, connect=2, read=0, other=0, status=5, allowed_methods=None, status_forcelist=(429, 503),
        backoff_factor=0.2, raise_on_status=False,
    )  # fmt: skip
    # As many kept connections as the engine ever has steps under way on an ordinary machine.
    settings.connection_pool_maxsize = 32
    try:
        return connect(settings, context, contents=kubeconfig)
    except Exception as error:  # the client raises whatever a broken file makes it stumble over
        where = "the kubeconfig given" if kubeconfig is not None else location()
        said = what_is_wrong(str(error))
        msg = f"no cluster to talk to: {where}: {said}; set KUBECONFIG, or another context in the stack's config"
        raise StepError(msg) from None
