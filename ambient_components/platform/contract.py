"""The platform's contract: roles, labels, annotations, fixed names and limits.

The platform's backend, operator and UI select on these exact strings: an object that differs in one of them is
invisible to them. The first part is the Ambient Code Platform's; the second part, at the end, is this project's.
"Contract N" refers to a section of the platform contract, read from the platform's sources at commit 0b59fe7.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """Access level of a subject or an API key in one workspace, weakest first. Contract 1.3, 1.4."""

    VIEW = "view"
    """Read sessions and their results."""

    EDIT = "edit"
    """Run and change sessions. Can also mint tokens for any ServiceAccount in the namespace."""

    ADMIN = "admin"
    """Full control of the workspace, including its sharing and its secrets."""


ROLES: Final = tuple(Role)


CLUSTER_ROLE_PREFIX: Final = "ambient-project-"
"""Name prefix of the ClusterRoles of the three roles. Contract 5."""


def cluster_role(role: Role) -> str:
    return f"{CLUSTER_ROLE_PREFIX}{role}"


class PodSecurity(StrEnum):
    """Level of Kubernetes' Pod Security Standards that the namespace enforces."""

    PRIVILEGED = "privileged"
    """No restrictions."""

    BASELINE = "baseline"
    """Blocks known ways to escape from a container."""


RBAC_API_GROUP: Final = "rbac.authorization.k8s.io"
"""API group of roleRef and of User and Group subjects; a ServiceAccount subject has none. Contract 1.2, 1.3."""

NETWORK_API_GROUP: Final = "networking.k8s.io"

BATCH_API_GROUP: Final = "batch"

# Labels

MANAGED_LABEL: Final = "ambient-code.io/managed"
"""On a Namespace: makes it a workspace. Contract 0."""

MANAGED: Final = "true"
"""Value of `MANAGED_LABEL`; any other value removes the namespace from the platform's list. Contract 0."""

UNMANAGED: Final = "false"
"""Value of `MANAGED_LABEL` on a closed workspace."""

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
"""On a Namespace and the feature-flag ConfigMap; the platform writes it and never reads it. Contract 0."""

MANAGED_BY_VALUE: Final = "ambient-code"
"""Value of `MANAGED_BY_LABEL`. Contract 1.1."""

CONTROL_PLANE: Final = "ambient-control-plane"
"""Account and ClusterRole of V2's control plane, and the value of `CONTROL_PLANE_LABEL`. Contract 6."""

CONTROL_PLANE_LABEL: Final = "ambient-code.io/managed-by"
"""On a Namespace that V2's control plane made. Contract 6."""

PROJECT_ID_LABEL: Final = "ambient-code.io/project-id"
"""On a Namespace that V2's control plane made: the project's id in V2. Contract 6."""

CONTROL_PLANE_BINDING: Final = "ambient-control-plane-project-manager"
"""RoleBinding that V2's control plane makes in each project's namespace, also in an existing one. Contract 6."""

POD_SECURITY_LABEL: Final = "pod-security.kubernetes.io/enforce"
"""On a Namespace: the enforced Pod Security level. A label of Kubernetes. Contract 10.18."""


OWNER_ROLE_LABEL: Final = "ambient-code.io/role"
"""Label of a creator binding, with the value `admin`. Same spelling as `ROLE_ANNOTATION`, other meaning. Contract 1.2.
"""

APP_LABEL: Final = "app"
"""Label that the Sharing and Keys pages select on. Contract 0."""

LEGACY_GRANT_APP: Final = "ambient-group-access"
"""Value of `APP_LABEL` on grants of older installations, which the Sharing page still lists. Contract 0."""

GRANT_APP: Final = "ambient-permission"
"""Value of `APP_LABEL` on a grant's RoleBinding. Contract 1.3."""

KEY_APP: Final = "ambient-access-key"
"""Value of `APP_LABEL` on a key's ServiceAccount and RoleBinding. Contract 1.4."""

RUNNER_SECRET_APP: Final = "ambient-runner-secrets"  # noqa: S105 - a name
"""Value of `APP_LABEL` on the runner secret. Contract 3."""

INTEGRATION_SECRET_APP: Final = "ambient-integration-secrets"  # noqa: S105 - a name
"""Value of `APP_LABEL` on the integration secret. Contract 3."""

# Annotations

SUBJECT_KIND_ANNOTATION: Final = "ambient-code.io/subject-kind"
"""On a grant: `User` or `Group`. Contract 1.3."""

SUBJECT_NAME_ANNOTATION: Final = "ambient-code.io/subject-name"
"""On a grant: the subject verbatim; if it differs from the subject, the UI's revoke does nothing. Contract 1.3."""

ROLE_ANNOTATION: Final = "ambient-code.io/role"
"""On grants, key ServiceAccounts and key bindings: exactly view, edit or admin, else the UI crashes. Contract 10.5."""

KEY_NAME_ANNOTATION: Final = "ambient-code.io/key-name"
"""On a key's ServiceAccount and binding: the key's name in the UI. Contract 1.4."""

DESCRIPTION_ANNOTATION: Final = "ambient-code.io/description"
"""On a key's ServiceAccount; present even if empty. Contract 1.4."""

CREATED_AT_ANNOTATION: Final = "ambient-code.io/created-at"
"""On a key's ServiceAccount: creation time, RFC 3339. Contract 1.4."""

SA_NAME_ANNOTATION: Final = "ambient-code.io/sa-name"
"""On a key's binding: its ServiceAccount. Without it, a revocation in the UI keeps the binding. Contract 10.5."""

CREATED_BY_USER_ID_ANNOTATION: Final = "ambient-code.io/created-by-user-id"
"""On a key's ServiceAccount: the user that the key acts for, in SSO mode instead of its role. Set by `actsAs` alone.
Contract 2, 10.4.
"""

LAST_USED_AT_ANNOTATION: Final = "ambient-code.io/last-used-at"
"""On a key's ServiceAccount: time of the last use, written only by the backend. Contract 4."""

RUNNER_SECRET_ANNOTATION: Final = "ambient-code.io/runner-secret"  # noqa: S105 - a name
"""On both workspace secrets, with the value `true`. Contract 3."""

OPENSHIFT_DISPLAY_NAME_ANNOTATION: Final = "openshift.io/display-name"
"""On a Namespace, on OpenShift only; defaults to the name. Contract 1.1."""

OPENSHIFT_DESCRIPTION_ANNOTATION: Final = "openshift.io/description"
"""On a Namespace, on OpenShift only, and only if not empty. Contract 1.1."""

SESSION_POD_APP: Final = "ambient-code-runner"
"""Value of `APP_LABEL` on the pod of a session. Contract 12."""

SESSION_POD_LABEL: Final = "agentic-session"
"""On the pod of a session: the session's name. Contract 12."""

SESSION_ACCOUNT_APP: Final = "ambient-runner"
"""Value of `APP_LABEL` on the ServiceAccount of a session. Contract 12."""

RUNNER_TOKEN_APP: Final = "ambient-runner-token"  # noqa: S105 - a name
"""Value of `APP_LABEL` on the Secret with a session's token; if missing, a start creates it. Contract 12."""

RUNNER_ACCOUNT_ANNOTATION: Final = "ambient-code.io/runner-sa"
"""On a session: the account whose token the operator renews, and which gets its user's integrations. Contract 12."""

RUNNER_TOKEN_SECRET_ANNOTATION: Final = "ambient-code.io/runner-token-secret"  # noqa: S105 - a name
"""On a session: the Secret into which the operator writes that token. Contract 12."""

SCHEDULE_LABEL: Final = "ambient-code.io/scheduled-session"
"""On the CronJob of a scheduled session, with the value `true`; the platform selects on it. Contract 12."""

DESIRED_PHASE_ANNOTATION: Final = "ambient-code.io/desired-phase"
"""On an AgenticSession: the phase that the operator brings it to, `STOPPED` or `RUNNING`. Contract 12."""

STOP_REQUESTED_AT_ANNOTATION: Final = "ambient-code.io/stop-requested-at"
"""On an AgenticSession: time of the stop request, RFC 3339. Contract 12."""

SCHEDULE_NAME_ANNOTATION: Final = "ambient-code.io/display-name"
"""On the CronJob of a scheduled session: its name in the UI. Contract 12."""

SCHEDULE_REUSE_ANNOTATION: Final = "ambient-code.io/reuse-last-session"
"""On the CronJob of a scheduled session: `true` or `false`, as the UI shows it. Contract 12."""

SCHEDULE_CREATED_BY_LABEL: Final = "ambient-code.io/created-by"
"""On the CronJob of a scheduled session; the platform writes it and never reads it. Contract 12."""

# Phases of a session

RUNNING: Final = "Running"
"""Phase of a session, and a value of `DESIRED_PHASE_ANNOTATION`. Contract 12."""

STOPPED: Final = "Stopped"
"""Phase of a session, and a value of `DESIRED_PHASE_ANNOTATION`. Contract 12."""

ENDED_PHASES: Final = (STOPPED, "Completed", "Failed")
"""Phases in which a session has no pod. Contract 12."""

# Fixed names

PLATFORM_NAMESPACE_DEFAULT: Final = "ambient-code"
"""Default namespace of the platform itself; labelled managed in some installations. Contract 8."""

RESERVED_NAMESPACES: Final = frozenset(
    {
        "default",
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "openshift",
        "openshift-infra",
        "openshift-node",
    }
)
"""Names that the platform rejects for a workspace; exactly these seven. Contract 1.1."""

SYSTEM_PREFIXES: Final = ("kube-", "openshift-")
"""Prefixes of system namespaces that the platform does not reject and that must not be adopted."""

RUNNER_SECRET: Final = "ambient-runner-secrets"  # noqa: S105 - a name
"""Secret with the API keys of the language models. Contract 3."""

RUNNER_SECRET_KEYS: Final = ("ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY")
"""Keys that the platform's API accepts in the runner secret. Contract 3."""

INTEGRATION_SECRET: Final = "ambient-non-vertex-integrations"  # noqa: S105 - a name
"""Secret with environment variables for every session. Contract 3."""

GITLAB_TOKENS: Final = "gitlab-user-tokens"
"""Secret of a workspace with GitLab tokens by user id, from which the backend still takes a user's token if the
platform's namespace has none. The backend alone writes it. Contract 3."""

PROJECT_SETTINGS: Final = "projectsettings"
"""Name of a workspace's only ProjectSettings. Contract 0."""

PLATFORM_API_GROUP: Final = "vteam.ambient-code"
"""API group of ProjectSettings and of sessions. Contract 4."""

PLATFORM_API_VERSION: Final = "v1alpha1"
"""API version that the platform's CRDs serve. Contract 4."""

SESSIONS: Final = "agenticsessions"
"""Plural of AgenticSession. Contract 12."""

SESSION_PREFIX: Final = "ambient-session-"
"""Name prefix of a session's ServiceAccount, Role and RoleBinding, and of `TRIGGER`. Contract 4, 12."""

TRIGGER: Final = "ambient-session-trigger"
"""Name of the ServiceAccount, Role and RoleBinding with which schedules create sessions. Contract 4, 12."""

KEY_PREFIX: Final = "ambient-key-"
"""Name prefix of a key's ServiceAccount and RoleBinding. Contract 1.4."""

GRANT_PREFIX: Final = "ambient-permission-"
"""Name prefix of a grant's RoleBinding, before its role. Contract 1.3."""

OWNER_BINDING_PREFIX: Final = "ambient-admin-"
"""Name prefix of an owner's RoleBinding. Contract 1.2."""

RUNNER_TOKEN_PREFIX: Final = "ambient-runner-token-"  # noqa: S105 - a name
"""Name prefix of the Secret with a session's token. Contract 12."""

COPIED_SECRETS: Final = ("ambient-vertex", "ambient-admin-langfuse-secret", "ambient-admin-mlflow-observability-secret")
"""Secrets of the platform's namespace that the operator copies into a workspace for its sessions. Contract 3."""

BACKEND: Final = "backend-api"
"""ServiceAccount of the platform's backend, in the platform's namespace. Contract 2."""

OPERATOR: Final = "agentic-operator"
"""ServiceAccount of the platform's operator, in the platform's namespace. Contract 4."""

CONTAINER_LIMITS: Final = "ambient-default-limits"
"""Name of the LimitRange that the operator creates if it is missing, and never changes. Contract 4."""

FEATURE_FLAGS: Final = "feature-flag-overrides"
"""ConfigMap with the workspace's overrides of feature flags. Contract 0."""

FEATURE_FLAGS_LABELS: Final = {MANAGED_BY_LABEL: MANAGED_BY_VALUE, "app.kubernetes.io/component": "feature-flags"}
"""Labels of that ConfigMap; the platform never reads them. Contract 3."""

CA_BUNDLE: Final = "trusted-ca-bundle"
"""ConfigMap that replaces the system's CA file in session containers. Contract 3."""

CA_BUNDLE_KEY: Final = "ca-bundle.crt"
"""Key in `CA_BUNDLE`. Contract 3."""

# Names with a meaning in sessions

STORAGE_VARIABLES: Final = (
    "STORAGE_MODE",
    "S3_ENDPOINT",
    "S3_BUCKET",
    "S3_REGION",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
)
"""Keys of the integration secret that configure the workspace's object storage. Contract 3, 4."""

WIPED_VARIABLES: Final = (
    "GITLAB_TOKEN",
    "JIRA_URL",
    "JIRA_EMAIL",
    "JIRA_API_TOKEN",
    "USER_GOOGLE_EMAIL",
    "CODERABBIT_API_KEY",
    "KUBECONFIG",
)
"""Variables that the Claude runner deletes before every run, so that a workspace's value reaches no agent.

`GITHUB_TOKEN` is deleted too, and comes back through the backend's fallback. Contract 3, 10.15.
"""

WIPED_VARIABLE_PATTERN: Final = r"MCP_[^_]*_.*"
"""Pattern of further names that the runner deletes, except `MCP_CONFIG_FILE`; matches whole names. Contract 3."""

FORCED_VARIABLES: Final = (
    "AGENTIC_SESSION_NAME",
    "AGENTIC_SESSION_NAMESPACE",
    "AGUI_PORT",
    "AGUI_TOKEN",
    "ARTIFACTS_DIR",
    "BACKEND_API_URL",
    "CLAUDE_CODE_USE_VERTEX",
    "DEBUG",
    "GOOGLE_MCP_CREDENTIALS_DIR",
    "GOOGLE_OAUTH_CLIENT_ID",
    "GOOGLE_OAUTH_CLIENT_SECRET",
    "INITIAL_PROMPT",
    "LLM_MAX_TOKENS",
    "LLM_MODEL",
    "LLM_TEMPERATURE",
    "PROJECT_NAME",
    "RUNNER_STATE_DIR",
    "RUNNER_TYPE",
    "SESSION_ID",
    "TIMEOUT",
    "USE_AGUI",
    "USE_VERTEX",
    "WORKSPACE_PATH",
)
"""Variables that the operator sets in every runner container, over a workspace's secret. Contract 3."""

MCP_VARIABLES: Final = ("CUSTOM_MCP_SERVERS", "PROJECT_MCP_SERVERS")
"""Variables with which the operator hands MCP servers to the runner. Without such servers it sets none, and the value
of a workspace's secret is read instead. Contract 3."""

SOMETIMES_FORCED_VARIABLES: Final = (
    "ACTIVE_WORKFLOW_BRANCH",
    "ACTIVE_WORKFLOW_GIT_URL",
    "ACTIVE_WORKFLOW_PATH",
    "ANTHROPIC_VERTEX_PROJECT_ID",
    "CLOUD_ML_REGION",
    "GCE_METADATA_HOST",
    "GCE_METADATA_TIMEOUT",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_OAUTH_REDIRECT_URI",
    "IS_RESUME",
    "LANGFUSE_ENABLED",
    "LANGFUSE_HOST",
    "LANGFUSE_PUBLIC_KEY",
    "LANGFUSE_SECRET_KEY",
    "LLM_MODEL_VERTEX_ID",
    "MAIN_REPO_INDEX",
    "MAIN_REPO_NAME",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_TRACING_ENABLED",
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_WORKSPACE",
    "OBSERVABILITY_BACKENDS",
    "PARENT_SESSION_ID",
    "REPOS_JSON",
    "USER_ID",
    "USER_NAME",
)
"""Variables that the operator sets in some sessions, by their request or by its own config, over a workspace's secret.
`MCP_CONFIG_FILE` is another one, which a workspace may set. Contract 3."""

WORKSPACE_FLAGS: Final = (
    "runner.gemini-cli.enabled",
    "ldap.autocomplete.enabled",
    "scheduled-session.reuse.enabled",
    "jira-write",
    "advanced-sdk-options",
    "gerrit.enabled",
)
"""Feature flags that the platform ships with the tag scope:workspace; Unleash may have others. Contract 7."""

GLOBAL_FLAGS: Final = ("runner.gemini-cli.enabled", "gerrit.enabled")
"""Flags of `WORKSPACE_FLAGS` for which the backend asks Unleash alone when it matters: the override of a workspace
changes at most what its pages show. Contract 7."""

MODEL_FLAG_PATTERN: Final = r"model\..+\.enabled"
"""Pattern of the flags of gated models; matches whole names. Contract 7."""

SHIPPED_MCP_SERVERS: Final = ("context7", "deepwiki", "webfetch")
"""MCP servers in the runner's image. Contract 7."""

RUNNER_MCP_SERVERS: Final = (
    "acp",
    "ambient",
    "corrections",
    "gerrit",
    "rubric",
    "session",
)
"""MCP servers of the runner itself, which replace custom ones of the same name; `gerrit` if its user has connected it.
Contract 7."""

V2_MCP_SERVERS: Final = ("github", "google-workspace", "mcp-atlassian", "openshift")
"""Further ones in sessions of the API server, each if its credentials are bound. Contract 7."""

# Limits

WORKSPACE_NAME_MIN: Final = 2
"""Characters; the V2 API's rule, V1 allows 1. Contract 1.1."""

WORKSPACE_NAME_MAX: Final = 63
"""Characters; a DNS label. Contract 1.1."""

DISPLAY_NAME_MAX: Final = 100
"""Characters of a workspace's display name; a rule of the UI only. Contract 1.1."""

WORKSPACE_DESCRIPTION_MAX: Final = 500
"""Characters of a workspace's description; a rule of the UI only. Contract 1.1."""

KEY_NAME_MAX: Final = 64
"""Characters of a key's name; a rule of the UI only. Contract 1.4."""

KEY_DESCRIPTION_MAX: Final = 200
"""Characters of a key's description; a rule of the UI only. Contract 1.4."""

SUBJECT_NAME_MAX_BYTES: Final = 253
"""Bytes of UTF-8 in a user's or group's name; at least 1. Contract 1.3."""

OBJECT_NAME_MAX: Final = 253
"""Bytes; Kubernetes' limit for the name of a ServiceAccount or a Secret."""

_DNS_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

# Go's unicode.IsControl covers category Cc; Cs (lone surrogates) cannot be encoded as UTF-8.
_UNUSABLE_CATEGORIES: Final = frozenset({"Cc", "Cs"})


def subject_name_problem(name: str) -> tuple[str, str] | None:
    """Say what the platform would refuse in the name of a subject, or None; as problem and hint. Contract 1.3."""
    allowed = f"allowed: 1-{SUBJECT_NAME_MAX_BYTES} bytes without control characters"
    if not name:
        return "the name is empty", allowed
    if any(unicodedata.category(character) in _UNUSABLE_CATEGORIES for character in name):
        return f"{name!r} has a control character", allowed
    length = len(name.encode())
    if length > SUBJECT_NAME_MAX_BYTES:
        return f"the name has {length} bytes", allowed
    return None


def service_account_problem(namespace: str, name: str) -> tuple[str, str] | None:
    """Say what Kubernetes would refuse in a ServiceAccount's namespace or name, or None; as problem and hint."""
    if not _DNS_LABEL.fullmatch(namespace):
        return f"{namespace!r} is not a namespace", "allowed: 1-63 of a-z 0-9 -, no dash at either end"
    if len(name) > OBJECT_NAME_MAX or not _DNS_SUBDOMAIN.fullmatch(name):
        return (
            f"{name!r} is not the name of a ServiceAccount",
            f"allowed: 1-{OBJECT_NAME_MAX} of a-z 0-9 - and ., each part between dots without a dash at either end",
        )
    return None


IDLE_TIMEOUT_DEFAULT: Final = 86_400
"""Seconds without activity after which the operator stops a session; the CRD's default. 0 means never. Contract 4."""

CONTAINER_LIMITS_DEFAULT: Final = {
    "defaultRequest": {"cpu": "250m", "memory": "256Mi"},
    "default": {"cpu": "2", "memory": "4Gi"},
}
"""Values that the operator sets in `CONTAINER_LIMITS`. Contract 4."""

TOKEN_LIFETIME_MIN: Final = 600
"""Seconds; Kubernetes rejects less. Contract 7."""

TOKEN_LIFETIME_MAX: Final = 31_536_000
"""Seconds, 365 days; the backend rejects more. Contract 1.4."""

TOKEN_LIFETIME_DEFAULT: Final = 7_776_000
"""Seconds, 90 days; the UI's default. Contract 1.4."""

# Network

RUNNER_PORT: Final = 8001
"""TCP port of a session's pod that the platform's namespace must reach. Contract 10.19."""

BACKEND_PORT: Final = 8080
"""TCP port of the platform's backend, which sessions call. Contract 10.19."""

OBJECT_STORE_PORT: Final = 9000
"""TCP port of the platform's bundled MinIO, and of V2's API server for gRPC. Contract 6, 8."""

API_SERVER_PORT: Final = 8000
"""TCP port of V2's API server, which its sessions call. Contract 6."""

# ---------------------------------------------------------------------------------------------------------------------
# This project's own names, which the platform neither writes nor reads. Clusters hold them, so they are never renamed.

OWN_PREFIX: Final = "ambient-components/"
"""Prefix of all labels and annotations of this project."""

OWNER_ANNOTATION: Final = "ambient-components/owner"
"""Ownership annotation, on Namespaces, buckets and token Secrets: the project and fleet that own the object."""

RELEASED_BY_ANNOTATION: Final = "ambient-components/released-by"
"""On a Namespace: the owner that released it. The last step of a release writes it; without it the release is
incomplete.
"""

CREATED_BY: Final = "ambient-components"
"""Value of `SCHEDULE_CREATED_BY_LABEL` on a schedule of ours."""

OPENED_AT_ANNOTATION: Final = "ambient-components/opened-at"
"""On ProjectSettings: time of the last reopening. The change makes the operator recreate `TRIGGER`."""

CLOSING_QUOTA: Final = "ambient-components-closing"
"""ResourceQuota that refuses new access in a namespace while its access ends."""

SUSPENDED_ANNOTATION: Final = "ambient-components/suspended-on-close"
"""On a CronJob, with the value `true`: closing suspended it, so reopening resumes it."""

KEY_LABEL: Final = "ambient-components/key"
"""On a token Secret: the key's id."""

KEY_GENERATION_ANNOTATION: Final = "ambient-components/generation"
"""On a token Secret: the key's generation, from 1."""

ISSUED_AT_ANNOTATION: Final = "ambient-components/issued-at"
"""On a token Secret: time of issue of its token, RFC 3339."""

SERVICE_ACCOUNT_ANNOTATION: Final = "ambient-components/service-account"
"""On a token Secret: the ServiceAccount of its token."""

DELIVERY_LABEL: Final = "ambient-components/delivery"
"""On a Secret that a key is delivered to, in a namespace that is not a workspace; value `DELIVERY`."""

DELIVERY: Final = "true"
"""Value of `DELIVERY_LABEL`."""

KEY_NAME_OF_DELIVERY: Final = "ambient-components/delivered-key"
"""On a delivery Secret: the key that it holds, as WORKSPACE/KEY."""

BOUND_OBJECT_LABEL: Final = "ambient-components/handle"
"""On a token Secret: deleting that empty Secret revokes its token; value `BOUND_OBJECT`."""

BOUND_OBJECT: Final = "true"
"""Value of `BOUND_OBJECT_LABEL`."""

FLEET_LABEL: Final = "ambient-components/fleet"
"""On a shard's run record: hash of the owner of its fleet."""

STACK_ANNOTATION: Final = "ambient-components/stack"
"""On a shard's run record: its stack."""

# The guard: admission policies that a cluster admin installs

GUARD_LABEL: Final = "ambient-components/guard"
"""On a Namespace: the mode of its guard, audit, warn or deny. On the guard's own objects: its version."""

GUARD_SHARING_ANNOTATION: Final = "ambient-components/guard-sharing"
"""On a guarded Namespace: what people may share, own, view or none. Missing means own."""

GUARD_OFF_ANNOTATION: Final = "ambient-components/guard-off"
"""On a guarded Namespace: rules that are switched off, comma separated. Missing means none."""

GUARD_KEYS_ANNOTATION: Final = "ambient-components/guard-keys"
"""On a guarded Namespace: ids of the declared keys, comma separated; each stands for all of its generations."""

GUARD_ACCOUNTS_ANNOTATION: Final = "ambient-components/guard-accounts"
"""On a guarded Namespace: ServiceAccounts of declared keys with names that no id gives, comma separated."""

GUARD_FILE_ANNOTATION: Final = "ambient-components/guard-file"
"""On a guarded Namespace: the stack file, for the text of refusals. Missing in programs without one."""

GUARD_MANAGER: Final = "ambient-components-guard"
"""Field manager of a workspace's guard, for every stack: a stack that adopts a workspace owns the fields alone."""

GUARD_DIGEST_ANNOTATION: Final = "ambient-components/guard-digest"
"""On the guard's policies and bindings: digest of the spec as it was printed."""

ADMISSION_API_GROUP: Final = "admissionregistration.k8s.io"

GUARD_POLICIES: Final = "validatingadmissionpolicies"

GUARD_BINDINGS: Final = "validatingadmissionpolicybindings"

GUARD_API_GROUP: Final = "guard.ambient-components"
"""API group that exists in RBAC alone: a right on one of the guard's topics exempts a subject from its rules."""

GUARD_BYPASS: Final = "bypass"
"""Verb in `GUARD_API_GROUP`: the rules of the topic do not apply."""

GUARD_GIVE: Final = "give"
"""Verb in `GUARD_API_GROUP`, on rights: gives one of them in a workspace. Cluster admins alone have it."""

GUARD_RELAY: Final = "relay"
"""Verb in `GUARD_API_GROUP`, on schedules: writes them for the user who is named in them, as the backend does."""
