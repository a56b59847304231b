"""Guardrails of the ledger, and their settings and exceptions in the stack file."""

import re
from collections.abc import Callable
from typing import Annotated, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    WithJsonSchema,
    model_validator,
)

from ambient_components.model.access_tests import AlwaysTest, NeverTest
from ambient_components.model.base import Model, choice, one_of, refuse, text_schema
from ambient_components.model.dates import Day
from ambient_components.model.marks import recorded
from ambient_components.model.reviews import Reason, Reviews, UnreviewedAccess
from ambient_components.model.sources import SecretName
from ambient_components.model.types import FilePath, Flag, NamespaceName, Text
from ambient_components.rules.guardrail_names import (
    GUARDRAILS,
    STACK_GUARDRAILS,
    WORKSPACE_GUARDRAILS,
    Guardrail,
)
from ambient_components.rules.secrets import namespace_problem, path_problem, variable_problem

_START_OR_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*(_\*)?"

MAX_KEYS: Final = 10
"""Default limit of keys per workspace."""


_RENAMED: Final = {
    "removals": Guardrail.MASS_REMOVAL,
    "wideSubject": Guardrail.PUBLIC_ACCESS,
    "endlessKey": Guardrail.NON_EXPIRING_KEY,
    "manyKeys": Guardrail.TOO_MANY_KEYS,
    "personalGrant": Guardrail.INDIVIDUAL_GRANT,
    "adminKeyBesideEdit": Guardrail.ADMIN_KEY_WITH_EDITORS,
}
"""Former names of guardrails, for stack files from before the first release."""


def _guardrail_of(allowed: tuple[str, ...], elsewhere: str) -> Callable[[object], object]:
    """Return a validator for guardrail names in one scope; a guardrail of another scope gets its own error."""

    def read(value: object) -> object:
        if isinstance(value, str) and value in _RENAMED:
            refuse(f"{value!r} is not a guardrail", f"it is called '{_RENAMED[value]}' now")
        if isinstance(value, str) and value in GUARDRAILS and value not in allowed:
            refuse(f"{value} {elsewhere}", f"allowed here: {', '.join(allowed)}")
        return choice(value, allowed, "guardrail") and Guardrail(str(value))

    return read


WorkspaceGuardrail = Annotated[
    Guardrail,
    BeforeValidator(
        _guardrail_of(
            WORKSPACE_GUARDRAILS,
            "is counted over the whole stack, and no workspace can except it: write it at the top of the file",
        )
    ),
    WithJsonSchema({"type": "string", "enum": [*WORKSPACE_GUARDRAILS]}),
]
"""noAdmin, publicAccess, adminKey, adminPipeline, nonExpiringKey, actingKey, actingSchedule, tooManyKeys,
individualGrant, adminKeyWithEditors, unreviewedAccess or expireAfter.
"""

StackGuardrail = Annotated[
    Guardrail,
    BeforeValidator(
        _guardrail_of(
            STACK_GUARDRAILS,
            "is about the objects of one bucket, and the stack can't allow it: write it in exceptions of the workspace",
        )
    ),
    WithJsonSchema({"type": "string", "enum": [*STACK_GUARDRAILS]}),
]
"""massRemoval, noAdmin, publicAccess, adminKey, adminPipeline, nonExpiringKey, actingKey, actingSchedule, tooManyKeys,
individualGrant, adminKeyWithEditors or unreviewedAccess.
"""


class GuardrailException(Model):
    """An exception from one guardrail in this workspace."""

    example: ClassVar[str] = "{guardrail: adminKey, reason: TEXT}"

    guardrail: WorkspaceGuardrail
    """Name of the guardrail. expireAfter: objects that exist already in the workspace's bucket may get an expiry."""

    reason: Reason
    """Reason, for reviewers of the change and later readers."""

    until: Day | None = None
    """Last day of the exception. Default: no end."""


class StackException(GuardrailException):
    """An exception from one guardrail in all workspaces of this stack."""

    example: ClassVar[str] = "{guardrail: massRemoval, reason: TEXT, until: DAY}"

    guardrail: StackGuardrail
    """Name of the guardrail. massRemoval: a run may remove more than usual."""


def _folder(value: str) -> str:
    if not all(part not in ("", ".", "..") for part in value.removeprefix("/").split("/")):
        refuse("is not the path of a folder", "allowed: secrets/shared, in the project, or /run/secrets/payments")
    if verdict := path_problem(value):
        refuse(*verdict)
    return value


def _variables(value: str) -> str:
    if not re.fullmatch(_START_OR_NAME, value):
        refuse("names no variables", "allowed: PAYMENTS_GITHUB_TOKEN, or PAYMENTS_* for all that begin so")
    if verdict := variable_problem(value.removesuffix("*")):
        refuse(*verdict)
    return value


def _namespace(value: str) -> str:
    if verdict := namespace_problem(value):
        refuse(f"{verdict[0]}, and never a source of secrets", verdict[1])
    return value


def _some(value: list[str]) -> list[str]:
    if not value:
        refuse("is empty", "name a workspace, or leave workspaces out for all of them")
    return value


class SecretPlace(Model):
    """A further place for secret sources, besides the workspace's own."""

    example: ClassVar[str] = "{namespace: NAME}"
    other_example: ClassVar[str] = "{folder: PATH}"

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"title": "a namespace", "required": ["namespace"]},
                {"title": "a folder", "required": ["folder"], "not": {"required": ["name"]}},
                {"title": "variables", "required": ["variables"], "not": {"required": ["name"]}},
            ]
        }
    )

    namespace: Annotated[NamespaceName, AfterValidator(_namespace)] | None = None
    """Namespace of Secrets, such as vault-sync. Either this, `folder` or `variables`."""

    name: SecretName | None = None
    """Name of the only allowed Secret. Default: all Secrets of the namespace."""

    folder: Annotated[FilePath, AfterValidator(_folder)] | None = None
    """Folder of the project, such as secrets/shared, or the absolute path of one on the machine of the run."""

    variables: Annotated[Text, AfterValidator(_variables), text_schema("names of variables", _START_OR_NAME)] | None = (
        None
    )
    """Name of an environment variable of the run, or the beginning of several with an asterisk, such as PAYMENTS_*."""

    workspaces: Annotated[list[Text], AfterValidator(_some)] | None = None
    """Names of the workspaces that may use it. Default: all workspaces."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = self.given("namespace", "folder", "variables")
        if len(given) != 1:
            problem = f"has {' and '.join(given)}" if given else "has no namespace, folder or variables"
            refuse(problem, "allowed: exactly one of them, as {namespace: NAME}, {folder: PATH} or {variables: NAME}")
        if self.namespace is None and self.name is not None:
            refuse(f"has {given[0]} and a name", "remove name: it is that of a Secret")
        return self

    def is_for(self, workspace: str) -> bool:
        return self.workspaces is None or workspace in self.workspaces

    def has_variable(self, name: str) -> bool:
        """Return whether it allows an environment variable; upper and lower case differ."""
        start = self.variables or ""
        return name.startswith(start[:-1]) if start.endswith("*") else name == start

    def __str__(self) -> str:
        where = f"folder {self.folder}" if self.folder else f"namespace {self.namespace}"
        where = f"variables {self.variables}" if self.variables else where
        where = f"Secret {self.namespace}/{self.name}" if self.name else where
        return where + (f" for {', '.join(sorted(self.workspaces))}" if self.workspaces else "")


class Guardrails(Model):
    """Guardrail settings of this stack."""

    example: ClassVar[str] = "{maxKeys: 10}"

    max_keys: Annotated[StrictInt, Field(ge=1), recorded()] = MAX_KEYS
    """Maximum number of keys per workspace. Default: 10."""

    groups_only: Annotated[Flag, recorded()] = False
    """Whether new grants for single users are refused; owners may be users. Default: false."""

    isolate_admin_keys: Annotated[Flag, recorded()] = False
    """Whether admin keys, and ServiceAccounts that are admins, are refused if another subject may edit their
    workspace. Default: false.
    """

    reviews: Annotated[Reviews, recorded()] = Reviews.as_default()
    """How long a review of access holds, by role. Default: admin 90d, edit 180d, view 1y."""

    unreviewed_access: Annotated[
        UnreviewedAccess, one_of(UnreviewedAccess, "effect of access without a review"), recorded()
    ] = UnreviewedAccess.OFF
    """refuse: new grants and keys need a `reviewBy` within the time of their role in `reviews`; warn: those without one
    are a warning. Default: off.
    """

    adopt: Annotated[list[NamespaceName], recorded()] = []
    """Existing namespaces that included files may take over by `adopt: true`. Default: none."""

    buckets: Annotated[list[Text], recorded()] = []
    """Existing buckets that included files may take over by `adopt: true` or use by `shared: true`. Default: none."""

    secret_sources: list[SecretPlace] = Field(default=[])
    """Further places for secret sources: variables, folders, and Secrets of other namespaces. Default: none, which
    leaves a workspace of the stack file itself its own, such as PAYMENTS_* and the project's folder secrets/payments.
    """


class GuardrailsRecord(Guardrails):
    """Guardrails of a stack in its ledger.

    The stack file's checks enforce the lists. They are recorded to show changes.
    """

    secret_sources: Annotated[list[Text], recorded()] = []  # type: ignore[assignment]
    """Further places for secret sources, as texts, sorted."""

    exceptions: Annotated[list[StackGuardrail], recorded()] = []
    """Guardrails with a valid exception for all workspaces, sorted."""

    never: Annotated[list[NeverTest], recorded()] = []
    """Access tests, in the order of the file."""

    always: Annotated[list[AlwaysTest], recorded()] = []
    """Access tests, in the order of the file."""


BUILT_IN: Final = GuardrailsRecord.model_construct()
"""Guardrails of a stack that declares none."""
