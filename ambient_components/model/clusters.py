"""A cluster and its object store, as a program names them."""

from typing import Annotated

from pydantic import WithJsonSchema
from pydantic.config import JsonDict

from ambient_components.model.base import Model, one_of
from ambient_components.model.marks import OUTPUT
from ambient_components.model.types import Flag, Text
from ambient_components.rules.object_store import STORE_APIS

_APIS: JsonDict = {"type": "string", "enum": [*STORE_APIS]}

ApiName = Annotated[Text, one_of(STORE_APIS, "kind of API for users"), WithJsonSchema(_APIS)]
"""iam or minio."""


class Store(Model):
    """One object store. All fields are optional; the default is AWS."""

    endpoint: Text | None = None
    """Address of its S3 API for pulumi's machine, https://HOST or http://HOST. Default: AWS."""

    iam_endpoint: Text | None = None
    """Address of its API for users and access keys, if it differs."""

    region: Text | None = None
    """Region; default us-east-1, for stores that have none."""

    credentials: ApiName | None = None
    """API for users: iam (default), or minio for MinIO's admin API."""

    access_key: Annotated[Text | None, OUTPUT] = None
    """Access key that may create buckets and users. Default for both keys: AWS's credential chain."""

    secret_key: Annotated[Text | None, OUTPUT] = None
    """Stored as a secret."""


class Cluster(Model):
    """Cluster and object store. All fields are optional; the default is the current context of KUBECONFIG."""

    context: Text | None = None
    """Context of the kubeconfig."""

    kubeconfig: Annotated[Text | None, OUTPUT] = None
    """Content of a kubeconfig, stored as a secret. Never a path: paths differ between machines, and every run would
    show a change.
    """

    cluster_uid: Text | None = None
    """uid of the kube-system namespace; another cluster is then an error, never a replacement."""

    unguarded: Flag | None = None
    """Whether the program has no AccessLedger, or makes objects of workspaces that it does not name: no guardrail
    evaluates their access. Default: they are refused.
    """

    store: Store | None = None
    """Object store for buckets. Workspaces needs one for them; others take AWS, with the machine's credentials."""
