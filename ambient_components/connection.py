"""A client of the cluster that a kubeconfig leads to, read as kubectl reads it: for the command line and the provider.

The client is the reference one, ``kubernetes`` (docs/adr/0003), imported on use: it takes longer than all the rest.
What a broken kubeconfig makes it stumble over is raised as it comes; callers tell it by `kubeconfig.what_is_wrong`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ambient_components._version import VERSION
from ambient_components.kubeconfig import is_loopback


def location(environ: Mapping[str, str] = os.environ) -> str:
    """Where the kubeconfig is looked for: a path, or several as KUBECONFIG lists them."""
    return environ.get("KUBECONFIG") or str(Path("~", ".kube", "config"))


def files(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that kubectl would read; a path in KUBECONFIG that does not exist is skipped, as there."""
    paths = [Path(part).expanduser() for part in location(environ).split(os.pathsep) if part]
    return [path for path in paths if path.is_file()]


def connect(
    settings: Any, context: str | None, environ: Mapping[str, str] = os.environ, *, contents: str | None = None
) -> Any:
    """An ApiClient with these settings; they get the server's address.

    Args:
        settings: a `kubernetes.client.Configuration`; its retries and pool are the caller's.
        context: of the kubeconfig; None takes the current one, or where there are no files the pod's own account.
        environ: where KUBECONFIG and the pod's account are looked for.
        contents: of a kubeconfig, instead of files.
    """
    from kubernetes import client  # noqa: PLC0415

    settings.proxy = None  # so that what is there afterwards is the kubeconfig's proxy-url
    _load(settings, context, environ, contents)
    if settings.proxy is None and not is_loopback(settings.host):
        settings.proxy = client.Configuration(host=settings.host).proxy  # the environment's
    api = client.ApiClient(settings)
    # What the API server writes down as the manager of the fields that we set.
    api.user_agent = f"ambient-components/{VERSION}"
    return api


def _load(settings: Any, context: str | None, environ: Mapping[str, str], contents: str | None) -> None:
    from kubernetes import config as reader  # noqa: PLC0415

    config: Any = reader  # its functions have no types
    found = files(environ)
    if contents is not None:
        import yaml  # noqa: PLC0415

        config.load_kube_config_from_dict(
            yaml.safe_load(contents), context=context, client_configuration=settings, persist_config=False
        )
    elif not found and context is None and environ.get("KUBERNETES_SERVICE_HOST"):
        config.load_incluster_config(client_configuration=settings)
    else:
        config.load_kube_config(
            config_file=os.pathsep.join(map(str, found)) or str(Path(location({})).expanduser()),
            context=context,
            client_configuration=settings,
            persist_config=False,
        )
