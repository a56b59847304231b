"""Access tests: what access of a stack must never be, and what it must always be."""

import hashlib
import json
import re
from typing import Annotated, ClassVar, Final, Self

from pydantic import AfterValidator, Field, StrictStr, WithJsonSchema, model_validator

from ambient_components.model.base import Model, one_of, refuse, text_schema
from ambient_components.model.derive import write
from ambient_components.model.marks import recorded
from ambient_components.model.types import ReviewerText, RoleName
from ambient_components.platform.subjects import SubjectKind
from ambient_components.rules.escalation_paths import ABILITIES
from ambient_components.rules.lookalikes import hidden_character
from ambient_components.suggest import did_you_mean

ANY: Final = "*"
"""Any text in a pattern, and alone every subject or workspace."""

_KINDS: Final = (*map(str, SubjectKind), "key")
_WORKSPACE: Final = r"[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?"


def _who(value: str) -> str:
    kind, colon, name = value.partition(":")
    if value != ANY and not (colon and name and kind in _KINDS):
        forms = f"allowed: '{ANY}', or {', '.join(f'{kind}:PATTERN' for kind in _KINDS)}, in which {ANY} is any text"
        refuse("is no pattern of subjects", forms, did_you_mean(kind, _KINDS) if colon and kind not in _KINDS else "")
    if hidden := hidden_character(value):
        refuse(f"{value!a} has the invisible character {hidden}", "remove it: it makes another name of this one")
    return value


def _workspaces(value: str) -> str:
    if not re.fullmatch(_WORKSPACE, value):
        refuse("is no pattern of workspaces", f"allowed: the name of a workspace, in which {ANY} is any text")
    return value


def pattern(text: str) -> re.Pattern[str]:
    """Return what a pattern of subjects or workspaces matches as a whole."""
    return re.compile(".*".join(map(re.escape, text.split(ANY))), re.DOTALL)


SubjectPattern = Annotated[
    StrictStr, AfterValidator(_who), text_schema("pattern of subjects", rf"\*|({'|'.join(_KINDS)}):.+")
]
"""A subject, or a pattern of subjects."""

WorkspacePattern = Annotated[StrictStr, AfterValidator(_workspaces), text_schema("pattern of workspaces", _WORKSPACE)]
"""A workspace, or a pattern of workspaces."""

AbilityName = Annotated[
    StrictStr, one_of(ABILITIES, "path or ability"), WithJsonSchema({"type": "string", "enum": [*ABILITIES]})
]
"""readSecrets, or the name of an escalation path."""


class _Test(Model):
    word: ClassVar[str]

    def __str__(self) -> str:
        """Return it in the notation of the file, without quotes."""
        fields = {
            name: f"[{', '.join(value)}]" if isinstance(value, list) else value
            for name, value in write(self, "ledger").items()
        }
        return f"{self.word} {{{', '.join(f'{name}: {value}' for name, value in fields.items())}}}"


class NeverTest(_Test):
    """Access that no subject may have or reach, now or in the future."""

    example: ClassVar[str] = "{who: 'user:NAME-*', role: admin}"
    word: ClassVar[str] = "never"

    who: Annotated[SubjectPattern, recorded(required=True, unknown=ANY)]
    """Subjects: user:NAME, group:NAME, pipeline:NAME, serviceaccount:NAMESPACE:NAME or key:ID, in which `*` is any
    text; '*' for all.
    """

    role: Annotated[RoleName | None, recorded()] = None
    """view, edit or admin: this role and stronger ones, by owners, grants and keys, and by escalation paths that lead
    to it. Either this or `can`.
    """

    can: Annotated[AbilityName | None, recorded()] = None
    """readSecrets, for any Secret of the workspace, or the name of an escalation path, as `ambient report` has it.
    Either this or `role`.
    """

    in_: Annotated[WorkspacePattern, recorded()] = Field(default=ANY, alias="in")
    """Workspaces: a name, in which `*` is any text. Default: *."""

    except_: Annotated[list[SubjectPattern], recorded()] = Field(default=[], alias="except")
    """Subjects to which it does not apply, as in `who`. Default: none."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.role is None) == (self.can is None):
            problem = "names neither a role nor an ability" if self.role is None else "names a role and an ability"
            refuse(problem, "allowed: exactly one of role and can, as {who: '*', role: admin}")
        return self


class AlwaysTest(_Test):
    """A role that a subject must have, now and in the future."""

    example: ClassVar[str] = "{who: 'group:NAME', role: view}"
    word: ClassVar[str] = "always"

    who: Annotated[SubjectPattern, recorded(required=True, unknown="")]
    """Subjects as in `never`, of which one must have the role, as an owner, or by a grant or a key."""

    role: Annotated[RoleName, recorded(required=True, unknown="admin")]
    """view, edit or admin: this role or a stronger one, without an end."""

    in_: Annotated[WorkspacePattern, recorded()] = Field(default=ANY, alias="in")
    """Workspaces: a name, in which `*` is any text; of these the active ones. Default: *."""


class AccessTests(Model):
    """Tests of effective access, which every run must pass."""

    reviewers: list[ReviewerText] = []
    """Subjects that approve changes of the tests, for a file with nothing else: user:NAME, group:NAME. Default: the
    stack's.
    """

    never: list[NeverTest] = []
    """Access that no subject may have or reach. Default: none."""

    always: list[AlwaysTest] = []
    """Roles that subjects must have. Default: none."""

    @property
    def digest(self) -> str:
        """A hash of the tests and their reviewers, the same for every layout of the file."""
        plain = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return f"sha256:{hashlib.sha256(plain.encode()).hexdigest()}"


NO_TESTS: Final = AccessTests.as_default()
