"""Logical names: the role of a resource in its workspace. Built and parsed by one table, `Part`.

They are a contract. With a changed name the engine replaces users' resources, unless the change ships with an alias.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

LEDGER_NAME: Final = "access"


class Part(StrEnum):
    """The path after the workspace's name. `*` is the item, `#` the generation."""

    WORKSPACE = ""
    NAMESPACE = "namespace"
    LISTED = "listed"
    """The NamespacePatch that puts the workspace on the platform's list."""
    GUARD = "guard"
    """The NamespacePatch with the guard's label and annotations."""
    RUNNER_SECRET = "secret/runner"  # noqa: S105  # a name
    INTEGRATION_SECRET = "secret/integrations"  # noqa: S105  # a name
    SETTINGS = "settings"
    FEATURE_FLAGS = "feature-flags"
    CA_BUNDLE = "ca-bundle"
    CONTAINERS = "containers"
    """Our declared fields of the LimitRange."""
    QUOTA = "quota"
    NETWORK = "network/*"
    """A NetworkPolicy, by name."""
    SCHEDULE = "schedule/*"
    """A scheduled session, by id."""
    CLOSURE = "closed"
    """The resource that ends all access to a closed workspace."""
    OWNER = "owner/*"
    """An owner's RoleBinding, by subject."""
    GRANT = "grant/*"
    """A grant, by subject. The role is not part of the name, so a role change is a replacement without a gap."""
    KEY = "key/*"
    """An API key with all its generations, by id."""
    KEY_GENERATION = "key/*/g#"
    """One identity of an API key: ServiceAccount, RoleBinding and AccessToken."""
    STORAGE = "storage"
    """The Bucket component."""
    BUCKET = "storage/bucket"
    """The bucket itself, and the additional resources of pulumi-aws."""
    CREDENTIALS = "storage/credentials"
    """The bucket's credentials with all their generations."""
    CREDENTIALS_GENERATION = "storage/credentials/g#"
    """One generation of the credentials (pulumi-aws only)."""


@dataclass(frozen=True, slots=True)
class LogicalName:
    workspace: str
    part: Part
    item: str = ""
    """The value for `*`: a subject, a key id or a policy name."""
    generation: int = 0

    def __str__(self) -> str:
        path = self.part.replace("#", str(self.generation)).replace("*", self.item)
        return f"{self.workspace}/{path}" if path else self.workspace


def logical_name(workspace: str, part: Part, item: str = "", generation: int = 0) -> str:
    return str(LogicalName(workspace, part, item, generation))


def within(component: str, part: Part, generation: int = 0) -> str:
    """Return the logical name of a part of an ApiKey or a Bucket. A program may give the component any name."""
    whole = next(whole for whole in (Part.KEY, Part.STORAGE) if part.startswith(f"{whole}/"))
    return f"{component}{part.removeprefix(whole).replace('#', str(generation))}"


def parse(name: str, workspaces: Collection[str] = ()) -> LogicalName | None:
    """Return the parsed name; None for no workspace's. In a program, names of workspaces may have slashes."""
    workspace = workspace_of(name, workspaces)
    path = name[len(workspace) + 1 :]
    for part, pattern in _patterns():
        if match := pattern.fullmatch(path):
            reported = match.groupdict()
            parsed = LogicalName(workspace, part, reported.get("item", ""), int(reported.get("generation", 0)))
            return parsed if str(parsed) == name else None  # refuses a trailing slash
    return None


def workspace_of(name: str, workspaces: Collection[str] = ()) -> str:
    pieces = name.split("/")
    for count in range(1, len(pieces)) if workspaces else ():
        if (workspace := "/".join(pieces[:count])) in workspaces:
            return workspace
    return pieces[0]


def key_output(workspace: str, key: str) -> str:
    return f"{workspace}/{key}"


def parse_key_output(name: str) -> tuple[str, str] | None:
    workspace, _, key = name.partition("/")
    return (workspace, key) if workspace and key and "/" not in key else None


_WILDCARDS: Final = {r"\*": "(?P<item>.+)", r"\#": "(?P<generation>[1-9][0-9]*)"}


@cache
def _patterns() -> tuple[tuple[Part, re.Pattern[str]], ...]:
    patterns = []
    for part in sorted(Part, key=lambda part: -len(part)):  # `key/*/g#` before `key/*`
        pattern = re.escape(part)
        for wildcard, group in _WILDCARDS.items():
            pattern = pattern.replace(wildcard, group)
        patterns.append((part, re.compile(pattern, re.DOTALL)))
    return tuple(patterns)
