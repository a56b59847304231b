"""The plugin's own settings: which cluster, and how to know that it is the right one."""

from typing import Any, Final

from ambient_components.cluster import Cluster
from ambient_components.guard import Guard
from ambient_components.provider.resource import Values
from ambient_components.provider.wire import UNKNOWN
from ambient_components.suggest import allowed_words

SETTINGS: Final = {
    "context": "Context of the kubeconfig. Default: its current context, or the pod's own account in a cluster.",
    "kubeconfig": (
        "Contents of a kubeconfig, never a path: a path differs between machines and would be a change. "
        "Default: KUBECONFIG or ~/.kube/config, read as kubectl reads them."
    ),
    "clusterUid": "The uid of the cluster's kube-system namespace. Another cluster is an error, never a replacement.",
}
"""Name and meaning; all are optional text."""

_OF_THE_ENGINE: Final = {"version", "pluginDownloadURL", "__internal"}


def own(values: Values) -> dict[str, Any]:
    """The settings that are ours, without what the engine adds."""
    return {name: value for name, value in values.items() if name not in _OF_THE_ENGINE}


def problems(values: Values) -> list[str]:
    """What is wrong with the settings, as text."""
    found = []
    for name, value in own(values).items():
        if value is None or value is UNKNOWN:
            continue
        if name not in SETTINGS:
            found.append(f"{name} is no setting of the ambient provider; {allowed_words(name, SETTINGS)}")
        elif not isinstance(value, str) or not value:
            found.append(f"{name}: text is expected")
        elif name == "kubeconfig" and "\n" not in value and "{" not in value:
            found.append("kubeconfig: the contents are expected, not a path; set KUBECONFIG for a path")
    return found


def guard(values: Values) -> Guard:
    """The guarded cluster that these settings lead to; nothing is connected yet."""

    def text(name: str) -> str | None:
        value = values.get(name)
        return value if isinstance(value, str) and value else None

    return Guard(Cluster(text("context"), text("kubeconfig")), text("clusterUid"))
