"""Notes: what an entry of the stack file cannot say about an existing workspace, and what to do about it."""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from ambient_components.cluster.objects import listing, short
from ambient_components.errors import Problem
from ambient_components.printable import one_line, quoted
from ambient_components.rules.secret_patterns import without_credentials

_MOST: Final = 100
"""Maximum notes of one rule for a workspace: its users can create any number of objects."""


class NoteRule(StrEnum):
    OTHER_BINDING = "otherBinding"
    OTHER_ROLE = "otherRole"
    SEVERAL_SUBJECTS = "severalSubjects"
    REFUSED_SUBJECT = "refusedSubject"
    SECOND_GRANT = "secondGrant"
    SAME_NAME = "sameName"
    GROUP_ACCESS = "groupAccess"
    OTHER_OWNER = "otherOwner"
    METADATA = "metadata"
    KEY_WITHOUT_ROLE = "keyWithoutRole"
    KEY_BINDING = "keyBinding"
    KEY_TEXT = "keyText"
    KEY_EXPIRY = "keyExpiry"
    KEY_USER = "keyUser"
    SECRETS = "secrets"
    VARIABLES = "variables"
    STORAGE = "storage"
    IDLE_TIMEOUT = "idleTimeout"
    MCP_SERVERS = "mcpServers"
    FEATURE_FLAGS = "featureFlags"
    CA_BUNDLE = "caBundle"
    CONTAINER_LIMITS = "containerLimits"
    QUOTA = "quota"
    NETWORK = "network"
    SCHEDULES = "schedules"
    LABELS = "labels"
    POD_SECURITY = "podSecurity"
    DISPLAY_NAME = "displayName"


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that an entry does not say. Never contains a value of a Secret or of an MCP server."""

    workspace: str
    rule: NoteRule
    what: str
    hints: tuple[str, ...] = ()
    object: str = ""
    """The object, as KIND NAME; empty if the note is about none or several."""

    subject: str = ""
    """The subject with access, in this project's notation; empty if the note is not about access."""

    role: str = ""
    """The role of the subject: view, edit, admin, or KIND/NAME for another role."""

    @property
    def problem(self) -> Problem:
        return Problem(None, f"workspaces.{self.workspace}", self.what, self.hints, self.rule, (self.workspace,), True)

    @property
    def lines(self) -> tuple[str, ...]:
        return (one_line(self.what), *(f"hint: {one_line(hint)}" for hint in self.hints))


class Notes(list[Note]):
    def __init__(self, workspace: str) -> None:
        super().__init__()
        self.workspace = workspace

    def add(self, rule: NoteRule, what: str, *hints: str, **about: str) -> None:
        """Add a note; `about` is its object, subject or role. What is shaped like a credential is blanked out."""
        kept = (without_credentials(hint) for hint in hints if hint)
        about = {field: without_credentials(value) for field, value in about.items()}
        self.append(Note(self.workspace, rule, without_credentials(what), tuple(kept), **about))


def bounded(notes: Iterable[Note]) -> Iterator[Note]:
    """Yield notes sorted by rule, at most a hundred of each; a last one has the number of the others."""
    order = list(NoteRule)
    for rule, group in groupby(sorted(notes, key=lambda note: order.index(note.rule)), key=lambda note: note.rule):
        alike = list(group)
        yield from alike[:_MOST]
        if len(alike) > _MOST:
            more = f"and {len(alike) - _MOST} more of this kind"
            yield Note(alike[0].workspace, rule, more, ("read the workspace with kubectl",))


def shown(*names: str) -> str:
    """Return names out of the cluster as a note has them: shortened, and each in quotes if it is more than a word."""
    return listing([quoted(short(name)) for name in names])


def deletion(kind: str, workspace: str, name: str) -> str:
    """Return the command that deletes an object. Names of RoleBindings may have any character, so they are quoted."""
    return f"kubectl delete {kind} --namespace {workspace} {shlex.quote(name)}"
