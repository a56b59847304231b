"""The arguments of a Workspace, as plain TypedDicts; names are those of the stack file, durations are in seconds."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from ambient_components.components.bucket_specs import BucketSpec
from ambient_components.rules.keys import TokenTerms


class GrantSpec(TypedDict):
    """A grant of the workspace."""

    subject: str
    """``user:NAME`` or ``group:NAME``."""

    role: NotRequired[str]
    """view (default), edit or admin."""


class KeySpec(TokenTerms):
    """A key of the workspace; everything is optional."""

    name: NotRequired[str]
    """Label in the UI, up to 64 characters; default the id."""

    description: NotRequired[str]
    """Up to 200 characters."""

    role: NotRequired[str]
    """view, edit or admin; default edit, as in the platform's UI."""

    generation: NotRequired[int]
    """From 1, the default. A new number is a new identity: new ServiceAccount, new binding, new token."""

    adopt: NotRequired[Sequence[str]]
    """Names of ServiceAccounts of this key that exist without a record and are taken over with their tokens, as after
    a lost state. By default such an account is ended, and its tokens with it."""

    keepPrevious: NotRequired[bool]  # noqa: N815  # Pulumi's own spelling of arguments
    """The identity of the generation before lives on beside this one, until a run without this."""


class SettingsSpec(TypedDict):
    """What the platform's settings page shows, and what has no page. What is left out stays as it is there."""

    idleTimeoutSeconds: NotRequired[int]
    """Without activity for so long a session is stopped; 0 is never."""

    mcpServers: NotRequired[Mapping[str, Any]]
    """``custom`` (servers by name, as the runner reads them) and ``disabled`` (names)."""

    featureFlags: NotRequired[Mapping[str, bool]]
    """Overrides, flag by flag."""

    caBundle: NotRequired[str]
    """Contents of a PEM file, which takes the place of the system's in session containers."""


class NetworkPeerSpec(TypedDict):
    """A destination that an isolated workspace may reach: either `cidr` or `namespace`."""

    cidr: NotRequired[str]
    namespace: NotRequired[str]
    ports: NotRequired[Sequence[int]]
    """All, if left out."""
    protocol: NotRequired[str]
    """TCP (default) or UDP."""


class NetworkSpec(TypedDict):
    """Whether the workspace's pods are closed off. See `ambient_components.isolation`."""

    isolate: NotRequired[bool]
    """Default true."""
    allow: NotRequired[Sequence[NetworkPeerSpec]]


class LimitsSpec(TypedDict):
    """What the workspace may use."""

    containers: NotRequired[Mapping[str, Mapping[str, str]]]
    """defaultRequest, default, min and max, over the platform's defaults."""

    quota: NotRequired[Mapping[str, str]]
    """Of a ResourceQuota, by its resource names."""

    network: NotRequired[NetworkSpec]


class OnDriftSpec(TypedDict):
    """Who wins when the UI has saved a secret: overwrite (default) or keep."""

    runner: NotRequired[str]
    integrations: NotRequired[str]


class OnCloseSpec(TypedDict):
    """What becomes of running sessions when the workspace is closed."""

    sessions: NotRequired[str]
    """stop (default): the platform stops them, and those that do not stop are named; deletePods: their pods are then
    deleted."""

    waitSeconds: NotRequired[int]
    """How long they have to stop; default 120, at most 3600."""


class WorkspaceArgs(TypedDict):
    """What a workspace has. Only `owner` is needed."""

    owner: str
    """Project and fleet that own it, PROJECT/FLEET; the namespace says so in an annotation."""

    namespace: NotRequired[str]
    """Default: the component's name. Can't be renamed: another name is another workspace."""

    displayName: NotRequired[str]
    """Shown by the platform on OpenShift; elsewhere it has no place to keep it (contract 1.1)."""

    description: NotRequired[str]
    """As `displayName`."""

    openshift: NotRequired[bool]
    """The cluster is OpenShift. Said, not guessed: a preview must not depend on a cluster."""

    platformNamespace: NotRequired[str]
    """Where the platform runs, for network policies; default ambient-code."""

    owners: NotRequired[Sequence[str]]
    """Subjects with admin rights by bindings that the Sharing page does not show: for break-glass access."""

    grants: NotRequired[Sequence[GrantSpec]]
    """Who may do what, as the Sharing page shows it."""

    keys: NotRequired[Mapping[str, KeySpec]]
    """API keys by id."""

    runnerSecrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """The language models' keys, kept as secrets: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY."""

    integrationSecrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Variables for every session, kept as secrets."""

    onDrift: NotRequired[OnDriftSpec]

    bucket: NotRequired[BucketSpec]
    """The workspace's own storage, and credentials that open nothing else. Default: the platform's shared bucket."""

    settings: NotRequired[SettingsSpec]

    limits: NotRequired[LimitsSpec]

    labels: NotRequired[Mapping[str, str]]
    """Further labels of the namespace; the platform's, Kubernetes' and ours are refused."""

    annotations: NotRequired[Mapping[str, str]]
    """Further annotations, likewise."""

    podSecurity: NotRequired[str]
    """Level of Kubernetes' pod security that the namespace enforces: privileged or baseline."""

    adopt: NotRequired[bool]
    """The namespace may be one that exists already; the ledger's entry has to say so as well."""

    protect: NotRequired[bool]
    """The namespace can't be deleted by the engine; default true. Only an active workspace is ever protected."""

    state: NotRequired[str]
    """active (default); closed: off the platform's list, without grants, keys and secrets, while owners and data stay;
    released: all of it stays, and is this stack's no more."""

    onClose: NotRequired[OnCloseSpec]
    """What becomes of running sessions when it is closed."""
