"""All warnings by name, and acknowledgements, which hide them. What each means is in docs/reference/warnings.md.

JSON shows the names, pages group by them, and `acknowledge` in a stack file refers to them. Who reads a page has seen
what is acknowledged: it is counted, and not shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Self

from ambient_components.errors import Acknowledged, Problem
from ambient_components.printable import quoted


class WarningRule(StrEnum):
    """A warning about a condition, which a stack file can acknowledge."""

    # What the stack's files alone show.
    ALLOW_WITHOUT_ISOLATE = "allowWithoutIsolate"
    RUNNER_MCP_SERVER = "runnerMcpServer"
    DISABLED_CUSTOM_SERVER = "disabledCustomServer"
    UNKNOWN_MCP_SERVER = "unknownMcpServer"
    UNKNOWN_FEATURE_FLAG = "unknownFeatureFlag"
    GLOBAL_FEATURE_FLAG = "globalFeatureFlag"
    NON_EXPIRING_ACCESS_KEY = "nonExpiringAccessKey"
    STATIC_KEY = "staticKey"
    PLATFORM_KEY = "platformKey"
    NO_CLAUDE_KEY = "noClaudeKey"
    UNREACHED_VARIABLE = "unreachedVariable"
    LOOKALIKE_NAME = "lookalikeName"
    DIFFERENT_CASE = "differentCase"
    PREFIXED_NAME = "prefixedName"
    UNKNOWN_WORKSPACE = "unknownWorkspace"
    UNUSED_EXCEPTION = "unusedException"
    OPEN_MASS_REMOVAL = "openMassRemoval"
    NO_RUNNER_SECRET = "noRunnerSecret"  # noqa: S105  # a name, not a value
    FEW_CERTIFICATES = "fewCertificates"
    STORE_OUT_OF_REACH = "storeOutOfReach"

    # Dates.
    GRANT_ENDED = "grantEnded"
    GRANT_ENDING = "grantEnding"
    GRANT_BEGINNING = "grantBeginning"
    OVERLAP_ENDING = "overlapEnding"
    TOKEN_ENDING = "tokenEnding"  # noqa: S105  # a name, not a value
    EXPIRED_EXCEPTION = "expiredException"
    REVIEW_DUE = "reviewDue"

    # What the cluster and the object store show.
    NO_PLATFORM = "noPlatform"
    UNSUPPORTED_PLATFORM = "unsupportedPlatform"
    SECOND_PLATFORM = "secondPlatform"
    MISSING_ROLES = "missingRoles"
    CONTROL_PLANE = "controlPlane"
    NAMESPACE_GONE = "namespaceGone"
    NAMESPACE_ENDING = "namespaceEnding"
    UNDECLARED_ACCESS = "undeclaredAccess"
    MISSING_ACCESS = "missingAccess"
    CHANGED_ACCESS = "changedAccess"
    ACCESS_FINALIZERS = "accessFinalizers"
    CHANGED_AFTER_RELEASE = "changedAfterRelease"
    UNMANAGED_WORKSPACE = "unmanagedWorkspace"
    OPERATOR_IMAGE = "operatorImage"
    PODS_AFTER_CLOSING = "podsAfterClosing"
    STORAGE_VARIABLES = "storageVariables"
    MALFORMED_OBJECTS = "malformedObjects"
    FOREIGN_TOKENS = "foreignTokens"
    NO_OBJECT_LOCK = "noObjectLock"
    FOREIGN_BUCKET = "foreignBucket"
    FOREIGN_ACCESS_KEYS = "foreignAccessKeys"
    CHANGED_STORE_USER = "changedStoreUser"
    SHORTER_LIFETIME = "shorterLifetime"


class LoudWarning(StrEnum):
    """A warning that can't be acknowledged: what one run does to access, what it could not do, and unsafe settings."""

    LAST_ADMIN_ENDED = "lastAdminEnded"
    CASE_CHANGED = "caseChanged"
    TOKENS_OUTLIVE_ACCESS = "tokensOutliveAccess"
    PUBLIC_BINDING = "publicBinding"
    UNKNOWN_ACCOUNTS = "unknownAccounts"
    REPLACED_ACCOUNT = "replacedAccount"
    INTERRUPTED_RUN = "interruptedRun"
    UNRECORDED_TOKENS = "unrecordedTokens"
    MISSED_RENEWAL = "missedRenewal"
    ACCESS_KEY_IN_USE = "accessKeyInUse"
    SESSIONS_ALIVE = "sessionsAlive"
    UNDECLARED_VARIABLES = "undeclaredVariables"
    REMOVED_VARIABLES = "removedVariables"
    FORGOTTEN_BUCKET = "forgottenBucket"
    NOT_CHECKED = "notChecked"
    NOT_DONE = "notDone"
    CLOCK_MOVED = "clockMoved"
    SECRETS_LOGGED = "secretsLogged"
    MISSING_LIBRARY = "missingLibrary"
    GUARD_MISSING = "guardMissing"
    GUARD_CHANGED = "guardChanged"
    UNUSED_ACKNOWLEDGEMENT = "unusedAcknowledgement"


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


IN_FILES: Final = frozenset({
    WarningRule.ALLOW_WITHOUT_ISOLATE, WarningRule.RUNNER_MCP_SERVER, WarningRule.DISABLED_CUSTOM_SERVER,
    WarningRule.UNKNOWN_MCP_SERVER, WarningRule.UNKNOWN_FEATURE_FLAG, WarningRule.GLOBAL_FEATURE_FLAG,
    WarningRule.NON_EXPIRING_ACCESS_KEY, WarningRule.STATIC_KEY, WarningRule.PLATFORM_KEY,
    WarningRule.NO_CLAUDE_KEY, WarningRule.UNREACHED_VARIABLE, WarningRule.LOOKALIKE_NAME,
    WarningRule.DIFFERENT_CASE, WarningRule.PREFIXED_NAME, WarningRule.UNKNOWN_WORKSPACE,
    WarningRule.UNUSED_EXCEPTION, WarningRule.OPEN_MASS_REMOVAL, WarningRule.NO_RUNNER_SECRET,
    WarningRule.GRANT_ENDED, WarningRule.EXPIRED_EXCEPTION, WarningRule.REVIEW_DUE,
})  # fmt: skip
"""Warnings that the stack's files alone show, at any time."""

OF_OBJECTS: Final[frozenset[str | None]] = frozenset({WarningRule.UNDECLARED_ACCESS})
"""Warnings that are acknowledged for single objects: a later object is another warning. Their rows name the objects.

A second column, `ADMIN` or `OTHER`, marks objects that can't be acknowledged.
"""

ADMIN: Final = "admin"
OTHER: Final = "other"


def undeclared(warning: Problem) -> list[str]:
    """Return `ADMIN` or `OTHER` for each undeclared object of a warning that is not acknowledged."""
    if warning.rule != WarningRule.UNDECLARED_ACCESS:
        return []
    return [row[-1] if row[1:] else OTHER for row in warning.data] or [OTHER]


def is_ended(warning: Problem, ended: Iterable[tuple[str, str, str]]) -> bool:
    """Return whether a warning is only about undeclared access that a run ends, given as workspace, subject and role.

    The check of a run sees the bindings that an interrupted run left, and not that they are still in the state.
    """
    # As in `provider.workspace.cluster_access`.
    covered = {(workspace, f"{role} of {quoted(subject)}") for workspace, subject, role in ended}
    rows = {(workspace, row[0]) for workspace in warning.workspaces for row in warning.data}
    return warning.rule == WarningRule.UNDECLARED_ACCESS and bool(rows) and rows <= covered


STACK: Final = "*"
"""The scope of an acknowledgement that holds for all workspaces, and for warnings about the stack as a whole."""


def names_of(rule: str, objects: Iterable[str] = ()) -> list[str]:
    """Return the names of what an acknowledgement covers: its rule, or RULE: OBJECT for each object."""
    return [f"{rule}: {item}" for item in objects] if rule in OF_OBJECTS else [rule]


@dataclass(frozen=True, slots=True)
class Acknowledgements:
    scopes: Mapping[str, Mapping[str, Acknowledged]] = field(default_factory=dict)
    """Why and when, by workspace or `STACK`, and by name: see `names_of`."""

    def of(self, warning: Problem) -> Acknowledged | None:
        """Return the acknowledgement of a warning: one of the stack, or one of each workspace that it is about.

        A warning about objects needs one for each of them. Otherwise it is shown, with all of them.
        """
        if warning.rule not in OF_OBJECTS:
            return self._of(warning.rule or "", warning.workspaces)
        covering = [self._of_object(warning, row) for row in warning.data]
        return covering[0] if covering and None not in covering else None

    def _of_object(self, warning: Problem, row: tuple[str, ...]) -> Acknowledged | None:
        (name,) = names_of(warning.rule or "", row[:1])
        return self._of(name, warning.workspaces) if row[1:] == () else None

    def _of(self, name: str, workspaces: Iterable[str]) -> Acknowledged | None:
        if (whole := self.scopes.get(STACK, {}).get(name)) is not None:
            return whole
        own = [self.scopes.get(workspace, {}).get(name) for workspace in workspaces]
        return own[0] if own and None not in own else None

    @property
    def names(self) -> dict[str, list[str]]:
        """The names by scope, as an input of the ledger."""
        return {scope: sorted(rules) for scope, rules in sorted(self.scopes.items())}

    @classmethod
    def named(cls, names: Mapping[str, Iterable[str]]) -> Self:
        """Return what `names` returned, without reasons and dates."""
        return cls({scope: dict.fromkeys(rules, Acknowledged("", "")) for scope, rules in names.items()})

    def marked(self, warnings: Iterable[Problem]) -> list[Problem]:
        """Return warnings, those that are acknowledged with their acknowledgement, the others without known objects."""
        return [replace(warning, acknowledged=self.of(warning), data=self._unknown(warning)) for warning in warnings]

    def _unknown(self, warning: Problem) -> tuple[tuple[str, ...], ...]:
        if warning.rule not in OF_OBJECTS or self.of(warning) is not None:
            return warning.data
        return tuple(row for row in warning.data if self._of_object(warning, row) is None)


NONE: Final = Acknowledgements()
