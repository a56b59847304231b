"""The platform's vocabulary: roles, labels, annotations, fixed names and limits.

What the platform's backend, operator and UI write and select on, to the letter: an object that differs in one of these
strings is invisible to them. The first part is the Ambient Code Platform's; the second, at the end, is ours.
"Contract N" in these notes is a section of the platform contract, read from the platform's sources at commit 0b59fe7.
"""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a subject or an API key may do in one workspace; weakest first. Contract 1.3, 1.4."""

    VIEW = "view"
    """Read sessions and their results."""

    EDIT = "edit"
    """Run and change sessions. Can also mint tokens of any ServiceAccount in the namespace."""

    ADMIN = "admin"
    """Everything in the workspace, its sharing and its secrets included."""


ROLES: Final = tuple(Role)
"""Every role, weakest first."""


def cluster_role(role: Role) -> str:
    """Return the ClusterRole that the platform ships for a role. Contract 1.3."""
    return f"ambient-project-{role}"


class PodSecurity(StrEnum):
    """Level of Kubernetes' Pod Security Standards that the namespace enforces."""

    PRIVILEGED = "privileged"
    """Nothing is refused."""

    BASELINE = "baseline"
    """What is known to break out of a container is refused."""


RBAC_API_GROUP: Final = "rbac.authorization.k8s.io"
"""API group of roleRef and of User and Group subjects; a ServiceAccount subject has none. Contract 1.2, 1.3."""

NETWORK_API_GROUP: Final = "networking.k8s.io"
"""API group of NetworkPolicy."""

BATCH_API_GROUP: Final = "batch"
"""API group of CronJob."""

# Labels

MANAGED_LABEL: Final = "ambient-code.io/managed"
"""On a Namespace: the one thing that makes it a workspace. Contract 0."""

MANAGED: Final = "true"
"""Value of `MANAGED_LABEL`; any other value takes the namespace off the platform's list. Contract 0."""

UNMANAGED: Final = "false"
"""What we write to `MANAGED_LABEL` of a closed workspace."""

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
"""On a Namespace and the feature-flag ConfigMap; written by the platform, read by nobody. Contract 0."""

MANAGED_BY_VALUE: Final = "ambient-code"
"""Value of `MANAGED_BY_LABEL`. Contract 1.1."""

POD_SECURITY_LABEL: Final = "pod-security.kubernetes.io/enforce"
"""On a Namespace: the level of pod security that is enforced; Kubernetes' own. Contract 10.18."""


OWNER_ROLE_LABEL: Final = "ambient-code.io/role"
"""Label of a creator binding, with the value `admin`. Equal to `ROLE_ANNOTATION` in spelling only. Contract 1.2."""

APP_LABEL: Final = "app"
"""What the Sharing and Keys pages select on. Contract 0."""

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
"""On a key's ServiceAccount and binding: its label in the UI. Contract 1.4."""

DESCRIPTION_ANNOTATION: Final = "ambient-code.io/description"
"""On a key's ServiceAccount; present even if empty. Contract 1.4."""

CREATED_AT_ANNOTATION: Final = "ambient-code.io/created-at"
"""On a key's ServiceAccount: RFC 3339. Contract 1.4."""

SA_NAME_ANNOTATION: Final = "ambient-code.io/sa-name"
"""On a key's binding: its ServiceAccount; without it a revocation in the UI leaves the binding. Contract 10.5."""

CREATED_BY_USER_ID_ANNOTATION: Final = "ambient-code.io/created-by-user-id"
"""On a key's ServiceAccount: whom the key acts for in SSO mode, instead of its own role. We omit it. Contract 10.4."""

LAST_USED_AT_ANNOTATION: Final = "ambient-code.io/last-used-at"
"""On a key's ServiceAccount: written by the backend at every use, never by us. Contract 4."""

RUNNER_SECRET_ANNOTATION: Final = "ambient-code.io/runner-secret"  # noqa: S105 - a name
"""On both workspace secrets, with the value `true`. Contract 3."""

OPENSHIFT_DISPLAY_NAME_ANNOTATION: Final = "openshift.io/display-name"
"""On a Namespace, on OpenShift only; falls back to the name. Contract 1.1."""

OPENSHIFT_DESCRIPTION_ANNOTATION: Final = "openshift.io/description"
"""On a Namespace, on OpenShift only, and only if not empty. Contract 1.1."""

SESSION_POD_APP: Final = "ambient-code-runner"
"""Value of `APP_LABEL` on the pod of a session. Contract 12."""

SESSION_POD_LABEL: Final = "agentic-session"
"""On the pod of a session: the session's name. Contract 12."""

RUNNER_TOKEN_APP: Final = "ambient-runner-token"  # noqa: S105 - a name
"""Value of `APP_LABEL` on the Secret with a session's token; without it, a start makes a new one. Contract 12."""

SCHEDULE_LABEL: Final = "ambient-code.io/scheduled-session"
"""On the CronJob of a scheduled session, with the value `true`: what the platform selects on. Contract 12."""

DESIRED_PHASE_ANNOTATION: Final = "ambient-code.io/desired-phase"
"""On an AgenticSession: `STOPPED` or `RUNNING`, what the operator brings it to. Contract 12."""

STOP_REQUESTED_AT_ANNOTATION: Final = "ambient-code.io/stop-requested-at"
"""On an AgenticSession: when the stop was requested, RFC 3339. Contract 12."""

SCHEDULE_NAME_ANNOTATION: Final = "ambient-code.io/display-name"
"""On the CronJob of a scheduled session: its name in the UI. Contract 12."""

# Phases of a session

RUNNING: Final = "Running"
"""Phase of a session, and a value of `DESIRED_PHASE_ANNOTATION`. Contract 12."""

STOPPED: Final = "Stopped"
"""Phase of a session, and a value of `DESIRED_PHASE_ANNOTATION`. Contract 12."""

ENDED_PHASES: Final = (STOPPED, "Completed", "Failed")
"""Phases in which a session has no pod. Contract 12."""

# Fixed names

PLATFORM_NAMESPACE_DEFAULT: Final = "ambient-code"
"""Where the platform itself runs, by default; labelled managed in some installations. Contract 8."""

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
"""Names that the platform refuses for a workspace; exactly these seven. Contract 1.1."""

RUNNER_SECRET: Final = "ambient-runner-secrets"  # noqa: S105 - a name
"""Secret with the keys of the language models. Contract 3."""

RUNNER_SECRET_KEYS: Final = ("ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY")
"""What the platform's API lets into the runner secret. Contract 3."""

INTEGRATION_SECRET: Final = "ambient-non-vertex-integrations"  # noqa: S105 - a name
"""Secret with free variables for every session. Contract 3."""

PROJECT_SETTINGS: Final = "projectsettings"
"""Name of the one ProjectSettings of a workspace. Contract 0."""

PLATFORM_API_GROUP: Final = "vteam.ambient-code"
"""API group of ProjectSettings and of sessions. Contract 4."""

PLATFORM_API_VERSION: Final = "v1alpha1"
"""The version that the platform's CRDs serve. Contract 4."""

SESSIONS: Final = "agenticsessions"
"""Plural of AgenticSession. Contract 12."""

SESSION_PREFIX: Final = "ambient-session-"
"""Beginning of the names of a session's ServiceAccount, Role and RoleBinding, and of `TRIGGER`. Contract 4, 12."""

TRIGGER: Final = "ambient-session-trigger"
"""Name of the ServiceAccount, Role and RoleBinding by which schedules create sessions. Contract 4, 12."""

KEY_PREFIX: Final = "ambient-key-"
"""Beginning of the names of a key's ServiceAccount and RoleBinding. Contract 1.4."""

CONTAINER_LIMITS: Final = "ambient-default-limits"
"""Name of the LimitRange that the operator makes where there is none, and never changes. Contract 4."""

FEATURE_FLAGS: Final = "feature-flag-overrides"
"""ConfigMap with the workspace's overrides, flag by flag. Contract 0."""

FEATURE_FLAGS_LABELS: Final = {MANAGED_BY_LABEL: MANAGED_BY_VALUE, "app.kubernetes.io/component": "feature-flags"}
"""Labels of that ConfigMap; read by nobody. Contract 3."""

CA_BUNDLE: Final = "trusted-ca-bundle"
"""ConfigMap whose one key takes the place of the system's CA file in session containers. Contract 3."""

CA_BUNDLE_KEY: Final = "ca-bundle.crt"
"""Key in `CA_BUNDLE`. Contract 3."""

# Names that mean something in a session

STORAGE_VARIABLES: Final = (
    "STORAGE_MODE",
    "S3_ENDPOINT",
    "S3_BUCKET",
    "S3_REGION",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
)
"""Keys of the integration secret that set the workspace's object storage. Contract 3, 4."""

WIPED_VARIABLES: Final = (
    "GITLAB_TOKEN",
    "JIRA_URL",
    "JIRA_EMAIL",
    "JIRA_API_TOKEN",
    "CODERABBIT_API_KEY",
    "KUBECONFIG",
)
"""What the Claude runner deletes before every run, so that a workspace's value reaches no agent.

`GITHUB_TOKEN` is deleted too, and comes back through the backend's fallback. Contract 3, 10.15.
"""

WIPED_VARIABLE_PATTERN: Final = r"MCP_[^_]*_.*"
"""Whole names that it deletes as well, but for `MCP_CONFIG_FILE`. Contract 3."""

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
    "SESSION_ID",
    "TIMEOUT",
    "USE_AGUI",
    "USE_VERTEX",
    "WORKSPACE_PATH",
)
"""What the operator sets in every runner container; it beats a workspace's secret. Contract 3, OH/sessions.go."""

WORKSPACE_FLAGS: Final = (
    "runner.gemini-cli.enabled",
    "ldap.autocomplete.enabled",
    "scheduled-session.reuse.enabled",
    "jira-write",
    "advanced-sdk-options",
    "gerrit.enabled",
)
"""Feature flags that the platform ships with the tag scope:workspace; Unleash may hold others. Contract 7."""

MODEL_FLAG_PATTERN: Final = r"model\..+\.enabled"
"""Whole names of the flags of gated models. Contract 7."""

SHIPPED_MCP_SERVERS: Final = ("context7", "deepwiki", "webfetch")
"""MCP servers in the runner's image. Contract 7."""

RUNNER_MCP_SERVERS: Final = ("acp", "ambient", "corrections", "rubric", "session")
"""MCP servers of the runner itself, put over custom ones of the same name (its bridges/claude/mcp.py)."""

# Limits

WORKSPACE_NAME_MIN: Final = 2
"""Characters; the V2 API's rule, V1 takes 1. Contract 1.1."""

WORKSPACE_NAME_MAX: Final = 63
"""Characters; a DNS label. Contract 1.1."""

DISPLAY_NAME_MAX: Final = 100
"""Characters of a workspace's display name; a rule of the UI only. Contract 1.1."""

WORKSPACE_DESCRIPTION_MAX: Final = 500
"""Characters of a workspace's description; a rule of the UI only. Contract 1.1."""

KEY_NAME_MAX: Final = 64
"""Characters of a key's label; a rule of the UI only. Contract 1.4."""

KEY_DESCRIPTION_MAX: Final = 200
"""Characters of a key's description; a rule of the UI only. Contract 1.4."""

SUBJECT_NAME_MAX_BYTES: Final = 253
"""Bytes of UTF-8 in a user's or group's name; at least 1. Contract 1.3."""

OBJECT_NAME_MAX: Final = 253
"""Bytes; Kubernetes' limit for the name of a ServiceAccount or a Secret."""

IDLE_TIMEOUT_DEFAULT: Final = 86_400
"""Seconds without activity after which the operator stops a session; the CRD's default. 0 is never. Contract 4."""

CONTAINER_LIMITS_DEFAULT: Final = {
    "defaultRequest": {"cpu": "250m", "memory": "256Mi"},
    "default": {"cpu": "2", "memory": "4Gi"},
}
"""What the operator puts into `CONTAINER_LIMITS`. Contract 4."""

TOKEN_LIFETIME_MIN: Final = 600
"""Seconds; Kubernetes refuses less. Contract 7."""

TOKEN_LIFETIME_MAX: Final = 31_536_000
"""Seconds, 365 days; the backend refuses more. Contract 1.4."""

TOKEN_LIFETIME_DEFAULT: Final = 7_776_000
"""Seconds, 90 days; what the UI preselects. Contract 1.4."""

# Network

RUNNER_PORT: Final = 8001
"""TCP port of a session's pod that the platform's namespace must reach. Contract 10.19."""

BACKEND_PORT: Final = 8080
"""TCP port of the platform's backend, which sessions call. Contract 10.19."""

OBJECT_STORE_PORT: Final = 9000
"""TCP port of the MinIO that the platform brings along. Contract 8."""

# ---------------------------------------------------------------------------------------------------------------------
# Ours: the platform neither writes nor reads what follows. Stored in clusters, so never renamed.

OWNER_ANNOTATION: Final = "ambient-components/owner"
"""On Namespace, bucket and handles: project and fleet that own it."""

RELEASED_BY_ANNOTATION: Final = "ambient-components/released-by"
"""On a Namespace: who released it, written by the last step of that run. Without it a release is not complete."""

OPENED_AT_ANNOTATION: Final = "ambient-components/opened-at"
"""On ProjectSettings: when the workspace was reopened, so that the operator takes it up and makes `TRIGGER` anew."""

SUSPENDED_ANNOTATION: Final = "ambient-components/suspended-on-close"
"""On a CronJob, with the value `true`: closing suspended it, so reopening resumes it."""

KEY_LABEL: Final = "ambient-components/key"
"""On a handle: the key's id."""

KEY_GENERATION_ANNOTATION: Final = "ambient-components/generation"
"""On a handle: the key's generation, from 1."""

ISSUED_AT_ANNOTATION: Final = "ambient-components/issued-at"
"""On a handle: when its token was minted, RFC 3339."""

SERVICE_ACCOUNT_ANNOTATION: Final = "ambient-components/service-account"
"""On a handle: the ServiceAccount that its token speaks for."""

DELIVERY_LABEL: Final = "ambient-components/delivery"
"""On a Secret that a key is delivered to, in a namespace that is no workspace; value `DELIVERY`."""

DELIVERY: Final = "true"
"""Value of `DELIVERY_LABEL`."""

KEY_NAME_OF_DELIVERY: Final = "ambient-components/delivered-key"
"""On such a Secret: WORKSPACE/KEY, the key that lies in it."""

HANDLE_LABEL: Final = "ambient-components/handle"
"""On a handle, the empty Secret whose deletion revokes one token; value `HANDLE`."""

HANDLE: Final = "true"
"""Value of `HANDLE_LABEL`."""

FLEET_LABEL: Final = "ambient-components/fleet"
"""On the run record of a shard: which fleet's it is, as a hash of its owner."""

STACK_ANNOTATION: Final = "ambient-components/stack"
"""On the run record of a shard: its stack."""
