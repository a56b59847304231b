"""What the stack file's messages also say: where a misplaced field belongs, former names, how to give a secret."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ambient_components.errors import PathPart, Remedy
from ambient_components.model import messages
from ambient_components.model.base import Model
from ambient_components.model.keys import Key
from ambient_components.model.limits import Limits
from ambient_components.model.messages import Hooks, fields, is_model
from ambient_components.model.settings import McpServers
from ambient_components.model.sources import Secrets
from ambient_components.model.stack import Defaults, StackFile, Workspace
from ambient_components.platform.contract import RUNNER_SECRET_KEYS
from ambient_components.rules.findings import Finding
from ambient_components.rules.limits import CONTAINER_RESOURCES
from ambient_components.stackfile.privacy import may_quote_key
from ambient_components.suggest import nearest

_RENAMED: Final = {
    "rails": "guardrails",
    "allow": "exceptions",
    "rail": "guardrail",
    "keysMax": "maxKeys",
    "adminKeysApart": "isolateAdminKeys",
}
"""Former names of fields, for stack files from before the first release."""

_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def findings(error: ValidationError, data: object) -> list[Finding]:
    """Return all errors of the models as findings."""
    return messages.findings(error, data, StackFile, _HOOKS)


def explain(error: ErrorDetails, data: object) -> tuple[str, Remedy]:
    """Return problem and remedy of one of pydantic's errors."""
    return messages.explain(error, data, StackFile, _HOOKS)


def meant_fields(path: Sequence[PathPart]) -> Iterator[tuple[PathPart, ...]]:
    """Yield the path of the field that a misspelt one resembles."""
    return messages.meant_fields(path, StackFile, _HOOKS)


def _home(word: str, model: type[Model]) -> str:
    """Return where a misplaced field belongs: usually its indentation is wrong."""
    is_near = bool(nearest(word, fields(model)))
    if model is StackFile and word in fields(Workspace) and not is_near:
        return "it belongs below the name of a workspace, with more indentation"
    if model is Defaults and word in fields(Workspace):
        return "each workspace has its own"
    if model in (Workspace, Defaults) and word in fields(StackFile):
        return "it belongs at the top of the file, without indentation"
    if model is Secrets and word in RUNNER_SECRET_KEYS:
        return f"did you mean 'runner.{word}'?"
    if model is Limits and word in CONTAINER_RESOURCES:
        return f"did you mean 'containers.default.{word}'?"
    if model is McpServers and not is_near:
        return "further servers belong below custom"
    if model is Workspace and word in (*fields(Key), "credentials"):
        return ""  # may belong to a key, to secrets or to the bucket
    below = [(model, "")]
    for outer, prefix in below:  # the list grows, level by level
        for field, kind in fields(outer).items():
            if prefix and field == word:
                return f"did you mean '{prefix}{field}'?"
            if model is not StackFile and is_model(kind):
                below.append((kind, f"{prefix}{field}."))
    return ""


def _secret_remedy(path: Sequence[PathPart]) -> Remedy:
    """Return how to provide a secret, with a config name that fits the workspace and the variable."""
    workspace = str(path[1]) if path[0] != "defaults" else "shared"
    key = str(path[-1])
    name = key.removesuffix("_API_KEY") if key in RUNNER_SECRET_KEYS else _CAMEL.sub("-", key)
    name = name.lower().replace("_", "-") if may_quote_key(path) else "name"
    reference = f"{workspace}/{name}"
    remedy = (
        "put the value into the stack's encrypted config with "
        f"`pulumi config set --secret {reference}` and write {{config: {reference}}}"
    )
    always_secret = "runner" in path[2:-1] or key == "secretKey"
    return remedy if always_secret else (remedy, "what is no secret is written {value: TEXT}")


_HOOKS: Final = Hooks(_home, may_quote_key, _RENAMED, at_entry=True, remedy=_secret_remedy)
