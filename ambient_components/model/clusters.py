"""A cluster and its object store, as a program names them."""

from typing import Annotated, Final

from pydantic import WithJsonSchema
from pydantic.config import JsonDict

from ambient_components.model.base import Model, one_of
from ambient_components.model.derive import plain_names
from ambient_components.model.forms import OF_STORE
from ambient_components.model.marks import OUTPUT, SECRET, UNPRINTED, sent
from ambient_components.model.types import Flag, Text
from ambient_components.rules.object_store import STORE_APIS

_APIS: JsonDict = {"type": "string", "enum": [*STORE_APIS]}

ApiName = Annotated[Text, one_of(STORE_APIS, "kind of API for users"), WithJsonSchema(_APIS)]
"""iam or minio."""


_SETTING = sent("provider", form=OF_STORE)


class Store(Model):
    """One object store. All fields are optional; the default is AWS."""

    endpoint: Annotated[Text | None, _SETTING] = None
    """Address of the store's S3 API for pulumi's machine, https://HOST or http://HOST. Default: AWS."""

    iam_endpoint: Annotated[Text | None, _SETTING] = None
    """Address of the store's API for users and access keys, if it differs."""

    region: Annotated[Text | None, _SETTING] = None
    """Region of the store. Default: us-east-1, for stores that have none."""

    credentials: Annotated[ApiName | None, _SETTING] = None
    """API for users: iam, or minio for MinIO's admin API. Default: iam."""

    access_key: Annotated[Text | None, OUTPUT, UNPRINTED, _SETTING] = None
    """Access key that may create buckets and users. Default for both keys: AWS's credential chain."""

    secret_key: Annotated[Text | None, OUTPUT, SECRET, _SETTING] = None
    """Secret key of the access key, stored as a secret."""


class Cluster(Model):
    """Cluster and object store. All fields are optional; the default is the current context of KUBECONFIG."""

    context: Annotated[Text | None, sent("provider")] = None
    """Context of the kubeconfig. Default: its current context, or the pod's own account in a cluster."""

    kubeconfig: Annotated[Text | None, OUTPUT, SECRET, sent("provider")] = None
    """Content of a kubeconfig, stored as a secret. Never a path: paths differ between machines, and every run would
    show a change. Default: KUBECONFIG or ~/.kube/config, read as kubectl reads them.
    """

    cluster_uid: Annotated[Text | None, sent("provider")] = None
    """uid of the kube-system namespace; another cluster is then an error, never a replacement. Default: not checked."""

    unguarded: Annotated[Flag | None, sent("provider")] = None
    """Whether the program has no AccessLedger, or makes objects of workspaces that it does not name: no guardrail
    evaluates their access. Default: they are refused.
    """

    store: Store | None = None
    """Object store for buckets. Workspaces needs one for them; others take AWS, with the machine's credentials."""


SETTINGS: Final = (*plain_names(Cluster, "provider"), *plain_names(Store, "provider"))
"""Names of the plugin's settings; each is an optional string."""

SECRET_SETTINGS: Final = frozenset(
    {*plain_names(Cluster, "provider", secret=True), *plain_names(Store, "provider", secret=True)}
)
