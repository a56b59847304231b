"""Messages for pydantic's errors, for stack files and for arguments: types, allowed values and suggestions."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Any, Final, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ambient_components.errors import PathPart, Remedy
from ambient_components.model.base import ERROR_TYPE, Model, type_name
from ambient_components.rules.findings import Finding, Path, camel, in_program, in_python, spell
from ambient_components.rules.secret_patterns import without_credentials
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
    "except": "group:NAME",
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

_OTHER_WORDS: Final = {"cron": "schedule", "crontab": "schedule"}
"""Words of other tools for our fields that resemble another field of ours (cronJob)."""

_YES: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def _is_no_credential(path: Sequence[PathPart]) -> bool:
    return without_credentials(str(path[-1])) == str(path[-1])


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a message also says for one kind of input."""

    home: Callable[[str, type[Model]], str] = lambda word, model: ""  # noqa: ARG005
    """Returns where a misplaced field of a model belongs."""
    may_quote: Callable[[Sequence[PathPart]], bool] = _is_no_credential
    """Tells whether a message may contain the last key of a path."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Present names of fields by their former ones."""
    at_entry: bool = False
    """Whether a rule about several fields is reported at their entry, and not at one of them."""
    remedy: Callable[[Sequence[PathPart]], Remedy] = lambda path: ""  # noqa: ARG005
    """Returns the remedy of a refusal that has none, as it depends on the path."""


def findings(error: ValidationError, data: object, root: Any, hooks: Hooks = Hooks()) -> list[Finding]:
    """Return all errors of a validation, with the paths of the data. Of private values only the type is read."""
    items = error.errors(include_url=False, include_input=False)
    unknown = [item["loc"] for item in items if item["type"] == "extra_forbidden"]
    # A misspelt field is not reported as missing too.
    meant = {path for misspelt in unknown for path in meant_fields(misspelt, root, hooks)}
    return [
        Finding(
            (*_place(item), *_field_of_rule(item, hooks)),
            *explain(item, data, root, hooks),
            at_key=item["type"] == "extra_forbidden",
        )
        for item in items
        if item["type"] != "missing" or item["loc"] not in meant
    ]


def _place(error: ErrorDetails) -> Path:
    path = error["loc"]
    return path[:-1] if path[-1:] == ("[key]",) else path


def _field_of_rule(error: ErrorDetails, hooks: Hooks) -> Path:
    field = error.get("ctx", {}).get("field")
    return (spell(field),) if field and not hooks.at_entry else ()


def explain(error: ErrorDetails, data: object, root: Any, hooks: Hooks = Hooks()) -> tuple[str, Remedy]:
    """Return problem and remedy of one of pydantic's errors; see `findings`."""
    kind, path = error["type"], _place(error)
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == ERROR_TYPE:
        return context["problem"], context["hints"] or hooks.remedy(path)
    if kind == "extra_forbidden":
        return _unknown_field(path, root, hooks)
    if kind == "missing":
        return "is missing", "add it"
    if path != error["loc"] or kind == "invalid_key":  # of a key of a mapping, pydantic's path ends with a mark
        return "is a name that is not text", "put it in quotes"
    value = _at(data, path)
    if kind in _EXPECTED:
        return _wrong_type(value, kind, path, root)
    return _bad_value(kind, value, context) or (error["msg"], "")  # pydantic's own message contains no input either


def meant_fields(path: Sequence[PathPart], root: Any, hooks: Hooks) -> Iterator[tuple[PathPart, ...]]:
    """Yield the path of the field that a misspelt one resembles."""
    word, known = str(path[-1]), fields(model_at(path[:-1], root))
    if near := _renamed(word, known, hooks) or nearest(_other_word(word, known), known):
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


def _wrong_type(value: object, kind: str, path: Sequence[PathPart], root: Any) -> tuple[str, Remedy]:
    allowed, more = f"allowed: {_EXPECTED[kind]}", ""
    if value is None and path[-1] in _NEVER_EMPTY:
        allowed += _example(path, root)
        more = "leave it out for no secret"
    elif kind in _MAPPINGS and value is None:
        more = "write {} for an empty one"
    elif kind in _MAPPINGS:
        allowed += _example(path, root)
    elif kind == "list_type":
        allowed += _list_example(path, root)
        more = "write [] for an empty one" if value is None else ""
    elif kind in _WORDS and isinstance(value, bool | int | float):
        more = "put it in quotes"
    elif kind == "bool_type" and isinstance(value, str):
        more = _meant_flag(value)
    elif kind in _NUMBERS and isinstance(value, str) and value.isdecimal():
        more = "remove the quotes"
    return f"is {type_name(value)}", (allowed, more)


def _example(path: Sequence[PathPart], root: Any) -> str:
    if path[-1] in _ENTRIES:
        example = "{ANTHROPIC_API_KEY: VALUE}" if in_program() and path[-1] == "runner" else _ENTRIES[str(path[-1])]
        return f", such as {example}"
    annotation = annotation_at(path, root)
    many = get_origin(annotation) is dict
    model = _item(annotation) if many else annotation
    if not is_model(model):
        return ""
    examples = (model.example_by_name,) if many else (model.example, model.other_example)
    return f", such as {' or '.join(filter(None, examples))}" if examples[0] else ""


def _list_example(path: Sequence[PathPart], root: Any) -> str:
    model = _item(annotation_at(path, root))
    item = _ITEMS.get(str(path[-1])) or (model.example if is_model(model) else "")
    return f", such as [{item}]"


def _meant_flag(value: str) -> str:
    word = value.lower()
    if value in ("true", "false"):
        return "remove the quotes"
    meant = _YES.get(word) or nearest(word, ("true", "false"))
    return f"did you mean {meant}?" if meant else ""


def _unknown_field(path: Sequence[PathPart], root: Any, hooks: Hooks) -> tuple[str, Remedy]:
    word, model = str(path[-1]), model_at(path[:-1], root)
    problem = f"{word!r} is not a field" if hooks.may_quote(path) else "is a field that doesn't exist"
    known = fields(model)
    if renamed := _renamed(word, known, hooks):
        return problem, f"it is called {renamed!r} now"
    if word.partition(":")[0] in known:  # `{user:bob}` is one word in YAML
        return problem, "write a space after the colon"
    # A field of another place is no misspelt one: guardrails in a workspace is not its guard.
    home = hooks.home(word, model)
    return problem, (*allowed_words("" if home else _other_word(word, known), known), home)


def _other_word(word: str, known: Collection[str]) -> str:
    """Return our name of a field, if this is that of other tools; else the same word."""
    return name if (name := _OTHER_WORDS.get(word, "")) in known else word


def _renamed(word: str, known: Collection[str], hooks: Hooks) -> str | None:
    """Return the present name of a field, if this is its former one."""
    return name if (name := hooks.renamed.get(word)) in known else None


def fields(model: type[Model]) -> dict[str, Any]:
    return {
        name if in_python() else field.alias or name: _present(field.annotation)
        for name, field in model.model_fields.items()
    }


def is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Model)


def model_at(path: Sequence[PathPart], root: Any) -> type[Model]:
    return annotation_at(path, root)  # type: ignore[no-any-return]


def annotation_at(path: Sequence[PathPart], root: Any) -> Any:
    annotation = root
    for part in path:
        annotation = _field(annotation, str(part)) if is_model(annotation) else _item(annotation)
    return annotation


def _field(model: type[Model], name: str) -> Any:
    info = model.model_fields.get(name) or next(
        model_field for model_field in model.model_fields.values() if model_field.alias == name
    )
    return _present(info.annotation)


def _item(annotation: Any) -> Any:
    return _present(get_args(annotation)[-1])


def _present(annotation: Any) -> Any:
    if get_origin(annotation) in (list, dict):
        return annotation
    return next((kind for kind in get_args(annotation) if kind is not NoneType), annotation)


def spelled(findings: Iterable[Finding], root: Any) -> Iterator[Finding]:
    """Yield findings about plain data with the names of fields as the reader of a message writes them."""
    for finding in findings:
        other = finding.other and _spelled(finding.other, root)
        yield replace(finding, path=_spelled(finding.path, root), other=other) if in_program() else finding


def field_name(model: type[Model], name: str) -> str:
    """Return the name in Python of a field with a name in any spelling."""
    return next((own for own, field in model.model_fields.items() if name in (own, field.alias)), name)


def _spelled(path: Path, annotation: Any) -> Path:
    names: list[PathPart] = []
    for part in path:
        if is_model(annotation):
            fields_of: dict[str, Any] = annotation.model_fields
            name = field_name(annotation, str(part))
            annotation = _present(fields_of[name].annotation) if name in fields_of else None
            names.append(name if in_python() else camel(name))
        else:
            annotation = _item(annotation) if get_args(annotation) else None
            names.append(part)
    return tuple(names)


def _at(data: object, path: Sequence[PathPart]) -> object:
    for part in path:
        data = data[part]  # type: ignore[index]
    return data
