"""A Kubernetes client from a kubeconfig, read as kubectl reads it; for the command line and the provider."""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ambient_components._version import VERSION


def what_is_wrong(text: str) -> str:
    """Describe an exception of the kubernetes client without quoting it.

    Its messages quote whole entries of the file, including tokens.
    """
    if match := re.search(r"Expected object with name (\S+) in", text):
        return f"there is no {match[1]} in it"
    if match := re.search(r"Expected key (\S+) in", text):
        return f"an entry in it has no {match[1]!r}"
    if "No configuration found" in text or ("has no" in text and "configuration" in text):
        return "there is no such file, or nothing in it"
    return "it can't be read as a kubeconfig"


def is_loopback(host_url: str) -> bool:
    """Return whether a server is on this machine.

    Go, and so kubectl, never uses a proxy for such a server. The kubernetes client does unless NO_PROXY excludes it,
    and then reaches the proxy's own loopback.
    """
    try:
        host = urlsplit(host_url if "://" in host_url else f"//{host_url}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def location(environ: Mapping[str, str] = os.environ) -> str:
    return environ.get("KUBECONFIG") or str(Path("~", ".kube", "config"))


def files(environ: Mapping[str, str] = os.environ) -> list[Path]:
    paths = [Path(part).expanduser() for part in location(environ).split(os.pathsep) if part]
    return [path for path in paths if path.is_file()]


def connect(
    settings: Any, context: str | None, environ: Mapping[str, str] = os.environ, *, contents: str | None = None
) -> Any:
    """Return an ApiClient, and set the server's address in its settings, a `kubernetes.client.Configuration`."""
    from kubernetes import client  # noqa: PLC0415

    settings.proxy = None  # cleared, so that a proxy after _load is the kubeconfig's proxy-url
    _load(settings, context, environ, contents)
    if settings.proxy is None and not is_loopback(settings.host):
        settings.proxy = client.Configuration(host=settings.host).proxy  # the environment's proxy
    api = client.ApiClient(settings)
    # The API server records this name as the manager of the fields that we set.
    api.user_agent = f"ambient-components/{VERSION}"
    return api


def _load(settings: Any, context: str | None, environ: Mapping[str, str], contents: str | None) -> None:
    from kubernetes import config as reader  # noqa: PLC0415

    config: Any = reader  # its functions have no types
    paths = files(environ)
    if contents is not None:
        config.load_kube_config_from_dict(
            yaml.safe_load(contents), context=context, client_configuration=settings, persist_config=False
        )
    elif not paths and context is None and environ.get("KUBERNETES_SERVICE_HOST"):
        config.load_incluster_config(client_configuration=settings)
    else:
        config.load_kube_config(
            config_file=os.pathsep.join(map(str, paths)) or str(Path(location({})).expanduser()),
            context=context,
            client_configuration=settings,
            persist_config=False,
        )
