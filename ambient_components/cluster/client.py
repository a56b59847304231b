"""HTTP access to the cluster: a kubeconfig read as kubectl reads it, a few verbs, and errors as text.

The client is the official ``kubernetes`` package (docs/internals/adr/0003). It covers exec plugins, client
certificates, merged KUBECONFIG lists, ``proxy-url``, proxy variables and in-cluster accounts. Only its transport is
used: objects are plain dicts, so nothing depends on generated models.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from ambient_components.cluster.kubeconfig import connect, location, what_is_wrong
from ambient_components.cluster.objects import mapping, mappings, shallow, text
from ambient_components.errors import StepError
from ambient_components.platform.contract import PLATFORM_API_GROUP, PLATFORM_API_VERSION

_TIMEOUT = (5.0, 30.0)  # seconds to connect, seconds to answer
_JSON = "application/json"
_METADATA: Final = f"{_JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{_JSON}"
"""Metadata only; whole objects from a server that can't leave out the rest."""
_METADATA_LIST: Final = _METADATA.replace("Metadata;", "MetadataList;")
_PAGE: Final = 500
"""Objects per page of a list request."""
_LONGEST_PAGE: Final = 4 * 1024 * 1024
"""Maximum size in bytes of a page with several objects. Parsed, it may need 20 times as much, in each parallel step."""
_MOST: Final = 16 * 1024 * 1024
"""Maximum size of any other response in bytes; one object has at most about 1.5 MiB, which escapes may multiply."""


class ApiError(StepError):
    def __init__(self, status: int, message: str, following: str = "", reply: str = "", hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.reply = reply
        """The server's own message. Kubernetes gives nothing else that tells some refusals apart."""
        self.following = following
        """Continue token after the snapshot of a list expired (status 410)."""

    @property
    def lacks_right(self) -> bool:
        """Whether RBAC refused the request; quotas and admission policies refuse with 403 too."""
        return self.status == 403 and " cannot " in self.reply


class TooLargeError(StepError):
    """A response larger than its limit."""


class Cluster:
    """One cluster, connected on first use. Without a context: the current one, or the pod's own account."""

    def __init__(self, context: str | None = None, kubeconfig: str | None = None) -> None:
        self._context = context
        self._kubeconfig = kubeconfig
        self._lock = threading.Lock()
        self._client: Any = None

    def get(self, path: str, *, metadata: bool = False) -> dict[str, Any] | None:
        try:
            return self._request("GET", path, accept=_METADATA if metadata else _JSON)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path: str, selector: str | None = None) -> list[dict[str, Any]]:
        return [*self.each(path, selector)]

    def each(
        self, path: str, selector: str | None = None, *, name: str | None = None, metadata: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yield the objects of a collection, page by page, so that at most one page is in memory.

        Workspace users decide the number and the size of most objects. Callers keep only what they need of each.

        Args:
            name: Only the objects with this name, one in each namespace. The right to list this name is then enough.
            metadata: Yield only the metadata. The rest, such as the data of a Secret, is not even requested.
        """
        limit = _PAGE
        given = {"labelSelector": selector, "fieldSelector": name and f"metadata.name={name}"}
        query = {parameter: value for parameter, value in given.items() if value}
        accept = _METADATA_LIST if metadata else _JSON
        while True:
            where = f"{path}?{urlencode({'limit': str(limit), **query})}"
            try:
                page = self._request("GET", where, accept=accept, most=_LONGEST_PAGE if limit > 1 else None)
            except TooLargeError:
                if limit == 1:
                    raise
                limit = max(1, limit // 4)
                continue
            except ApiError as error:
                # The snapshot of the list expired: the rest comes from a newer one.
                if error.status != 410 or not error.following or error.following == query.get("continue"):
                    raise
                query["continue"] = error.following
                continue
            for item in mappings(page.get("items")):
                yield {"metadata": item.get("metadata")} if metadata else dict(item)
            following = text(mapping(page.get("metadata")).get("continue"))
            if not following:
                return
            query["continue"] = following
            # A few large objects must not slow down the list of all others.
            limit = min(_PAGE, limit * 2)

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._request("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any], *, metadata: bool = False) -> dict[str, Any]:
        """Apply a JSON merge patch (RFC 7386), to the resourceVersion that it may have, and return the object."""
        accept = _METADATA if metadata else _JSON
        return self._request("PATCH", path, body, "application/merge-patch+json", accept)

    def apply(self, path: str, body: Mapping[str, Any], manager: str) -> dict[str, Any]:
        """Apply the fields of a field manager, all of them: those of before that are left out are removed."""
        where = f"{path}?{urlencode({'fieldManager': manager, 'force': 'true'})}"
        # JSON as text: the client does not know how to write this type.
        return self._request("PATCH", where, json.dumps(body), "application/apply-patch+yaml")

    def delete(self, path: str, uid: str | None = None, version: str | None = None) -> bool:
        given = {"uid": uid, "resourceVersion": version}
        conditions = {name: value for name, value in given.items() if value}
        body = {"preconditions": conditions} if conditions else None
        try:
            self._request("DELETE", path, body, accept=_METADATA)
        except ApiError as error:
            # The precondition failed: the object of this name has another uid or version.
            if error.status == 404 or (error.status == 409 and "recondition" in error.reply):
                return False
            raise
        return True

    def endpoint(self) -> tuple[str, str | None]:
        """Return the server's address, and the certificates that it is checked with; None: those of the system."""
        settings = self._connected().configuration
        trusted = settings.ssl_ca_cert if settings.verify_ssl else None
        return str(settings.host), Path(trusted).read_text(encoding="utf-8") if trusted else None

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None = None,
        content: str = _JSON,
        accept: str = _JSON,
        most: int | None = None,
    ) -> dict[str, Any]:
        client = self._connected()
        from urllib3.exceptions import HTTPError  # noqa: PLC0415  # as late as the client itself

        most = most or _MOST
        headers = {"Accept": accept, **({"Content-Type": content} if body is not None else {})}
        try:
            request = client.param_serialize(
                method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            response = client.call_api(*request, _request_timeout=_TIMEOUT)
            answer = response.response.read(most + 1)
        except HTTPError as error:
            raise self._unreachable(error) from None
        if len(answer) > most:
            response.response.close()
            msg = f"{method} {path.split('?', maxsplit=1)[0]}: the answer is longer than {most >> 20} MiB"
            raise TooLargeError(msg)
        data = _parsed(answer)
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
        return StepError(
            f"the cluster at {host} does not answer ({cause_of(error)})",
            f"check KUBECONFIG and the context{f' {self._context!r}' if self._context else ''}",
            "or run: kubectl cluster-info",
        )

    def _refused(self, method: str, path: str, status: int, data: Any) -> ApiError:
        if isinstance(data, dict):
            message = str(data.get("message") or data.get("reason") or "no reason given")
        else:
            message = "the answer is not an API server's: is a proxy or a login page in between?"
            data = {}
        following, reply = text(mapping(data.get("metadata")).get("continue")), text(data.get("message"))
        hint = ""
        if status == 401:
            message = f"the credentials of the kubeconfig are refused ({message})"
            hint = "log in to the cluster again, or, in a pipeline, give it a new token of the deployer"
        return ApiError(
            status, f"{method} {path.split('?', maxsplit=1)[0]}: {status}: {message}", following, reply, hint
        )


def cause_of(error: Exception) -> str:
    return re.sub(r"^[^:\[]*(Connection|Object|Error)[^:\[]*: ", "", str(getattr(error, "reason", None) or error))


def _parsed(answer: bytes) -> Any:
    message = answer.decode(errors="replace")
    try:
        try:
            return json.loads(message) if message else {}
        except RecursionError:
            return json.loads(shallow(message))
    except ValueError:
        return None


def path(*segments: str) -> str:
    """Return an API path of escaped segments, so that a name with a slash cannot reach another object."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def core(*segments: str) -> str:
    return path("api", "v1", *segments)


def merge_config_map(
    cluster: Cluster,
    namespace: str,
    name: str,
    data: Mapping[str, str | None],
    annotations: Mapping[str, str] | None = None,
) -> None:
    """Set keys of a ConfigMap, and delete those that are None. Others may write other keys at the same time.

    It is made if it is missing. No right to read is needed.
    """
    collection = core("namespaces", namespace, "configmaps")
    metadata = {"name": name, "annotations": dict(annotations or {})}
    kept = {key: text for key, text in data.items() if text is not None}
    for _ in range(2):
        try:
            cluster.patch(f"{collection}/{name}", {"metadata": metadata, "data": dict(data)})
        except ApiError as error:
            if error.status != 404:
                raise
        else:
            return
        try:
            cluster.create(collection, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": kept})
        except ApiError as error:
            if error.status != 409:  # another process has made it
                raise
        else:
            return


def of_platform(namespace: str, *parts: str) -> str:
    return path("apis", PLATFORM_API_GROUP, PLATFORM_API_VERSION, "namespaces", namespace, *parts)


def _connect(context: str | None, kubeconfig: str | None) -> Any:
    # A slow import, and most steps of most runs do not use the cluster.
    import urllib3  # noqa: PLC0415
    from kubernetes import client  # noqa: PLC0415

    settings = client.Configuration()
    # The server rejects 429 and 503 before it reads the request, so any verb is retried. After a read nothing is.
    settings.retries = urllib3.Retry(
        total=6, connect=2, read=0, other=0, status=5, allowed_methods=None, status_forcelist=(429, 503),
        backoff_factor=0.2, raise_on_status=False,
    )  # fmt: skip
    # At least as many connections as the engine runs steps in parallel on an ordinary machine.
    settings.connection_pool_maxsize = 32
    try:
        return connect(settings, context, contents=kubeconfig)
    except Exception as error:  # the client raises many types for a broken file
        where = "the kubeconfig given" if kubeconfig is not None else location()
        message = what_is_wrong(str(error))
        msg = f"no cluster to talk to: {where}: {message}"
        raise StepError(msg, "set KUBECONFIG, or another context in the stack's config") from None
