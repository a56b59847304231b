"""The plugin's settings: the cluster, its identity, and the object store."""

from typing import Any, Final

from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.errors import Problem, refusal
from ambient_components.model import clusters as model
from ambient_components.model.clusters import SETTINGS
from ambient_components.model.derive import parts
from ambient_components.provider.protocol.resource import Values
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.provider.store.connection import Store, StoreSettings
from ambient_components.rules.buckets import endpoint_problem
from ambient_components.rules.object_store import MINIO, STORE_APIS
from ambient_components.suggest import allowed_words

_ADDRESSES: Final = ("storeEndpoint", "storeIamEndpoint")
_KEYS: Final = ("storeAccessKey", "storeSecretKey")

_OF_THE_ENGINE: Final = {"version", "pluginDownloadURL", "__internal"}


def own(values: Values) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in _OF_THE_ENGINE}


def problems(values: Values) -> list[Problem]:
    refusals = []
    for name, value in own(values).items():
        if value is None or value is UNKNOWN:
            continue
        if name not in SETTINGS:
            refusals.append(refusal(f"{name} is no setting of the ambient provider", allowed_words(name, SETTINGS)))
        elif not isinstance(value, str) or not value:
            refusals.append(refusal(f"{name}: text is expected"))
        elif name == "kubeconfig" and "\n" not in value and "{" not in value:
            refusals.append(refusal("kubeconfig: the contents are expected, not a path", "set KUBECONFIG for a path"))
        elif name in _ADDRESSES and (problem := endpoint_problem(value)):
            refusals.append(refusal(f"{name} {problem[0]}", problem[1]))
        elif name == "unguarded" and value not in ("true", "false"):
            refusals.append(refusal("unguarded: true or false is expected"))
        elif name == "storeCredentials" and value not in STORE_APIS:
            refusals.append(refusal("storeCredentials is no API of a store's users", allowed_words(value, STORE_APIS)))
    return refusals + _together(values)


def _together(values: Values) -> list[Problem]:
    """Return settings that are missing beside others; unknown values count as given."""
    given = {name for name in SETTINGS if values.get(name) is UNKNOWN or values.get(name)}
    keys = [name for name in _KEYS if name in given]
    refusals = []
    if len(keys) == 1:
        refusals.append(refusal(f"{next(name for name in _KEYS if name not in keys)} is missing beside {keys[0]}"))
    if values.get("storeCredentials") == MINIO and not given & set(_ADDRESSES):
        refusals.append(refusal("storeEndpoint is missing: AWS has no MinIO admin API"))
    return refusals


def is_unguarded(values: Values) -> bool:
    """Return whether objects of workspaces that no ledger names are made too."""
    return values.get("unguarded") == "true"


def guard(values: Values) -> Guard:
    return Guard(Cluster(_text(values, "context"), _text(values, "kubeconfig")), _text(values, "clusterUid"))


def store(values: Values) -> Store:
    texts = {part.field: _text(values, *part.form.names(part.name)) for part in parts(model.Store, "provider")}
    return Store(StoreSettings.of({field: text for field, text in texts.items() if text}))


def _text(values: Values, name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) and value else None
