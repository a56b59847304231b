"""Names of variables for sessions: which the integration secret can't take, and which would not get through.

No text quotes a name: whoever mixed up the two sides of a colon has a secret there.

Every key of the integration secret becomes an environment variable of the runner container. Contract 3.
"""

import re
from typing import Final

from ambient_components.contract import (
    FORCED_VARIABLES,
    RUNNER_SECRET_KEYS,
    STORAGE_VARIABLES,
    WIPED_VARIABLE_PATTERN,
    WIPED_VARIABLES,
)

VARIABLE_PATTERN: Final = r"[A-Za-z_][A-Za-z0-9_]*"
"""Names that every program and every shell can read."""

DATA_KEY_PATTERN: Final = r"[-._A-Za-z0-9]{1,253}"
"""Names of keys in a Secret: Kubernetes' rule."""

_MCP_SETTING: Final = "MCP_CONFIG_FILE"


def variable_problem(name: str) -> tuple[str, str] | None:
    """Say why the integration secret can't have this key, or None; as problem and remedy.

    The kubelet drops a name that begins with a digit or with two dots, and starts the session without it: a refusal
    here is kinder. Contract 3.
    """
    if name in STORAGE_VARIABLES:
        remedy = "remove it, and declare storage.bucket: the variables of its storage come with it"
        return "is reserved for the workspace's storage", remedy
    if not re.fullmatch(DATA_KEY_PATTERN, name) or name[0].isdigit() or name == "." or name.startswith(".."):
        return "is not a name for a variable", "allowed: 1-253 of A-Z a-z 0-9 . _ -, no digit first"
    return None


def variable_warning(name: str) -> tuple[str, str] | None:
    """Say why a variable of the integration secret would not reach an agent, or None; as problem and remedy."""
    if name in RUNNER_SECRET_KEYS:
        return (
            "is a key of a language model, for which the platform asks the runner secret alone",
            "move it to secrets.runner",
        )
    if name in FORCED_VARIABLES:
        return "is set by the platform itself in every session, and that wins", "remove it"
    if name in WIPED_VARIABLES or (re.fullmatch(WIPED_VARIABLE_PATTERN, name) and name != _MCP_SETTING):
        return (
            "is deleted by the Claude runner before every run",
            "give it another name, or let users connect the integration themselves",
        )
    if not re.fullmatch(VARIABLE_PATTERN, name):
        return "is a name that no shell can read", "allowed everywhere: A-Z a-z 0-9 _, no digit first"
    return None
