"""The names of all warnings, which JSON shows, pages group by, and `acknowledge` in a stack file refers to."""

from dataclasses import replace
from enum import StrEnum
from typing import Final

from ambient_components.errors import Problem


class WarningRule(StrEnum):
    """A warning about a condition, which a stack file can acknowledge."""

    # What the stack's files alone show.
    ALLOW_WITHOUT_ISOLATE = "allowWithoutIsolate"
    """Peers are allowed in a workspace that is not isolated."""

    RUNNER_MCP_SERVER = "runnerMcpServer"
    """A custom MCP server has the name of the runner's own."""

    DISABLED_CUSTOM_SERVER = "disabledCustomServer"
    """A custom MCP server is disabled, too."""

    UNKNOWN_MCP_SERVER = "unknownMcpServer"
    """A disabled MCP server does not exist."""

    UNKNOWN_FEATURE_FLAG = "unknownFeatureFlag"
    """The platform does not ship a feature flag."""

    GLOBAL_FEATURE_FLAG = "globalFeatureFlag"
    """The platform ignores a workspace's value of a feature flag."""

    NON_EXPIRING_ACCESS_KEY = "nonExpiringAccessKey"
    """The access key of a bucket never expires."""

    STATIC_KEY = "staticKey"
    """Every session can read a key that never expires."""

    PLATFORM_KEY = "platformKey"
    """The platform issued the tokens of a key, and does not record when they end."""

    NO_CLAUDE_KEY = "noClaudeKey"
    """The runner secret has no key for Claude."""

    UNREACHED_VARIABLE = "unreachedVariable"
    """An integration variable does not reach the agent."""

    LOOKALIKE_NAME = "lookalikeName"
    """The name of a subject looks like another one."""

    DIFFERENT_CASE = "differentCase"
    """Two subjects differ only in case."""

    PREFIXED_NAME = "prefixedName"
    """The name of a subject looks like one with a login's prefix. Only where the config has sso: true."""

    UNKNOWN_WORKSPACE = "unknownWorkspace"
    """`guardrails.secretSources` names a workspace that does not exist."""

    UNUSED_EXCEPTION = "unusedException"
    """An exception from a guardrail allows nothing."""

    OPEN_MASS_REMOVAL = "openMassRemoval"
    """An exception from `massRemoval` has no end."""

    NO_RUNNER_SECRET = "noRunnerSecret"  # noqa: S105  # a name, not a value
    """A workspace declares no runner secret, and is not adopted: an adopted one may have its own."""

    FEW_CERTIFICATES = "fewCertificates"
    """A CA bundle lacks the public authorities."""

    STORE_OUT_OF_REACH = "storeOutOfReach"
    """Network limits keep sessions from their object store."""

    # Dates.
    GRANT_ENDED = "grantEnded"
    """A grant has ended by its date."""

    GRANT_ENDING = "grantEnding"
    """A grant ends soon."""

    GRANT_BEGINNING = "grantBeginning"
    """A grant begins soon; a note of `pulumi preview`."""

    OVERLAP_ENDING = "overlapEnding"
    """The previous generation of a key ends soon."""

    TOKEN_ENDING = "tokenEnding"  # noqa: S105  # a name, not a value
    """A token that is not renewed ends soon, or has ended."""

    EXPIRED_EXCEPTION = "expiredException"
    """An exception has ended, and what it allowed is still declared."""

    # What the cluster and the object store show.
    NO_PLATFORM = "noPlatform"
    """The cluster has no installation of the platform."""

    UNSUPPORTED_PLATFORM = "unsupportedPlatform"
    """The cluster has V2 of the platform alone, where a stack has no effect."""

    SECOND_PLATFORM = "secondPlatform"
    """V2 of the platform is installed too, and does not show the workspaces."""

    MISSING_ROLES = "missingRoles"
    """The platform's ClusterRoles do not exist, so grants and keys give no access."""

    CONTROL_PLANE = "controlPlane"
    """V2's control plane has a project for a workspace's namespace, and may delete it."""

    NAMESPACE_GONE = "namespaceGone"
    """The namespace of a deployed workspace does not exist."""

    NAMESPACE_ENDING = "namespaceEnding"
    """The namespace of a deployed workspace is being deleted."""

    UNDECLARED_ACCESS = "undeclaredAccess"
    """A workspace has access that no file declares."""

    MISSING_ACCESS = "missingAccess"
    """Declared access is not in the cluster."""

    CHANGED_ACCESS = "changedAccess"
    """Access differs from what was deployed."""

    ACCESS_FINALIZERS = "accessFinalizers"
    """Finalizers keep access after its deletion."""

    CHANGED_AFTER_RELEASE = "changedAfterRelease"
    """Access in a released workspace has ended."""

    UNMANAGED_WORKSPACE = "unmanagedWorkspace"
    """The platform has a workspace in no stack. Only `ambient access --live` shows it."""

    OPERATOR_IMAGE = "operatorImage"
    """Neither the config nor the cluster says which image of the operator schedules run."""

    PODS_AFTER_CLOSING = "podsAfterClosing"
    """Pods of sessions run in a closed workspace."""

    STORAGE_VARIABLES = "storageVariables"
    """The variables of a workspace's own bucket were changed."""

    MALFORMED_OBJECTS = "malformedObjects"
    """Objects in the cluster have no valid form."""

    FOREIGN_TOKENS = "foreignTokens"
    """Token Secrets under the name of a key are not this stack's."""

    NO_OBJECT_LOCK = "noObjectLock"
    """A bucket has lost its object lock."""

    FOREIGN_BUCKET = "foreignBucket"
    """Another stack owns a bucket."""

    FOREIGN_ACCESS_KEYS = "foreignAccessKeys"
    """Access keys of a bucket's user were made by hand."""

    CHANGED_STORE_USER = "changedStoreUser"
    """The object store's user differs from its declaration."""

    SHORTER_LIFETIME = "shorterLifetime"
    """The cluster grants tokens a shorter lifetime."""


class LoudWarning(StrEnum):
    """A warning that can't be acknowledged: what one run does to access, what it could not do, and unsafe settings."""

    LAST_ADMIN_ENDED = "lastAdminEnded"
    """The grant of the last admin has ended by its date."""

    CASE_CHANGED = "caseChanged"
    """A subject is replaced by one of the same name in another case."""

    TOKENS_OUTLIVE_ACCESS = "tokensOutliveAccess"
    """Access ends, and tokens that people made with it stay valid."""

    PUBLIC_BINDING = "publicBinding"
    """A RoleBinding gives access to a group of everyone, and no file declares it."""

    UNKNOWN_ACCOUNTS = "unknownAccounts"
    """ServiceAccounts of new keys exist, are in no state, and end."""

    REPLACED_ACCOUNT = "replacedAccount"
    """Others replaced the ServiceAccount or RoleBinding of declared access."""

    INTERRUPTED_RUN = "interruptedRun"
    """An interrupted run left something behind."""

    UNRECORDED_TOKENS = "unrecordedTokens"
    """Tokens or access keys exist without a record."""

    MISSED_RENEWAL = "missedRenewal"
    """No run renewed a token before it expired."""

    ACCESS_KEY_IN_USE = "accessKeyInUse"
    """An access key can't be revoked or renewed while a Secret holds it."""

    SESSIONS_ALIVE = "sessionsAlive"
    """Sessions have not stopped."""

    UNDECLARED_VARIABLES = "undeclaredVariables"
    """Others have saved variables in a secret, and a run removes them."""

    REMOVED_VARIABLES = "removedVariables"
    """A run removed what others saved in a secret."""

    FORGOTTEN_BUCKET = "forgottenBucket"
    """A bucket leaves the state and stays unchanged."""

    NOT_CHECKED = "notChecked"
    """A run could not read something."""

    NOT_DONE = "notDone"
    """A run could not do something that is not required to go on."""

    CLOCK_MOVED = "clockMoved"
    """An environment variable moves the clock."""

    SECRETS_LOGGED = "secretsLogged"
    """An environment variable logs every secret."""

    MISSING_LIBRARY = "missingLibrary"
    """A library that a bucket needs is not installed here."""

    UNUSED_ACKNOWLEDGEMENT = "unusedAcknowledgement"
    """An acknowledgement matches no warning."""


Kind = WarningRule | LoudWarning

LOUD: Final[frozenset[str | None]] = frozenset(LoudWarning)
"""Warnings that can't be acknowledged."""

REPAIRED: Final[frozenset[str | None]] = frozenset(
    {
        WarningRule.NAMESPACE_GONE,
        WarningRule.MISSING_ACCESS,
        WarningRule.CHANGED_ACCESS,
        WarningRule.STORAGE_VARIABLES,
        WarningRule.CHANGED_STORE_USER,
    }
)
"""Warnings of drift that a run with a refresh repairs."""

_NAMES: Final = LOUD.union(WarningRule)


def with_name(problem: Problem) -> Problem:
    """Return a problem with the name of its warning in the text."""
    return replace(problem, problem=f"{problem.problem} [{problem.rule}]") if problem.rule in _NAMES else problem


IN_FILES: Final = frozenset(
    {
        WarningRule.ALLOW_WITHOUT_ISOLATE,
        WarningRule.RUNNER_MCP_SERVER,
        WarningRule.DISABLED_CUSTOM_SERVER,
        WarningRule.UNKNOWN_MCP_SERVER,
        WarningRule.UNKNOWN_FEATURE_FLAG,
        WarningRule.GLOBAL_FEATURE_FLAG,
        WarningRule.NON_EXPIRING_ACCESS_KEY,
        WarningRule.STATIC_KEY,
        WarningRule.PLATFORM_KEY,
        WarningRule.NO_CLAUDE_KEY,
        WarningRule.UNREACHED_VARIABLE,
        WarningRule.LOOKALIKE_NAME,
        WarningRule.DIFFERENT_CASE,
        WarningRule.PREFIXED_NAME,
        WarningRule.UNKNOWN_WORKSPACE,
        WarningRule.UNUSED_EXCEPTION,
        WarningRule.OPEN_MASS_REMOVAL,
        WarningRule.NO_RUNNER_SECRET,
        WarningRule.GRANT_ENDED,
        WarningRule.EXPIRED_EXCEPTION,
    }
)
"""Warnings that the stack's files alone show, at any time."""

MANY: Final[dict[str | None, str]] = {WarningRule.NO_RUNNER_SECRET: "have no runner secret"}
"""What a warning says of several workspaces, after their number, where that is all it says."""
