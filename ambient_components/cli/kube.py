"""What the commands need of a cluster: which one it is, and how a client reaches it.

Files are read without a client where they alone say enough; else by the connection that the provider has too.
"""

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ambient_components.connection import connect, files, location
from ambient_components.errors import AmbientError, Problem, fail
from ambient_components.kubeconfig import what_is_wrong

OPENSHIFT_GROUP: Final = "project.openshift.io"
"""API group that every OpenShift serves, and nobody else."""

_TIMEOUT = (5.0, 20.0)  # seconds to connect, seconds to answer


@dataclass(frozen=True)
class ClusterFacts:
    """What identifies a cluster."""

    uid: str
    """uid of its kube-system namespace: the same by whichever address it is reached."""
    openshift: bool
    server: str


@dataclass(frozen=True)
class Endpoint:
    """How a client without a kubeconfig reaches the API server."""

    server: str
    ca: bytes | None = None
    """PEM; None: one that the machine trusts anyway."""
    ca_file: Path | None = None
    """A file that holds it, where there is one to name."""


def identify(context: str | None, environ: Mapping[str, str] = os.environ) -> ClusterFacts:
    """Asks the cluster of a context (None: the current one) who it is.

    Raises:
        AmbientError: it can't be reached, or doesn't let us.
    """
    from kubernetes import client  # noqa: PLC0415  # a quarter of a second
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    settings = client.Configuration()
    settings.retries = 1
    with _told(location(environ), "set KUBECONFIG, name another --context, or give --cluster-uid"):
        connected = connect(settings, context, environ)
    try:
        with connected as api:
            system: Any = client.CoreV1Api(api).read_namespace("kube-system", _request_timeout=_TIMEOUT)
            groups = client.ApisApi(api).get_api_versions(_request_timeout=_TIMEOUT).groups
    except client.ApiException as error:
        fail(
            None,
            "",
            f"the cluster at {settings.host} doesn't say who it is: {error.status} {error.reason}",
            "log in to it again, or give its uid: --cluster-uid "
            "$(kubectl get namespace kube-system -o jsonpath={.metadata.uid})",
        )
    except HTTPError as error:
        cause = str(getattr(error, "reason", None) or error).split(": ", 1)[-1]
        fail(
            None,
            "",
            f"the cluster at {settings.host} does not answer ({cause})",
            f"check KUBECONFIG and {f'the context {context!r}' if context else '--context'}, or give --cluster-uid",
        )
    return ClusterFacts(
        str(system.metadata.uid), any(group.name == OPENSHIFT_GROUP for group in groups), str(settings.host)
    )


def contexts(environ: Mapping[str, str] = os.environ) -> tuple[list[str], str | None]:
    """The contexts of the kubeconfig and the current one; none where there is no kubeconfig."""
    with _told(location(environ)):
        config = _merged(environ)
        if config is None:
            return [], None
        return [str(item["name"]) for item in config.get("contexts") or ()], config.get("current-context")


def endpoint(context: str | None, environ: Mapping[str, str] = os.environ) -> Endpoint | None:
    """The API server of a context, out of the files alone: no login, no request. None where they don't say."""
    with _told(location(environ)):
        return _endpoint(context, _merged(environ))


def _endpoint(context: str | None, config: dict[str, Any] | None) -> Endpoint | None:
    if config is None:
        return None
    wanted = context or config.get("current-context")
    found = next((item["context"] for item in config.get("contexts") or () if item["name"] == wanted), None)
    named = found and next(
        (item["cluster"] for item in config.get("clusters") or () if item["name"] == found.get("cluster")), None
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
def _told(where: object, hint: str = "mend it, or set KUBECONFIG to another") -> Iterator[None]:
    """Whatever a broken file makes its reader stumble over, in our words: the reader's would quote tokens."""
    try:
        yield
    except AmbientError:
        raise
    except Exception as error:
        said = what_is_wrong(str(error))
        raise AmbientError([Problem(None, "", f"no cluster to talk to: {where}: {said}", (hint,))]) from None


def _merged(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The files as one, by kubectl's rule: the first that names a thing wins. Relative paths become absolute."""
    import yaml  # noqa: PLC0415

    merged: dict[str, Any] = {}
    for path in files(environ):
        with _told(path):
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
