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
    """Id of the reason for a note."""

    OTHER_BINDING = "otherBinding"
    """A RoleBinding to a role of the platform that a grant, an owner or a key would not declare like this."""

    OTHER_ROLE = "otherRole"
    """A RoleBinding to a role that is not one of the platform's."""

    SEVERAL_SUBJECTS = "severalSubjects"
    """A RoleBinding with several subjects: a declared one has exactly one."""

    REFUSED_SUBJECT = "refusedSubject"
    """A subject that the stack file does not accept."""

    SECOND_GRANT = "secondGrant"
    """A further grant of a subject: an entry has one for each, and the strongest was taken."""

    SAME_NAME = "sameName"
    """A subject with a RoleBinding that would get the name of another subject's."""

    GROUP_ACCESS = "groupAccess"
    """A RoleBinding that the platform's operator created for a line of ProjectSettings."""

    OTHER_OWNER = "otherOwner"
    """An object that another tool or controller manages as well."""

    METADATA = "metadata"
    """Labels or annotations that the first run adds or changes."""

    KEY_WITHOUT_ROLE = "keyWithoutRole"
    """A key's ServiceAccount without a RoleBinding."""

    KEY_BINDING = "keyBinding"
    """A key's ServiceAccount with other RoleBindings than its own."""

    KEY_TEXT = "keyText"
    """A name or description of a key that the stack file does not accept, or that looks like a credential."""

    KEY_EXPIRY = "keyExpiry"
    """Keys with tokens of unknown expiry: the platform stores none."""

    KEY_USER = "keyUser"
    """Keys that act for the user who created them, if the platform uses SSO."""

    SECRETS = "secrets"
    """Values of a Secret, which a person must provide."""

    VARIABLES = "variables"
    """Names in a Secret that the stack file does not accept."""

    STORAGE = "storage"
    """A workspace with its own object storage."""

    IDLE_TIMEOUT = "idleTimeout"
    """An idle timeout that the stack file does not accept."""

    MCP_SERVERS = "mcpServers"
    """MCP servers that the stack file does not accept, or with values that may be secrets."""

    FEATURE_FLAGS = "featureFlags"
    """Overrides of feature flags that the stack file does not accept."""

    CA_BUNDLE = "caBundle"
    """Certificates for sessions, which the stack file takes from a file."""

    CONTAINER_LIMITS = "containerLimits"
    """Values of a LimitRange that the stack file cannot say."""

    QUOTA = "quota"
    """Values of a ResourceQuota that the stack file cannot say."""

    NETWORK = "network"
    """NetworkPolicies that the stack file cannot say."""

    SCHEDULES = "schedules"
    """A scheduled session that the platform's UI made."""

    LABELS = "labels"
    """Labels or annotations of the namespace that the stack file does not accept, or that may be secrets."""

    POD_SECURITY = "podSecurity"
    """A Pod Security level that the stack file does not accept."""

    DEFAULTS = "defaults"
    """Defaults of the stack file that an entry cannot take away."""

    DISPLAY_NAME = "displayName"
    """A display name or description that the stack file does not accept, or that looks like a credential."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that an entry does not say. Never contains a value of a Secret or of an MCP server."""

    workspace: str
    rule: NoteRule
    what: str
    """What is there, and why the entry does not have it; lower case, no full stop."""

    hints: tuple[str, ...] = ()
    """What to do, one thing each; lower case, no full stop."""

    object: str = ""
    """The object, as KIND NAME; empty if the note is about none or several."""

    subject: str = ""
    """The subject with access, in this project's notation; empty if the note is not about access."""

    role: str = ""
    """The role of the subject: view, edit, admin, or KIND/NAME for another role."""

    @property
    def problem(self) -> Problem:
        """The note as a warning, for commands that report problems."""
        return Problem(None, f"workspaces.{self.workspace}", self.what, self.hints, self.rule, (self.workspace,), True)

    @property
    def lines(self) -> tuple[str, ...]:
        """The note and its hints, each on one printable line, for comments and terminals."""
        return (one_line(self.what), *(f"hint: {one_line(hint)}" for hint in self.hints))


class Notes(list[Note]):
    """The notes on one workspace, in the order in which they were found."""

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
        found = list(group)
        yield from found[:_MOST]
        if len(found) > _MOST:
            more = f"and {len(found) - _MOST} more of this kind"
            yield Note(found[0].workspace, rule, more, ("read the workspace with kubectl",))


def shown(*names: str) -> str:
    """Return names out of the cluster as a note has them: shortened, and each in quotes if it is more than a word."""
    return listing([quoted(short(name)) for name in names])


def deletion(kind: str, workspace: str, name: str) -> str:
    """Return the command that deletes an object. Names of RoleBindings may have any character, so they are quoted."""
    return f"kubectl delete {kind} --namespace {workspace} {shlex.quote(name)}"
