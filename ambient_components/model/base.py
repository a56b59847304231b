"""Common base of all models: strictness, one kind of error, and messages without inputs."""

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Annotated, Any, ClassVar, Final, NoReturn, Self, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, PydanticUseDefault

from ambient_components.errors import Remedy, hints_of
from ambient_components.rules.findings import in_program
from ambient_components.suggest import allowed_words

ERROR_TYPE: Final = "stack"
"""Type of all errors that validators of models and types raise."""

KIND: Final = "x-kind"
"""Keyword for the kind of a text in the generated schema; `stackfile.schema` turns it into a title."""


def refuse(problem: str, *remedies: Remedy, field: str = "") -> NoReturn:
    """Raise the error of a validator; a rule about several fields names the one to change."""
    # The texts go through the context: a template would trip over their braces.
    raise PydanticCustomError(ERROR_TYPE, "invalid", {"problem": problem, "hints": hints_of(*remedies), "field": field})


def choice(value: object, allowed: Iterable[str], what: str) -> object:
    words = tuple(allowed)
    if not isinstance(value, str):
        return refuse(f"is {type_name(value)}", f"allowed: {', '.join(words)}")
    if value in words:
        return value
    return refuse(f"{value!r} is not a {what}", allowed_words(value, words))


def one_of(allowed: Iterable[str], what: str) -> BeforeValidator:
    return BeforeValidator(lambda value: choice(value, allowed, what))


def checked(rule: Callable[[Any], tuple[str, Remedy] | None]) -> AfterValidator:
    def check(value: Any) -> Any:
        if verdict := rule(value):
            refuse(*verdict)
        return value

    return AfterValidator(check)


def type_name(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    names = {dict: "a mapping", list: "a list", str: "text", int: "a number", float: "a number with a fraction"}
    return names.get(type(value), f"an object of {type(value).__name__}")


def is_scalar(value: object) -> bool:
    """Return whether a value is text or a number, which messages can quote; others are named by their type."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def text_schema(kind: str, pattern: str = "", **rules: Any) -> WithJsonSchema:
    """Return the JSON Schema of a custom text type, with the pattern of the whole text, without anchors."""
    return WithJsonSchema({"type": "string", KIND: kind, **({"pattern": f"^({pattern})$"} if pattern else {}), **rules})


class Model(BaseModel):
    """Base of all models: no unknown fields, immutable, and no inputs in errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        defer_build=True,  # the plugin validates few of the models that it imports
        hide_input_in_errors=True,
        alias_generator=to_camel,
        populate_by_name=False,
    )

    private: ClassVar[bool] = False
    """Whether errors must not quote values below this model, because it holds secrets or misplaced ones."""

    example: ClassVar[str] = ""
    """An example for a message; empty for a model that needs none."""

    other_example: ClassVar[str] = ""
    """How it is written otherwise."""

    example_by_name: ClassVar[str] = ""
    """An example of a mapping of these by name."""

    @field_validator("*", mode="before")
    @classmethod
    def _nothing_empty(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse an optional field that is written and empty; for a program `None` is no value, as in all of Pulumi."""
        field = cls.model_fields[info.field_name or ""]
        if value is None and in_program() and not field.is_required():
            raise PydanticUseDefault
        kinds = get_args(field.annotation)
        if value is None and type(None) in kinds:
            refuse("is empty", _allowed(kinds[0]))
        return value

    @classmethod
    def as_default(cls) -> Self:
        """Return the value without any field, as a default of another model.

        A call would build the validator while a module is imported, and defaults pass no checks.
        """
        return cls.model_construct()  # type: ignore[return-value]  # mypy binds it to Model

    @classmethod
    def from_declared(cls, declared: "Model", **known: Any) -> Self:
        """Return a declaration that has passed its checks, with what a run knows besides."""
        fields = {name: getattr(declared, name) for name in type(declared).model_fields if name in cls.model_fields}
        given = declared.model_fields_set | known.keys()
        return cls.model_construct(given, **fields | known)  # type: ignore[return-value]  # mypy binds it to Model

    def given(self, *fields: str) -> tuple[str, ...]:
        """Return the given fields out of the named ones, by their names in the file."""
        return tuple(
            type(self).model_fields[field].alias or field for field in fields if getattr(self, field) is not None
        )


def quotable_fields(model: type[Model]) -> frozenset[str]:
    """Return the fields that errors may quote, by their names in the file: those without private models below them."""
    fields = model.model_fields.items()
    return frozenset(
        field.alias or name for name, field in fields if not any(m.private for m in models_in(field.annotation))
    )


def models_in(annotation: Any) -> Iterator[type[Model]]:
    """Yield the models in the type of a field, and those within them."""
    inner = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
        inner = tuple(field.annotation for field in annotation.model_fields.values())
    for part in inner:
        yield from models_in(part)


def _allowed(annotation: Any) -> Remedy:
    """Return what an optional field takes; a type of ours says it best itself."""
    if get_origin(annotation) is dict or (isinstance(annotation, type) and issubclass(annotation, Model)):
        return "allowed: a mapping", "write {} for an empty one"
    if get_origin(annotation) is not Annotated:
        return "allowed: text"
    kind, *rules = get_args(annotation)
    for rule in rules:
        if isinstance(rule, BeforeValidator):
            try:
                rule.func(None)  # type: ignore[call-arg]  # ours take a value alone
            except PydanticCustomError as error:
                hints: tuple[str, ...] = (error.context or {})["hints"]
                return hints
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"allowed: {', '.join(kind)}"
    words = {bool: "true or false", int: "a whole number"}
    return f"allowed: {words.get(kind, 'text')}"
