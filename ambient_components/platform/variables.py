"""Environment variables of sessions: the rules for their names, and the variables of a workspace's storage.

No message quotes a name, because it may be a secret on the wrong side of a colon. Every key of the integration secret
becomes an environment variable of the runner container. Contract 3.
"""

import re
from typing import Final, TypeVar

from ambient_components.platform.contract import (
    FORCED_VARIABLES,
    MCP_VARIABLES,
    RUNNER_SECRET_KEYS,
    SOMETIMES_FORCED_VARIABLES,
    STORAGE_VARIABLES,
    WIPED_VARIABLE_PATTERN,
    WIPED_VARIABLES,
)

VARIABLE_PATTERN: Final = r"[A-Za-z_][A-Za-z0-9_]*"
"""Names that every program and shell can read."""

DATA_KEY_PATTERN: Final = r"[-._A-Za-z0-9]{1,253}"
"""Names of keys in a Secret: Kubernetes' rule."""

_MCP_SETTING: Final = "MCP_CONFIG_FILE"

CUSTOM_MODE: Final = "custom"
"""The only STORAGE_MODE that activates the S3 variables; all others mean the shared bucket."""

T = TypeVar("T")


def variable_problem(name: str) -> tuple[str, str] | None:
    """Return problem and remedy if the integration secret cannot have this key; None otherwise.

    The kubelet silently drops a name that starts with a digit or two dots, so it is rejected here. Contract 3.
    """
    if name in STORAGE_VARIABLES:
        remedy = "remove it, and declare storage.bucket: the variables of its storage come with it"
        return "is reserved for the workspace's storage", remedy
    if name in MCP_VARIABLES:
        # Nothing checks a secret's value for what settings.mcpServers refuses.
        return "is reserved for the MCP servers of sessions", "remove it, and declare settings.mcpServers"
    if not re.fullmatch(DATA_KEY_PATTERN, name) or name[0].isdigit() or name == "." or name.startswith(".."):
        return "is not a name for a variable", "allowed: 1-253 of A-Z a-z 0-9 . _ -, no digit first"
    return None


def variable_warning(name: str) -> tuple[str, str] | None:
    """Return problem and remedy if a variable of the integration secret would not reach an agent; None otherwise."""
    if name in RUNNER_SECRET_KEYS:
        return (
            "is a key of a language model, for which the platform asks the runner secret alone",
            "move it to secrets.runner",
        )
    if name in FORCED_VARIABLES:
        return "is set by the platform itself in every session, and that wins", "remove it"
    if name in SOMETIMES_FORCED_VARIABLES:
        return "is set by the platform itself in some sessions, and that wins there", "give it another name"
    if name in WIPED_VARIABLES or (re.fullmatch(WIPED_VARIABLE_PATTERN, name) and name != _MCP_SETTING):
        return (
            "is deleted by the Claude runner before every run",
            "give it another name, or let users connect the integration themselves",
        )
    if not re.fullmatch(VARIABLE_PATTERN, name):
        return "is a name that no shell can read", "allowed everywhere: A-Z a-z 0-9 _, no digit first"
    return None


def storage_variables(mode: T, endpoint: T, bucket: T, access_key: T, secret_key: T) -> dict[str, T]:
    """Return all five variables by name. There is no region, because nothing reads it (contract 4)."""
    return {
        "STORAGE_MODE": mode,
        "S3_ENDPOINT": endpoint,
        "S3_BUCKET": bucket,
        "S3_ACCESS_KEY": access_key,
        "S3_SECRET_KEY": secret_key,
    }
