"""Guardrails of the ledger, and their settings and exceptions in the stack file."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    WithJsonSchema,
    model_validator,
)

from ambient_components.access import guardrail_names
from ambient_components.rules.forbidden_sources import namespace_problem, path_problem
from ambient_components.stackfile.models.base import Model, choice, refuse
from ambient_components.stackfile.models.dates import Day
from ambient_components.stackfile.models.sources import SecretName
from ambient_components.stackfile.models.types import FilePath, Flag, NamespaceName, Text

REASON_MAX: Final = 200
"""Maximum characters of a reason: one line for reviewers."""


class Rail(StrEnum):
    """A change that is refused unless the stack file has an exception."""

    REMOVALS = guardrail_names.REMOVALS
    """More than three, and more than a quarter, of the stack's workspaces, grants or keys are removed in one run."""

    NO_ADMIN = guardrail_names.NO_ADMIN
    """A workspace loses its last admin."""

    WIDE_SUBJECT = guardrail_names.WIDE_SUBJECT
    """Access for a group of all users or all service accounts, such as system:authenticated."""

    ADMIN_KEY = guardrail_names.ADMIN_KEY
    """A key with the role admin."""

    ENDLESS_KEY = guardrail_names.ENDLESS_KEY
    """A key that never expires, or a static one."""

    MANY_KEYS = guardrail_names.MANY_KEYS
    """More keys in one workspace than `rails.keysMax`."""

    PERSONAL_GRANT = guardrail_names.PERSONAL_GRANT
    """A grant for one user, if `rails.groupsOnly` is true."""

    ADMIN_KEY_BESIDE_EDIT = guardrail_names.ADMIN_KEY_BESIDE_EDIT
    """An admin key in a workspace that another subject may edit, if `rails.adminKeysApart` is true."""

    EXPIRE_AFTER = guardrail_names.EXPIRE_AFTER
    """An expiry for objects that exist already in a bucket."""


def _rail_of(allowed: tuple[str, ...], elsewhere: str) -> Callable[[object], object]:
    """Return a validator for guardrail names in one scope; a guardrail of another scope gets its own error."""

    def read(value: object) -> object:
        if isinstance(value, str) and value in guardrail_names.RAILS and value not in allowed:
            refuse(f"{value} {elsewhere}", f"allowed here: {', '.join(allowed)}")
        return choice(value, allowed, "rail") and Rail(str(value))

    return read


def _reason(value: str) -> str:
    if not value.strip():
        refuse("is blank", "allowed: text that tells a reviewer why")
    return value


WorkspaceRail = Annotated[
    Rail,
    BeforeValidator(
        _rail_of(
            guardrail_names.WORKSPACE_RAILS,
            "is counted over the whole stack, and no workspace can allow it: write it in allow at the top of the file",
        )
    ),
    WithJsonSchema({"type": "string", "enum": [*guardrail_names.WORKSPACE_RAILS]}),
]
"""noAdmin, wideSubject, adminKey, endlessKey, manyKeys, personalGrant, adminKeyBesideEdit or expireAfter."""

StackRail = Annotated[
    Rail,
    BeforeValidator(
        _rail_of(
            guardrail_names.STACK_RAILS,
            "is about the objects of one bucket, and the stack can't allow it: write it in allow of the workspace",
        )
    ),
    WithJsonSchema({"type": "string", "enum": [*guardrail_names.STACK_RAILS]}),
]
"""removals, noAdmin, wideSubject, adminKey, endlessKey, manyKeys, personalGrant or adminKeyBesideEdit."""

Reason = Annotated[StrictStr, Field(min_length=1, max_length=REASON_MAX), AfterValidator(_reason)]
"""Reason, in words."""


class Allowance(Model):
    """An exception from one guardrail in this workspace."""

    rail: WorkspaceRail
    """Name of the guardrail. expireAfter: objects that exist already in the workspace's bucket may get an expiry;
    docs/rails.md describes the others.
    """

    reason: Reason
    """Reason, for reviewers of the change and later readers."""

    until: Day | None = None
    """Last day of the exception. Default: no end."""


class StackAllowance(Model):
    """An exception from one guardrail in all workspaces of this stack."""

    rail: StackRail
    """Name of the guardrail. removals: a run may remove more than usual; docs/rails.md describes the others."""

    reason: Reason
    """Reason, for reviewers of the change and later readers."""

    until: Day | None = None
    """Last day of the exception. Default: no end."""


def _folder(value: str) -> str:
    parts = value.split("/")
    if len(parts) < 2 or parts[0] or not all(part not in ("", ".", "..") for part in parts[1:]):
        refuse("is not the absolute path of a folder", "allowed: a path such as /run/secrets/payments")
    if verdict := path_problem(value):
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
    """A further place for secret sources, outside of the project and of the workspace."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"title": "a namespace", "required": ["namespace"]},
                {"title": "a folder", "required": ["folder"], "not": {"required": ["name"]}},
            ]
        }
    )

    namespace: Annotated[NamespaceName, AfterValidator(_namespace)] | None = None
    """Namespace of Secrets, such as vault-sync. Either this or `folder`."""

    name: SecretName | None = None
    """Name of the only allowed Secret. Default: all Secrets of the namespace."""

    folder: Annotated[FilePath, AfterValidator(_folder)] | None = None
    """Absolute path of a folder on the machine of the run, such as /run/secrets. Either this or `namespace`."""

    workspaces: Annotated[list[Text], AfterValidator(_some)] | None = None
    """Names of the workspaces that may use it. Default: all workspaces."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = self.given("namespace", "folder")
        if len(given) != 1:
            problem = "has namespace and folder" if given else "has neither a namespace nor a folder"
            refuse(problem, "allowed: exactly one of them, as {namespace: NAME} or {folder: PATH}")
        if self.folder is not None and self.name is not None:
            refuse("has a folder and a name", "remove name: it is that of a Secret")
        return self

    def __str__(self) -> str:
        where = f"folder {self.folder}" if self.folder else f"namespace {self.namespace}"
        where = f"Secret {self.namespace}/{self.name}" if self.name else where
        return where + (f" for {', '.join(sorted(self.workspaces))}" if self.workspaces else "")


class Rails(Model):
    """Guardrail settings of this stack."""

    keys_max: Annotated[StrictInt, Field(ge=1)] = guardrail_names.KEYS_MAX
    """Maximum number of keys per workspace. Default: 10."""

    groups_only: Flag = False
    """Whether new grants for single users are refused; owners may be users. Default: false."""

    admin_keys_apart: Flag = False
    """Whether admin keys are refused in a workspace that another subject may edit. Default: false."""

    secret_sources: list[SecretPlace] = Field(default=[])
    """Further places for secret sources, outside of the project and of the workspace's own namespace. Default: none,
    which refuses files elsewhere and Secrets of other namespaces.
    """
