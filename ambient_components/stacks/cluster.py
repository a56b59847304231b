"""The cluster of a command: its identity and its endpoint.

Local files are read directly if they are sufficient. Otherwise the provider's connection is used.
"""

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from ambient_components.cluster.client import cause_of
from ambient_components.cluster.kubeconfig import connect, files, location, what_is_wrong
from ambient_components.errors import AmbientError, Problem, stop

OPENSHIFT_GROUP: Final = "project.openshift.io"
"""An API group that only OpenShift serves."""

_TIMEOUT = (5.0, 20.0)  # seconds to connect, seconds to read


@dataclass(frozen=True)
class ClusterFacts:
    uid: str
    """The uid of the kube-system namespace, which is the same for every address of the cluster."""
    openshift: bool | None
    """None if it was not asked."""
    server: str


@dataclass(frozen=True)
class Endpoint:
    """The API server's address for a client without a kubeconfig."""

    server: str
    ca: bytes | None = None
    """The CA certificate in PEM. None if the system trusts the server's certificate."""
    ca_file: Path | None = None
    """The file with the CA certificate, if any."""


def identify(context: str | None, environ: Mapping[str, str] = os.environ) -> ClusterFacts:
    """Return the identity of a context's cluster. None means the current context."""
    from kubernetes import client  # noqa: PLC0415  # a quarter of a second
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    settings = client.Configuration()
    settings.retries = 1
    with _without_quotes(location(environ), "set KUBECONFIG, name another --context, or give --cluster-uid"):
        connected = connect(settings, context, environ)
    try:
        with connected as api:
            system: Any = client.CoreV1Api(api).read_namespace("kube-system", _request_timeout=_TIMEOUT)
            groups = client.ApisApi(api).get_api_versions(_request_timeout=_TIMEOUT).groups
    except client.ApiException as error:
        stop(
            f"the cluster at {settings.host} doesn't say who it is: {error.status} {error.reason}",
            "log in to it again, or give its uid: --cluster-uid "
            "$(kubectl get namespace kube-system -o jsonpath={.metadata.uid})",
        )
    except HTTPError as error:
        stop(
            f"the cluster at {settings.host} does not answer ({cause_of(error)})",
            f"check KUBECONFIG and {f'the context {context!r}' if context else '--context'}, or give --cluster-uid",
        )
    return ClusterFacts(
        str(system.metadata.uid), any(group.name == OPENSHIFT_GROUP for group in groups), str(settings.host)
    )


def contexts(environ: Mapping[str, str] = os.environ) -> tuple[list[str], str | None]:
    """Return the kubeconfig's contexts and the current one. Empty without a kubeconfig."""
    with _without_quotes(location(environ)):
        config = _merged(environ)
        if config is None:
            return [], None
        return [str(item["name"]) for item in config.get("contexts") or ()], config.get("current-context")


def endpoint(context: str | None, environ: Mapping[str, str] = os.environ) -> Endpoint | None:
    """Return the endpoint of a context from the files alone, without a request. None if they don't have it."""
    with _without_quotes(location(environ)):
        return _endpoint(context, _merged(environ))


def _endpoint(context: str | None, config: dict[str, Any] | None) -> Endpoint | None:
    if config is None:
        return None
    desired = context or config.get("current-context")
    entry = next((item["context"] for item in config.get("contexts") or () if item["name"] == desired), None)
    named = entry and next(
        (item["cluster"] for item in config.get("clusters") or () if item["name"] == entry.get("cluster")), None
    )
    if not named or not named.get("server"):
        return None
    if data := named.get("certificate-authority-data"):
        return Endpoint(named["server"], base64.b64decode(data))
    if file := named.get("certificate-authority"):
        path = Path(file)
        return Endpoint(named["server"], path.read_bytes() if path.is_file() else None, path)
    return Endpoint(named["server"])


@contextmanager
def _without_quotes(where: object, hint: str = "fix it, or set KUBECONFIG to another") -> Iterator[None]:
    """Replace exceptions from parsing a broken file by our own message, because theirs could quote tokens."""
    try:
        yield
    except AmbientError:
        raise
    except Exception as error:
        reported = what_is_wrong(str(error))
        raise AmbientError([Problem(None, "", f"no cluster to talk to: {where}: {reported}", (hint,))]) from None


def _merged(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Merge the files by kubectl's rule: the first one that defines a name wins. Relative paths become absolute."""
    merged: dict[str, Any] = {}
    for path in files(environ):
        with _without_quotes(path):
            data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            for item in data.get("clusters") or ():
                cluster = item.get("cluster") or {}
                if file := cluster.get("certificate-authority"):
                    cluster["certificate-authority"] = str(path.parent / file)
            for section in ("clusters", "contexts"):
                known = merged.setdefault(section, [])
                names = {item["name"] for item in known}
                known += [item for item in data.get(section) or () if item.get("name") not in names]
            merged["current-context"] = merged.get("current-context") or data.get("current-context")
    return merged or None
