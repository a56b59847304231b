"""Annotated types for the stack file.

Each validator is a plain function that takes a YAML value and raises a `PydanticCustomError` of type `stack`, with
`problem` and `remedy` as context. None of them quotes a value that could be a secret.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, StrictStr

from ambient_components.errors import BadValue
from ambient_components.model.base import choice, is_scalar, one_of, refuse, text_schema, type_name
from ambient_components.model.forms import LIFETIME, SECONDS
from ambient_components.platform.contract import (
    ROLES,
    SUBJECT_NAME_MAX_BYTES,
    PodSecurity,
    Role,
    subject_name_problem,
)
from ambient_components.platform.pipelines import is_misspelt
from ambient_components.platform.subjects import SUBJECT_FORMS, Subject, SubjectKind, parse_subject, pipeline_of
from ambient_components.rules.durations import DURATION_FORMS, parse_duration
from ambient_components.rules.lifetimes import NEVER, TOKEN_LIFE, Life
from ambient_components.rules.lookalikes import hidden_character
from ambient_components.rules.secret_patterns import begins_like_credential
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.suggest import did_you_mean, nearest

NEVER_WORD: Final = "never"
"""Word for a lifetime without expiry."""

REVIEWER_FORMS: Final = "user:NAME or group:NAME"
"""Formats of reviewers, for error messages."""

GENERATION_MAX: Final = 1000
"""Highest generation, as names of the lower ones are computed: a new identity each week for 19 years."""

CONFIG_KEY_MAX: Final = 128
"""Maximum characters of a key in the stack's config."""

DURATION_PATTERN: Final = r"([0-9]+y)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?"
"""Pattern of a duration for the JSON Schema, without anchors."""

STACK_NAME: Final = r"([A-Za-z0-9_-][A-Za-z0-9_.-]*/){0,2}[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}"
"""Pattern of a stack's name for the JSON Schema, without anchors."""

_CONFIG_KEY = r"[A-Za-z0-9][A-Za-z0-9._/-]*"
_NAMESPACE = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_PATH_MAX = 4096
_AUTHENTICATED = "system:serviceaccount:"


def _owner(value: str) -> str:
    project, _, fleet = value.partition("/")
    if not project or not fleet or "/" in fleet:
        refuse(f"{value!r} is not the owner of a workspace", "allowed: PROJECT/FLEET")
    return value


def _pod_security(value: object) -> object:
    if value == "restricted":
        # Contract 10.18: the init container runs as root, and no container has a seccomp profile.
        refuse(
            "'restricted' would reject every session: the platform's pods run an init container as root",
            f"allowed: {', '.join(PodSecurity)}",
        )
    return choice(value, PodSecurity, "pod security level")


def _subject_name(value: str) -> str:
    problem = subject_name_problem(value)
    if problem is not None:
        refuse(*problem)
    if hidden := hidden_character(value):
        refuse(f"{value!a} has the invisible character {hidden}", "remove it: it makes another name of this one")
    if value != value.strip():
        # The platform accepts such spaces, but no identity provider issues them, so this is a typo.
        refuse(f"{value!r} begins or ends with a space", "remove it: names are compared byte by byte")
    return value


def _subject(value: object) -> Subject:
    subject = _read_subject(value, SUBJECT_FORMS)
    if subject.kind is SubjectKind.USER and (pipeline_of(str(subject)) or is_misspelt(subject.name)):
        refuse("begins like the name of a pipeline, and a pipeline is no owner", "name a person")
    if subject.kind is SubjectKind.PIPELINE:
        refuse("a pipeline is no owner", "give it view or edit under grants, by pipeline")
    return subject


def _reviewer(value: object) -> Subject:
    subject = _read_subject(value, REVIEWER_FORMS)
    if subject.kind not in (SubjectKind.USER, SubjectKind.GROUP):
        who = "a pipeline" if subject.kind is SubjectKind.PIPELINE else "a service account"
        refuse(f"{who} approves nothing", f"allowed: {REVIEWER_FORMS}")
    return subject


def _read_subject(value: object, forms: str) -> Subject:
    if isinstance(value, Subject):
        return value
    if isinstance(value, dict):
        # `[user: alice]` is a mapping in YAML, because of the space.
        refuse("is a mapping, not a subject", f"allowed: {forms}, without a space after the colon")
    if not isinstance(value, str):
        refuse(f"is {type_name(value)}", f"allowed: {forms}")
    try:
        subject = parse_subject(value, forms)
    except BadValue as error:
        refuse(error.problem, error.hints, _nearest_subject(value))
    _subject_name(subject.name)
    return subject


def _nearest_subject(text: str) -> str:
    """Return a suggestion for a subject of no known kind, such as `User:alice`; empty if there is none."""
    if text.startswith(_AUTHENTICATED):
        return f"did you mean '{SubjectKind.SERVICE_ACCOUNT}:{text.removeprefix(_AUTHENTICATED)}'?"
    kind, colon, rest = text.partition(":")
    if "@" in kind and not colon and kind.isprintable():
        return f"did you mean '{SubjectKind.USER}:{kind}'?"
    near = nearest(kind, SubjectKind)
    return f"did you mean '{near}:{rest}'?" if near and rest and rest.isprintable() and kind != near else ""


def lifetime_reader(life: Life) -> Callable[[object], int]:
    """Return a validator for lifetimes within these bounds or without expiry, which returns seconds."""
    allowed = (
        f"allowed: {NEVER_WORD}, or {life.durations}, "
        "a whole number and a unit of s, m, h, d or y (365 days), such as 30d"
    )

    def read(value: object) -> int:
        seconds = read_duration(value, allowed, {NEVER_WORD: NEVER})
        if seconds != NEVER and (problem := life.problem(seconds, as_text(value))):
            refuse(problem, allowed)
        return seconds

    return read


_NO_WORDS: Final[Mapping[str, int]] = {}


def read_duration(
    value: object, allowed: str = f"allowed: {DURATION_FORMS}", words: Mapping[str, int] = _NO_WORDS
) -> int:
    """Return a duration in seconds, or the value of a word, and refuse all else with a remedy."""
    value = as_text(value)
    if not is_scalar(value):
        refuse(f"is {type_name(value)}", allowed)
    if (text := str(value)) in words:
        return words[text]
    try:
        return parse_duration(value)
    except BadValue as error:
        none = text.strip("shmdy") == "0"
        near = next((word for word, seconds in words.items() if none and seconds == 0), text)
        refuse(error.problem, allowed, did_you_mean(near, words))


def as_text(value: object) -> object:
    """Return a program's `timedelta` as the text of a stack file."""
    if not isinstance(value, timedelta):
        return value
    seconds = value.total_seconds()
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{seconds}s"


def _duration(value: object) -> int:
    return read_duration(value)


def _config_key(value: str) -> str:
    if begins_like_credential(value):
        refuse(
            "looks like a credential, not like its name",
            "write the name of a value in the stack's encrypted config",
            "if it is a credential, revoke it",
        )
    if len(value) > CONFIG_KEY_MAX or not re.fullmatch(_CONFIG_KEY, value):
        refuse(
            "is not the name of a value in the stack's config",
            f"allowed: 1-{CONFIG_KEY_MAX} of A-Z a-z 0-9 . _ / -, such as payments/anthropic",
        )
    return value


def _file_path(value: str) -> str:
    if begins_like_credential(value):
        refuse(
            "looks like a credential, not like a path", "write the path of a file", "if it is a credential, revoke it"
        )
    if not value or len(value) > _PATH_MAX or not value.isprintable():
        refuse("is not a path", "allowed: the path of a file, relative to the file that says it")
    return value


def _stack_name(value: str) -> str:
    if not re.fullmatch(STACK_NAME, value):
        refuse("can't name a stack", "allowed: letters, digits, _ . and -, after ORG/ where needed")
    return value


def _namespace(value: str) -> str:
    if not re.fullmatch(_NAMESPACE, value):
        refuse("is not the name of a namespace", "allowed: 1-63 of a-z 0-9 -, no dash at either end")
    return value


Text = StrictStr
"""Text; a number or a boolean needs quotes."""

Owner = Annotated[StrictStr, AfterValidator(_owner)]
"""PROJECT/FLEET, the value of ownership annotations."""

FilledText = Annotated[StrictStr, Field(min_length=1)]
"""Text that is not empty."""

Flag = StrictBool
"""true or false."""

RoleName = Annotated[Role, one_of(ROLES, "role")]
"""view, edit or admin."""

StateName = Annotated[WorkspaceState, one_of(WorkspaceState, "state")]
"""active, closed or released."""

PodSecurityName = Annotated[PodSecurity, BeforeValidator(_pod_security)]
"""privileged or baseline."""

SubjectName = Annotated[
    StrictStr, AfterValidator(_subject_name), text_schema("name", minLength=1, maxLength=SUBJECT_NAME_MAX_BYTES)
]
"""Name of a user or a group, verbatim. Contract 1.3."""

SubjectText = Annotated[
    Subject, BeforeValidator(_subject), text_schema("subject", "user:.+|group:.+|serviceaccount:[^:]+:[^:]+")
]
"""user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME."""

ReviewerText = Annotated[Subject, BeforeValidator(_reviewer), text_schema("reviewer", "user:.+|group:.+")]
"""user:NAME or group:NAME."""

Lifetime = Annotated[
    int,
    BeforeValidator(lifetime_reader(TOKEN_LIFE)),
    LIFETIME,
    text_schema("duration or never", f"{NEVER_WORD}|{DURATION_PATTERN}", minLength=2),
]
"""A duration or never, converted to seconds. Contract 1.4, 7: Kubernetes rejects less than the lower bound, the
platform's backend more than the upper.
"""

Duration = Annotated[int, BeforeValidator(_duration), SECONDS, text_schema("duration", DURATION_PATTERN, minLength=2)]
"""A duration, converted to seconds."""

Generation = Annotated[StrictInt, Field(ge=1, le=GENERATION_MAX)]
"""A whole number from 1 to 1000."""

ConfigKey = Annotated[
    StrictStr, AfterValidator(_config_key), text_schema("name in the config", _CONFIG_KEY, maxLength=CONFIG_KEY_MAX)
]
"""Key in the stack's Pulumi config."""

ShardNumber = Annotated[StrictInt, Field(ge=0)]
"""Number of a shard of the fleet, from 0."""

StackName = Annotated[StrictStr, AfterValidator(_stack_name), text_schema("name of a stack", STACK_NAME)]
"""Name of a stack, with ORG/ if needed."""

FilePath = Annotated[StrictStr, AfterValidator(_file_path), text_schema("path", minLength=1, maxLength=_PATH_MAX)]
"""Path of a file, relative to the file that contains it."""

NamespaceName = Annotated[StrictStr, AfterValidator(_namespace), text_schema("name of a namespace", _NAMESPACE)]
"""Name of a namespace."""
