"""Arguments of a Workspace and of a Bucket as TypedDicts; names as in the stack file, durations in seconds."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from ambient_components.components.arguments import KeyArgs


class WorkspaceArgs(TypedDict):
    """Content of a workspace. Only `owner` is required."""

    owner: str
    """Owner, PROJECT/FLEET, recorded in an annotation of the namespace."""

    namespace: NotRequired[str]
    """Default: the component's name. Another name is another workspace."""

    display_name: NotRequired[str]
    """Shown by the platform on OpenShift; ignored elsewhere (contract 1.1)."""

    description: NotRequired[str]
    """See `display_name`."""

    openshift: NotRequired[bool]
    """Whether the cluster is OpenShift. Not detected, because a preview must not depend on a cluster."""

    platformNamespace: NotRequired[str]
    """The platform's namespace, for network policies; default ambient-code."""

    ambientApiServer: NotRequired[bool]
    """Whether the platform's API server (V2) runs in that namespace, for network policies; default false."""

    owners: NotRequired[Sequence[str]]
    """Subjects with admin rights through bindings that the Sharing page does not list, for break-glass access."""

    grants: NotRequired[Sequence[Mapping[str, Any]]]
    """Grants, as the Sharing page lists them, with the fields of the stack file in snake_case."""

    keys: NotRequired[Mapping[str, KeyArgs]]
    """API keys by id."""

    overlapping: NotRequired[Sequence[str]]
    """Ids of the keys of which the previous generation is still valid. Default: by `overlap_until`, in UTC."""

    runEverySeconds: NotRequired[int]
    """Guaranteed interval of runs, for keys. Default: none."""

    runnerSecrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """API keys of language models, stored as secrets: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY."""

    integrationSecrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables for every session, stored as secrets."""

    on_drift: NotRequired[Mapping[str, Any]]
    """Which side wins after a save in the UI, for `runner` and `integrations`: overwrite (default) or keep."""

    bucket: NotRequired[Mapping[str, Any]]
    """The workspace's own storage with its credentials, as `Bucket`. Default: the platform's shared bucket."""

    settings: NotRequired[Mapping[str, Any]]
    """Settings of sessions, as in the stack file, in snake_case; `ca_bundle` is an argument of its own."""

    ca_bundle: NotRequired[str]
    """Content of a PEM file that replaces the system's CA file in session containers."""

    limits: NotRequired[Mapping[str, Any]]
    """Limits, as in the stack file, in snake_case."""

    schedules: NotRequired[Mapping[str, Any]]
    """Scheduled sessions by id, as in the stack file, in snake_case."""

    operatorImage: NotRequired[str]
    """Image of the platform's operator, which schedules run; default: the one that the platform's backend has."""

    labels: NotRequired[Mapping[str, str]]
    """Further labels of the namespace; reserved keys are rejected."""

    annotations: NotRequired[Mapping[str, str]]
    """Further annotations; reserved keys are rejected."""

    pod_security: NotRequired[str]
    """Pod Security level that the namespace enforces: privileged or baseline."""

    adopt: NotRequired[bool]
    """Whether to adopt an existing namespace; the ledger's entry needs the same setting."""

    protect: NotRequired[bool]
    """Whether the engine refuses to delete the namespace; default true. Applies to active workspaces."""

    state: NotRequired[str]
    """active (default); closed: not listed by the platform, without grants, keys and secrets, but with owners and data;
    released: everything stays and leaves this stack.
    """

    on_close: NotRequired[Mapping[str, Any]]
    """What happens to running sessions when it is closed."""
