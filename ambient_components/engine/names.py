"""Logical names: what a resource is in its workspace. Built and parsed by one table, `Part`.

They are a contract: a changed name makes the engine replace what users have, unless it ships with an alias.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

LEDGER_NAME: Final = "access"
"""The one logical name of a stack's AccessLedger."""


class Part(StrEnum):
    """The path that follows the workspace's name; `*` stands for the item, `#` for the generation."""

    WORKSPACE = ""
    NAMESPACE = "namespace"
    LISTED = "listed"
    """The NamespacePatch that puts the workspace on the platform's list."""
    RUNNER_SECRET = "secret/runner"  # noqa: S105  # a name
    INTEGRATION_SECRET = "secret/integrations"  # noqa: S105  # a name
    SETTINGS = "settings"
    FEATURE_FLAGS = "feature-flags"
    CA_BUNDLE = "ca-bundle"
    CONTAINERS = "containers"
    """Our part of the LimitRange."""
    QUOTA = "quota"
    NETWORK = "network/*"
    """A NetworkPolicy, by its name."""
    CLOSURE = "closed"
    """What ends all access to a closed workspace."""
    OWNER = "owner/*"
    """An owner's binding, by subject."""
    GRANT = "grant/*"
    """By subject. Without the role: a new role is a replacement, which leaves no gap."""
    KEY = "key/*"
    """An API key over all its generations, by id."""
    KEY_GENERATION = "key/*/g#"
    """One identity of an API key: its ServiceAccount, RoleBinding and AccessToken."""
    STORAGE = "storage"
    """The Bucket component."""
    BUCKET = "storage/bucket"
    """The bucket itself, and what pulumi-aws makes beside it."""
    CREDENTIALS = "storage/credentials"
    """The bucket's credentials over all their generations."""
    CREDENTIALS_GENERATION = "storage/credentials/g#"
    """One generation of them, with pulumi-aws."""


@dataclass(frozen=True, slots=True)
class LogicalName:
    """A resource of a workspace."""

    workspace: str
    part: Part
    item: str = ""
    """What `*` stands for: a subject, a key's id, the name of a policy."""
    generation: int = 0

    def __str__(self) -> str:
        path = self.part.replace("#", str(self.generation)).replace("*", self.item)
        return f"{self.workspace}/{path}" if path else self.workspace


def logical_name(workspace: str, part: Part, item: str = "", generation: int = 0) -> str:
    """Return the logical name of a part of a workspace."""
    return str(LogicalName(workspace, part, item, generation))


def within(component: str, part: Part, generation: int = 0) -> str:
    """Return the logical name of a part of an ApiKey or a Bucket, which a program may have named as it likes.

    Args:
        component: The component's logical name.
        part: What the part would be in a workspace.
        generation: Of the part.
    """
    whole = next(one for one in (Part.KEY, Part.STORAGE) if part.startswith(f"{one}/"))
    return f"{component}{part.removeprefix(whole).replace('#', str(generation))}"


def parse(name: str, workspaces: Collection[str] = ()) -> LogicalName | None:
    """Return what a logical name says; None where it is none of a workspace's.

    Args:
        name: The logical name.
        workspaces: Known names of workspaces. A program may give them names with slashes, which no stack file can.
    """
    workspace = workspace_of(name, workspaces)
    path = name[len(workspace) + 1 :]
    for part, pattern in _patterns():
        if match := pattern.fullmatch(path):
            said = match.groupdict()
            found = LogicalName(workspace, part, said.get("item", ""), int(said.get("generation", 0)))
            return found if str(found) == name else None  # not with a slash at its end
    return None


def workspace_of(name: str, workspaces: Collection[str] = ()) -> str:
    """Return the workspace that a logical name, or the name of a stack's output, begins with.

    Args:
        name: The name.
        workspaces: See `parse`.
    """
    pieces = name.split("/")
    for count in range(1, len(pieces)) if workspaces else ():
        if (workspace := "/".join(pieces[:count])) in workspaces:
            return workspace
    return pieces[0]


_WILDCARDS: Final = {r"\*": "(?P<item>.+)", r"\#": "(?P<generation>[1-9][0-9]*)"}


@cache
def _patterns() -> tuple[tuple[Part, re.Pattern[str]], ...]:
    found = []
    for part in sorted(Part, key=lambda one: -len(one)):  # `key/*/g#` before `key/*`
        pattern = re.escape(part)
        for wildcard, group in _WILDCARDS.items():
            pattern = pattern.replace(wildcard, group)
        found.append((part, re.compile(pattern, re.DOTALL)))
    return tuple(found)
