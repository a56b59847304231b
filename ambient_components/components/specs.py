"""Arguments of a Workspace and of a Bucket as TypedDicts; names as in the stack file, durations in seconds."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal, NotRequired, TypedDict

import pulumi

from ambient_components.components.arguments import KeyArgs


class WorkspaceGrantArgs(TypedDict):
    """A grant: either `user` or `group`."""

    user: NotRequired[str]
    """Name of a user, exactly as the cluster authenticates it."""

    group: NotRequired[str]
    """Name of a group, exactly as the cluster knows it."""

    role: NotRequired[Literal["view", "edit", "admin"]]
    """view, edit or admin. Default: view, as in the platform's UI."""

    from_: NotRequired[date | str]
    """First day of the grant, in UTC, or the time at which it starts. Default: the next run."""

    until: NotRequired[date | str]
    """Last day of the grant, in UTC, or the time at which it ends. Default: no end."""

    warn_ahead: NotRequired[str | timedelta]
    """How early runs announce its start and end. Default: 14d."""


class OnDriftArgs(TypedDict):
    """Which side wins after a save in the platform's UI."""

    runner: NotRequired[Literal["overwrite", "keep"]]
    """For the runner secret. Default: overwrite."""

    integrations: NotRequired[Literal["overwrite", "keep"]]
    """For the integration secret. Default: overwrite."""


class SecretsArgs(TypedDict):
    """Environment variables of all sessions of the workspace, kept as secrets."""

    runner: NotRequired[Mapping[str, pulumi.Input[str]]]
    """API keys of language models by variable: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY."""

    integrations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Further variables by name, such as GITHUB_TOKEN."""

    on_drift: NotRequired[OnDriftArgs]
    """Which side wins after a save of a secret in the UI."""


class WorkspaceArgs(TypedDict):
    """Content of a workspace: the fields of the stack file in snake_case, and values of secrets. None is required."""

    owner: NotRequired[str]
    """Owner, PROJECT/FLEET, recorded in an annotation of the namespace. Default: the program's project and stack."""

    namespace: NotRequired[str]
    """Default: the component's name. Another name is another workspace."""

    display_name: NotRequired[str]
    """Shown by the platform on OpenShift; ignored elsewhere (contract 1.1)."""

    description: NotRequired[str]
    """See `display_name`."""

    openshift: NotRequired[bool]
    """Whether the cluster is OpenShift. Not detected, because a preview must not depend on a cluster."""

    platform_namespace: NotRequired[str]
    """The platform's namespace, for network policies; default ambient-code."""

    ambient_api_server: NotRequired[bool]
    """Whether the platform's API server (V2) runs in that namespace, for network policies; default false."""

    owners: NotRequired[Sequence[str]]
    """Subjects with admin rights through bindings that the Sharing page does not list, for break-glass access."""

    grants: NotRequired[Sequence[WorkspaceGrantArgs]]
    """Grants, as the Sharing page lists them."""

    keys: NotRequired[Mapping[str, KeyArgs]]
    """API keys by id."""

    run_every: NotRequired[str | timedelta]
    """Guaranteed interval of runs, for keys. Default: none."""

    secrets: NotRequired[SecretsArgs]
    """Environment variables of all sessions, kept as secrets."""

    bucket: NotRequired[Mapping[str, Any]]
    """The workspace's own storage with its credentials, as `Bucket`. Default: the platform's shared bucket."""

    settings: NotRequired[Mapping[str, Any]]
    """Settings of sessions, as in the stack file, in snake_case; `ca_bundle` is an argument of its own."""

    ca_bundle: NotRequired[pulumi.Input[str]]
    """Content of a PEM file that replaces the system's CA file in session containers."""

    limits: NotRequired[Mapping[str, Any]]
    """Limits, as in the stack file, in snake_case."""

    schedules: NotRequired[Mapping[str, Any]]
    """Scheduled sessions by id, as in the stack file, in snake_case."""

    operator_image: NotRequired[pulumi.Input[str]]
    """Image of the platform's operator, which schedules run; default: the one that the platform's backend has."""

    labels: NotRequired[Mapping[str, str]]
    """Further labels of the namespace; reserved keys are rejected."""

    annotations: NotRequired[Mapping[str, str]]
    """Further annotations; reserved keys are rejected."""

    pod_security: NotRequired[Literal["privileged", "baseline"]]
    """Pod Security level that the namespace enforces: privileged or baseline."""

    adopt: NotRequired[bool]
    """Whether to adopt an existing namespace; the ledger's entry needs the same setting."""

    protect: NotRequired[bool]
    """Whether the engine refuses to delete the namespace; default true. Applies to active workspaces."""

    state: NotRequired[Literal["active", "closed", "released"]]
    """active (default); closed: not listed by the platform, without grants, keys and secrets, but with owners and data;
    released: everything stays and leaves this stack.
    """

    on_close: NotRequired[Mapping[str, Any]]
    """What happens to running sessions when it is closed."""
