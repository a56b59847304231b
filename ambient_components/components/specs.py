"""Arguments of a Workspace as TypedDicts; names are those of the stack file, durations are in seconds."""

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
    """A key of the workspace; all fields are optional."""

    name: NotRequired[str]
    """Name in the UI, up to 64 characters; default the id."""

    description: NotRequired[str]
    """Up to 200 characters."""

    role: NotRequired[str]
    """view, edit or admin; default edit, as in the platform's UI."""

    generation: NotRequired[int]
    """Generation, from 1 (the default). A higher number creates a new identity: ServiceAccount, binding and token."""

    adopt: NotRequired[Sequence[str]]
    """Existing ServiceAccounts of this key to adopt with their tokens, for example after a lost state. By default an
    unrecorded account is deleted, and its tokens with it.
    """

    keepPrevious: NotRequired[bool]  # noqa: N815  # Pulumi's own spelling of arguments
    """Whether the previous generation's identity stays valid beside this one; a run without this deletes it."""


class SettingsSpec(TypedDict):
    """Settings of the platform's settings page, and some without a page. Settings that are left out are not changed."""

    idleTimeoutSeconds: NotRequired[int]
    """Seconds without activity after which a session is stopped; 0 means never."""

    mcpServers: NotRequired[Mapping[str, Any]]
    """``custom`` (servers by name, in the runner's format) and ``disabled`` (names)."""

    featureFlags: NotRequired[Mapping[str, bool]]
    """Overrides by flag."""

    caBundle: NotRequired[str]
    """Content of a PEM file that replaces the system's CA file in session containers."""


class NetworkPeerSpec(TypedDict):
    """A destination that an isolated workspace may reach: either `cidr` or `namespace`."""

    cidr: NotRequired[str]
    namespace: NotRequired[str]
    ports: NotRequired[Sequence[int]]
    """Default: all ports."""
    protocol: NotRequired[str]
    """TCP (default) or UDP."""


class NetworkSpec(TypedDict):
    """Isolation of the workspace's pods. See `ambient_components.platform.network_policies`."""

    isolate: NotRequired[bool]
    """Default true."""
    allow: NotRequired[Sequence[NetworkPeerSpec]]


class LimitsSpec(TypedDict):
    """Limits of the workspace."""

    containers: NotRequired[Mapping[str, Mapping[str, str]]]
    """defaultRequest, default, min and max, over the platform's defaults."""

    quota: NotRequired[Mapping[str, str]]
    """Hard limits of a ResourceQuota by resource name."""

    network: NotRequired[NetworkSpec]


class OnDriftSpec(TypedDict):
    """Which side wins after a save in the UI: overwrite (default) or keep."""

    runner: NotRequired[str]
    integrations: NotRequired[str]


class OnCloseSpec(TypedDict):
    """What happens to running sessions when the workspace is closed."""

    sessions: NotRequired[str]
    """stop (default): the platform stops them, and those that do not stop are reported; deletePods: their pods are then
    deleted.
    """

    waitSeconds: NotRequired[int]
    """Seconds to wait for them; default 120, at most 3600."""


class WorkspaceArgs(TypedDict):
    """Content of a workspace. Only `owner` is required."""

    owner: str
    """Owner, PROJECT/FLEET, recorded in an annotation of the namespace."""

    namespace: NotRequired[str]
    """Default: the component's name. Another name is another workspace."""

    displayName: NotRequired[str]
    """Shown by the platform on OpenShift; ignored elsewhere (contract 1.1)."""

    description: NotRequired[str]
    """See `displayName`."""

    openshift: NotRequired[bool]
    """Whether the cluster is OpenShift. Not detected, because a preview must not depend on a cluster."""

    platformNamespace: NotRequired[str]
    """The platform's namespace, for network policies; default ambient-code."""

    owners: NotRequired[Sequence[str]]
    """Subjects with admin rights through bindings that the Sharing page does not list, for break-glass access."""

    grants: NotRequired[Sequence[GrantSpec]]
    """Grants, as the Sharing page lists them."""

    keys: NotRequired[Mapping[str, KeySpec]]
    """API keys by id."""

    runnerSecrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """API keys of language models, stored as secrets: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY."""

    integrationSecrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables for every session, stored as secrets."""

    onDrift: NotRequired[OnDriftSpec]

    bucket: NotRequired[BucketSpec]
    """The workspace's own storage with its credentials. Default: the platform's shared bucket."""

    settings: NotRequired[SettingsSpec]

    limits: NotRequired[LimitsSpec]

    labels: NotRequired[Mapping[str, str]]
    """Further labels of the namespace; reserved keys are rejected."""

    annotations: NotRequired[Mapping[str, str]]
    """Further annotations; reserved keys are rejected."""

    podSecurity: NotRequired[str]
    """Pod Security level that the namespace enforces: privileged or baseline."""

    adopt: NotRequired[bool]
    """Whether to adopt an existing namespace; the ledger's entry needs the same setting."""

    protect: NotRequired[bool]
    """Whether the engine refuses to delete the namespace; default true. Applies to active workspaces."""

    state: NotRequired[str]
    """active (default); closed: not listed by the platform, without grants, keys and secrets, but with owners and data;
    released: everything stays and leaves this stack.
    """

    onClose: NotRequired[OnCloseSpec]
    """What happens to running sessions when it is closed."""
