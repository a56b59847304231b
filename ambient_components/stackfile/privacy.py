"""Rules for quoting in errors: no value or key that could be a secret."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ambient_components.errors import PathPart, Problem, format_path
from ambient_components.model.base import quotable_fields
from ambient_components.model.schedules import (
    LlmSettings,
    Repo,
    Schedule,
    SessionTemplate,
    Workflow,
)
from ambient_components.model.settings import Settings
from ambient_components.model.stack import Workspace
from ambient_components.model.storage import Bucket
from ambient_components.platform.contract import (
    FORCED_VARIABLES,
    MCP_VARIABLES,
    RUNNER_SECRET_KEYS,
    SOMETIMES_FORCED_VARIABLES,
    STORAGE_VARIABLES,
    WIPED_VARIABLES,
)
from ambient_components.rules.secret_patterns import HIDDEN, begins_like_credential, without_credentials

_ENTRY_AT: Final = {"workspaces": 2, "templates": 2, "defaults": 1}
"""Index of the first path part within an entry, by section of the file."""

_OPEN_AT_THE_TOP: Final = ("include", "exceptions", "acknowledge", "guardrails", "accessTests", "stacks")
_OPEN_SECTIONS: Final = quotable_fields(Workspace)
_OPEN_SETTINGS: Final = quotable_fields(Settings)
"""Without MCP servers, because their environment and headers may contain credentials."""
_OPEN_SCHEDULE: Final = quotable_fields(Schedule)
"""Fields of a schedule; without its template, of which variables and MCP servers may contain credentials."""
_OPEN_BUCKET: Final = quotable_fields(Bucket)
"""Fields of a bucket; without accessKey, secretKey and unknown fields, which may be misspelt ones."""

SCHEDULE_MODELS: Final = (Schedule, SessionTemplate, LlmSettings, Repo, Workflow)

# Names from the models, so that a report can name a field of a private entry.
_SECRET_WORDS: Final = frozenset(
    {
        *("secrets", "runner", "integrations", "onDrift", *RUNNER_SECRET_KEYS),
        *("config", "env", "file", "secret", "value", "namespace", "name", "key"),
        *("mcpServers", "custom", "disabled", "type", "url", "headers", "command", "args"),
        *("bucket", "accessKey", "secretKey"),
        "schedules",
        *(field.alias or name for model in SCHEDULE_MODELS for name, field in model.model_fields.items()),
    }
)

_SERVERS: Final = ("settings", "mcpServers", "custom")
_KNOWN_VARIABLES: Final = frozenset(
    {
        *RUNNER_SECRET_KEYS,
        *STORAGE_VARIABLES,
        *WIPED_VARIABLES,
        *FORCED_VARIABLES,
        *SOMETIMES_FORCED_VARIABLES,
        *MCP_VARIABLES,
        "GITHUB_TOKEN",
    }
)

# A name such as PAYMENTS_DB_PASSWORD helps readers more than `…`, so it is quoted unless it could be a secret on the
# wrong side of the colon. Secrets in capitals have a known prefix (AKIA...), are one long word (TOTP seeds, hex) or
# have digits inside words (recovery codes). So a quoted name has at least two words, each of up to 15 letters and up to
# two digits at its end.
_VARIABLE: Final = re.compile(r"[A-Z]{1,15}[0-9]{0,2}(_[A-Z]{1,15}[0-9]{0,2})+")


def is_private(path: Sequence[PathPart]) -> bool:
    """Return whether the value at a path must not be quoted, including its keys.

    Private are all values below `secrets` of a workspace, the defaults or a template, and below an unknown section,
    which may be a misspelt or misplaced `secrets`. The same applies to `mcpServers` in the settings, and to unknown
    fields of a bucket, and to the template of a schedule.
    """
    if not path or path[0] in _OPEN_AT_THE_TOP:
        return False
    entry = _entry(path)
    if entry is None:
        return len(path) > 1
    if entry[:1] == ("settings",):
        return len(entry) > 2 and entry[1] not in _OPEN_SETTINGS
    if entry[:1] == ("schedules",):
        return len(entry) > 3 and entry[2] not in _OPEN_SCHEDULE
    if entry[:2] == ("storage", "bucket"):
        return len(entry) > 2 and entry[2] not in _OPEN_BUCKET
    return len(entry) > 1 and entry[0] not in _OPEN_SECTIONS


def may_quote_key(path: Sequence[PathPart]) -> bool:
    """Return whether a report may contain the last key of a path.

    In private parts these are names that users chose: of MCP servers, and of variables that look like names.
    """
    key = path[-1]
    if isinstance(key, int):
        return True
    if without_credentials(key) != key:
        return False
    return key in _SECRET_WORDS or not is_private(path) or _names_something(path, key)


def _names_something(path: Sequence[PathPart], key: str) -> bool:
    entry = _entry(path) or ()
    if entry[:-1] == _SERVERS or _of_template(entry)[:-1] == _SERVERS[1:]:
        return True
    variables = entry[:-1] in (("secrets", "runner"), ("secrets", "integrations"))
    variables = variables or (entry[:3] == _SERVERS and entry[4:-1] == ("env",))
    variables = variables or _of_template(entry)[:-1] == ("environmentVariables",)
    if not variables or begins_like_credential(key):
        return False
    return may_quote_variable(key)


def may_quote_variable(name: str) -> bool:
    """Return whether the name of a variable is one for sure, so that a report may contain it."""
    return name in _KNOWN_VARIABLES or _VARIABLE.fullmatch(name) is not None


def _of_template(entry: tuple[PathPart, ...]) -> tuple[PathPart, ...]:
    """Return the path within the template of a schedule; empty outside of one."""
    return entry[3:] if entry[:1] == ("schedules",) and entry[2:3] == ("sessionTemplate",) else ()


def public_path(path: Sequence[PathPart]) -> str:
    """Format a path for a report, with `…` for keys that must not be quoted."""
    return format_path(part if may_quote_key(path[: depth + 1]) else HIDDEN for depth, part in enumerate(path))


def without_credentials_in(problem: Problem) -> Problem:
    """Remove everything shaped like a credential from a problem, in case another rule failed."""
    # The path is of `public_path`.
    return replace(
        problem,
        problem=without_credentials(problem.problem),
        hints=tuple(map(without_credentials, problem.hints)),
    )


def _entry(path: Sequence[PathPart]) -> tuple[PathPart, ...] | None:
    """Return the path within a workspace, a template or the defaults; None if it is in none of them."""
    start = _ENTRY_AT.get(str(path[0]))
    return None if start is None else tuple(path[start:])
