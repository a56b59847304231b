"""Messages for pydantic's errors in terms of the stack file: YAML type names, allowed values and suggestions."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, Final, get_args, get_origin

from pydantic_core import ErrorDetails

from ambient_components.errors import PathPart, Remedy
from ambient_components.model.base import ERROR_TYPE, Model, type_name
from ambient_components.model.guardrails import GuardrailException, Guardrails, SecretPlace, StackException
from ambient_components.model.keys import Delivery, DeliverySecret, Key
from ambient_components.model.limits import Limits, NetworkPeer
from ambient_components.model.settings import CaBundle, McpServer, McpServers, OnClose
from ambient_components.model.sources import OnDrift, SecretRef, Secrets, Source
from ambient_components.model.stack import Defaults, Grant, Included, StackFile, Workspace
from ambient_components.model.storage import Bucket, BucketCredentials, Storage
from ambient_components.platform.contract import RUNNER_SECRET_KEYS
from ambient_components.rules.limits import CONTAINER_RESOURCES
from ambient_components.stackfile.privacy import may_quote_key
from ambient_components.suggest import allowed_words, nearest

_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "enum": "text",
}
"""What is allowed, by pydantic's type of the error."""

_MAPPINGS: Final = ("dict_type", "model_type")
_WORDS: Final = ("string_type", "enum")
_NUMBERS: Final = ("int_type", "int_from_float")

_EXAMPLES: Final[Mapping[type[Model], str]] = {
    GuardrailException: "{guardrail: adminKey, reason: TEXT}",
    Bucket: "{name: payments-sessions}",
    BucketCredentials: "{lifetime: 90d}",
    CaBundle: "{file: PATH}",
    Delivery: "{secret: {namespace: NAME, name: NAME}}",
    DeliverySecret: "{namespace: NAME, name: NAME}",
    Grant: "{user: NAME, role: edit}",
    Included: "{path: teams/*.yaml, sections: [templates]}",
    Limits: "{quota: {pods: 50}}",
    McpServer: "{url: https://…}",
    NetworkPeer: "{cidr: 10.0.0.0/8}",
    OnClose: "{sessions: deletePods}",
    OnDrift: "{runner: keep, integrations: keep}",
    Guardrails: "{maxKeys: 10}",
    SecretPlace: "{namespace: NAME}",
    SecretRef: "{namespace: NAME, name: NAME, key: KEY}",
    Secrets: "{runner: {ANTHROPIC_API_KEY: {config: NAME}}}",
    StackException: "{guardrail: massRemoval, reason: TEXT, until: DAY}",
    Storage: "{bucket: {name: payments-sessions}}",
}
"""Examples of mappings that users write as text or as a list."""

_OTHER_EXAMPLES: Final[Mapping[type[Model], str]] = {
    Grant: "{group: NAME}",
    McpServer: "{command: PROGRAM}",
    NetworkPeer: "{namespace: NAME}",
    SecretPlace: "{folder: PATH}",
}
"""How it is written otherwise."""

_EXAMPLES_OF_MANY: Final[Mapping[type[Model], str]] = {
    Defaults: "{NAME: {}}",
    Key: "{ci: {role: edit}}",
    McpServer: "{NAME: {url: https://…}}",
    Source: "{NAME: {config: NAME}}",
    Workspace: "{NAME: {}}",
}
"""Examples of mappings by name."""

_ENTRIES: Final[Mapping[str, str]] = {
    "annotations": "{NAME: TEXT}",
    "featureFlags": "{jira-write: true}",
    "headers": "{NAME: TEXT}",
    "labels": "{team: NAME}",
    "quota": "{pods: 50}",
    "tags": "{team: NAME}",
    "runner": "{ANTHROPIC_API_KEY: {config: NAME}}",
    **dict.fromkeys(("defaultRequest", "default", "min", "max"), "{cpu: 500m, memory: 1Gi}"),
}
"""Examples of mappings without models, by field."""

_ITEMS: Final[Mapping[str, str]] = {
    "args": "--verbose",
    "disabled": "webfetch",
    "include": "teams/*.yaml",
    "owners": "user:NAME",
    "ports": "443",
    "reviewers": "group:NAME",
    "sections": "templates",
    "stacks": "prod-eu",
    "workspaces": "NAME",
}
"""Examples of items in lists of texts or numbers, by field."""

_NEVER_EMPTY: Final = ("runner", "integrations")

_RENAMED: Final = {
    "rails": "guardrails",
    "allow": "exceptions",
    "rail": "guardrail",
    "keysMax": "maxKeys",
    "adminKeysApart": "isolateAdminKeys",
}
"""Former names of fields, for stack files from before the first release."""

_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")

_YES: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def explain(error: ErrorDetails, data: object) -> tuple[str, Remedy]:
    """Return problem and remedy of one of pydantic's errors.

    Args:
        data: The data of the whole file; of private values only the type is read.
    """
    kind, path = error["type"], error["loc"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == ERROR_TYPE:
        return context["problem"], context["hints"] or _secret_remedy(path)
    if kind == "extra_forbidden":
        return _unknown_field(path)
    if kind == "missing":
        return "is missing", "add it"
    value = _at(data, path)
    if kind in _EXPECTED:
        return _wrong_type(value, kind, path)
    return _bad_value(kind, value, context) or (error["msg"], "")  # pydantic's own message contains no input either


def meant_fields(path: Sequence[PathPart]) -> Iterator[tuple[PathPart, ...]]:
    """Yield the path of the field that a misspelt one resembles, so that it is not reported as missing too."""
    allowed = _fields(_model_at(path[:-1]))
    if near := _renamed(str(path[-1]), allowed) or nearest(str(path[-1]), allowed):
        yield (*path[:-1], near)


def _bad_value(kind: str, value: object, context: Mapping[str, Any]) -> tuple[str, str] | None:
    if kind == "string_too_long":
        return f"has {len(str(value))} characters", f"allowed: up to {context['max_length']}"
    if kind == "string_too_short":
        return "is empty", "allowed: text"
    if kind == "greater_than_equal":
        return f"{value} is too low", f"allowed: whole numbers from {context['ge']}"
    if kind == "less_than_equal":
        return f"{value} is too high", f"allowed: whole numbers up to {context['le']}"
    return None


def _wrong_type(value: object, kind: str, path: Sequence[PathPart]) -> tuple[str, Remedy]:
    allowed, more = f"allowed: {_EXPECTED[kind]}", ""
    if value is None and path[-1] in _NEVER_EMPTY:
        allowed += _example(path)
        more = "leave it out for no secret"
    elif kind in _MAPPINGS and value is None:
        more = "write {} for an empty one"
    elif kind in _MAPPINGS:
        allowed += _example(path)
    elif kind == "list_type":
        allowed += _list_example(path)
        more = "write [] for an empty one" if value is None else ""
    elif kind in _WORDS and isinstance(value, bool | int | float):
        more = "put it in quotes"
    elif kind == "bool_type" and isinstance(value, str):
        more = _meant_flag(value)
    elif kind in _NUMBERS and isinstance(value, str) and value.isdecimal():
        more = "remove the quotes"
    return f"is {type_name(value)}", (allowed, more)


def _example(path: Sequence[PathPart]) -> str:
    annotation = _annotation_at(path)
    if path[-1] in _ENTRIES:
        return f", such as {_ENTRIES[str(path[-1])]}"
    many = get_origin(annotation) is dict
    model = _item(annotation) if many else annotation
    example = (_EXAMPLES_OF_MANY if many else _EXAMPLES).get(model)
    other = "" if many else _OTHER_EXAMPLES.get(model)
    return f", such as {example}{f' or {other}' if other else ''}" if example else ""


def _list_example(path: Sequence[PathPart]) -> str:
    item = _ITEMS.get(str(path[-1])) or _EXAMPLES.get(_item(_annotation_at(path)), "")
    return f", such as [{item}]"


def _meant_flag(value: str) -> str:
    word = value.lower()
    if value in ("true", "false"):
        return "remove the quotes"
    meant = _YES.get(word) or nearest(word, ("true", "false"))
    return f"did you mean {meant}?" if meant else ""


def _unknown_field(path: Sequence[PathPart]) -> tuple[str, Remedy]:
    word = str(path[-1])
    model = _model_at(path[:-1])
    problem = f"{word!r} is not a field" if may_quote_key(path) else "is a field that doesn't exist"
    fields = _fields(model)
    if renamed := _renamed(word, fields):
        return problem, f"it is called {renamed!r} now"
    home = "" if nearest(word, fields) else _home(word, model)
    return problem, (*allowed_words(word, fields), home)


def _renamed(word: str, fields: Collection[str]) -> str | None:
    """Return the present name of a field, if this is its former one."""
    return name if (name := _RENAMED.get(word)) in fields else None


def _home(word: str, model: type[Model]) -> str:
    """Return where a misplaced field belongs: usually its indentation is wrong."""
    if model is StackFile and word in _fields(Workspace):
        return "it belongs below the name of a workspace, with more indentation"
    if model is Defaults and word in _fields(Workspace):
        return "each workspace has its own"
    if model in (Workspace, Defaults) and word in _fields(StackFile):
        return "it belongs at the top of the file, without indentation"
    if model is Secrets and word in RUNNER_SECRET_KEYS:
        return f"did you mean 'runner.{word}'?"
    if model is Limits and word in CONTAINER_RESOURCES:
        return f"did you mean 'containers.default.{word}'?"
    if model is McpServers:
        return "further servers belong below custom"
    if model is Workspace and word in (*_fields(Key), "credentials"):
        return ""  # may belong to a key, to secrets or to the bucket
    below = [(model, "")]
    for outer, prefix in below:  # the list grows, level by level
        for field, kind in _fields(outer).items():
            if prefix and field == word:
                return f"did you mean '{prefix}{field}'?"
            if model is not StackFile and isinstance(kind, type) and issubclass(kind, Model):
                below.append((kind, f"{prefix}{field}."))
    return ""


def _fields(model: type[Model]) -> dict[str, Any]:
    """Return the types of a model's fields, by their names in the file."""
    return {field.alias or name: _present(field.annotation) for name, field in model.model_fields.items()}


def _model_at(path: Sequence[PathPart]) -> type[Model]:
    """Return the model of the mapping at a path."""
    return _annotation_at(path)  # type: ignore[no-any-return]


def _annotation_at(path: Sequence[PathPart]) -> Any:
    """Return the annotation at a path: a model, a list or dict, or a custom type."""
    annotation: Any = StackFile
    for part in path:
        if isinstance(annotation, type) and issubclass(annotation, Model):
            annotation = _fields(annotation)[str(part)]
        else:
            annotation = _item(annotation)
    return annotation


def _item(annotation: Any) -> Any:
    """Return the annotation of the items of a list or a dict."""
    return _present(get_args(annotation)[-1])


def _present(annotation: Any) -> Any:
    """Return the annotation without the option None."""
    if get_origin(annotation) in (list, dict):
        return annotation
    return next((kind for kind in get_args(annotation) if kind is not NoneType), annotation)


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


def _at(data: object, path: Sequence[PathPart]) -> object:
    for part in path:
        data = data[part]  # type: ignore[index]
    return data
