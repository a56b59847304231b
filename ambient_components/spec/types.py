"""The vocabulary of the stack file as annotated types, so that the models read as prose.

Each validator is a plain function that takes what the YAML holds and raises a `PydanticCustomError` of type `stack`,
whose context has `problem` and `remedy`. None of them quotes a value that could be a secret.
"""

import re
from enum import StrEnum
from typing import Annotated, Any, Final, NoReturn

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, StrictStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from ambient_components.contract import ROLES, TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_MIN, Role
from ambient_components.durations import format_seconds, parse_duration
from ambient_components.subjects import SUBJECT_FORMS, Subject, parse_subject, subject_name_problem
from ambient_components.suggest import did_you_mean

ERROR_TYPE: Final = "stack"
"""Type of every error that these validators raise."""

CONFIG_KEY_MAX: Final = 128
"""Characters of the name of a value in the stack's config."""

LIFETIMES: Final = (
    f"allowed: durations from {format_seconds(TOKEN_LIFETIME_MIN)} to {format_seconds(TOKEN_LIFETIME_MAX)}, "
    "a whole number and a unit of s, m, h, d or y (365 days), such as 30d or 12h"
)
"""Contract 7: Kubernetes refuses less than the lower bound, the platform's backend more than the upper."""

_CONFIG_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
# Beginnings of real credentials: whoever writes one here took `config` for the place of the value.
_CREDENTIAL_PREFIXES = ("sk-", "AIza", "ghp_", "github_pat_", "glpat-", "eyJ")


class WorkspaceState(StrEnum):
    """Whether a workspace is in use."""

    ACTIVE = "active"
    """In use."""

    CLOSED = "closed"
    """Grants, keys and secrets end, owners and data stay; the entry stays in the file and may be opened again."""


def refuse(problem: str, remedy: str) -> NoReturn:
    """Raise the error of a validator.

    Raises:
        PydanticCustomError: Always.
    """
    # The texts go through the context: a template would trip over their braces.
    raise PydanticCustomError(ERROR_TYPE, "invalid", {"problem": problem, "remedy": remedy})


def _choice(value: object, allowed: tuple[str, ...], what: str) -> object:
    if isinstance(value, str) and value in allowed:
        return value
    if not isinstance(value, str):
        return value  # pydantic's own answer says which type it is
    suggestion = did_you_mean(value, allowed)
    remedy = f"allowed: {', '.join(allowed)}" + (f"; {suggestion}" if suggestion else "")
    refuse(f"{value!r} is not a {what}", remedy)


def _role(value: object) -> object:
    return _choice(value, ROLES, "role")


def _state(value: object) -> object:
    return _choice(value, tuple(WorkspaceState), "state")


def _subject_name(value: str) -> str:
    problem = subject_name_problem(value)
    if problem is not None:
        _refuse_text(problem)
    if value != value.strip():
        # The platform takes and keeps such spaces; no identity provider issues them, so it is a slip of the keyboard.
        refuse(f"{value!r} begins or ends with a space", "remove it: names are compared byte by byte")
    return value


def _subject(value: object) -> Subject:
    if isinstance(value, Subject):
        return value
    if isinstance(value, dict):
        # `[user: alice]` is a mapping in YAML; the space is easy to overlook.
        refuse("is a mapping, not a subject", f"allowed: {SUBJECT_FORMS}, without a space after the colon")
    if not isinstance(value, str):
        refuse("is not text", f"allowed: {SUBJECT_FORMS}")
    try:
        subject = parse_subject(value)
    except ValueError as error:
        _refuse_text(str(error))
    _subject_name(subject.name)
    return subject


def _lifetime(value: object) -> int:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        refuse(str(error).partition("; ")[0], LIFETIMES)
    if not TOKEN_LIFETIME_MIN <= seconds <= TOKEN_LIFETIME_MAX:
        refuse(f"{value} is too {'short' if seconds < TOKEN_LIFETIME_MIN else 'long'}", LIFETIMES)
    return seconds


def _config_key(value: str) -> str:
    if value.startswith(_CREDENTIAL_PREFIXES):
        refuse(
            "looks like a credential, not like its name",
            "write the name of a value in the stack's encrypted config; if it is a credential, revoke it",
        )
    if len(value) > CONFIG_KEY_MAX or not _CONFIG_KEY.fullmatch(value):
        refuse(
            "is not the name of a value in the stack's config",
            f"allowed: 1-{CONFIG_KEY_MAX} of A-Z a-z 0-9 . _ / -, such as payments/anthropic",
        )
    return value


def _refuse_text(text: str) -> NoReturn:
    problem, _, allowed = text.partition("; allowed: ")
    refuse(problem, f"allowed: {allowed}")


def _schema(kind: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **more})


Text = StrictStr
"""Text; a number or a boolean needs quotes to be text."""

Flag = StrictBool
"""true or false, and nothing else."""

RoleName = Annotated[Role, BeforeValidator(_role)]
"""view, edit or admin."""

StateName = Annotated[WorkspaceState, BeforeValidator(_state)]
"""active or closed."""

SubjectName = Annotated[StrictStr, AfterValidator(_subject_name)]
"""Name of a user or a group, verbatim. Contract 1.3."""

SubjectText = Annotated[
    Subject,
    BeforeValidator(_subject),
    _schema("string", pattern="^(user:.+|group:.+|serviceaccount:[^:]+:[^:]+)$"),
]
"""user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME."""

Lifetime = Annotated[int, BeforeValidator(_lifetime), _schema("string", pattern="^([0-9]+[ydhms])+$")]
"""A duration, in seconds once read. Contract 1.4, 7."""

Generation = Annotated[StrictInt, Field(ge=1)]
"""A whole number from 1."""

ConfigKey = Annotated[StrictStr, AfterValidator(_config_key)]
"""Name of a value in the stack's Pulumi config."""
