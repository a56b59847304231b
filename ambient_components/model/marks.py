"""Marks of fields: where their values go besides YAML and a component's arguments."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from ambient_components.model.forms import ABSENT, Form

Place = Literal["ledger", "token", "closure", "bucket", "credentials", "schedule", "object", "provider"]
"""Plain data that a model is written to: the ledger, or the inputs of one of the plugin's resources."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A field's part in plain data."""

    place: Place
    required: bool = False
    """Whether it is always written, and new data must have it. Other fields are left out while they have no value, or
    their default.
    """
    unknown: Any = ABSENT
    """What tolerant reading gives for a missing value, if the model's default would be a lie. It is not written."""
    form: Form | None = None
    """Another form than that of the field's type."""
    compared: bool = True
    """Whether the page of a plan shows a change of it."""
    label: str = ""
    """Its name on the page of a plan. Default: the field's name, with spaces."""
    unset: str = "unset"
    """Text for no value on the page of a plan."""


def recorded(
    *,
    required: bool = False,
    unknown: Any = ABSENT,
    form: Form | None = None,
    compared: bool = True,
    label: str = "",
    unset: str = "unset",
) -> Mark:
    """Mark a field that the ledger records."""
    return Mark("ledger", required, unknown, form, compared, label, unset)


def sent(to: Place, *, required: bool = False, unknown: Any = ABSENT, form: Form | None = None) -> Mark:
    """Mark a field that is an input of a resource of ours."""
    return Mark(to, required, unknown, form)


class _Deferred:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def check(value: Any, inner: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
            later = (info.context or {}).get(DEFERRED)
            return value if later is not None and isinstance(value, later) else inner(value)

        return core_schema.with_info_wrap_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Callable[[Any], Any]) -> Any:
        return handler(schema["schema"])


OUTPUT: Final = _Deferred()
"""Mark of a field that may be a Pulumi `Output` in a component: its value decides no name and no structure."""


@dataclass(frozen=True, slots=True)
class Secrecy:
    encrypted: bool
    """Whether SDKs and resources make the value a secret before it is sent."""


SECRET: Final = Secrecy(encrypted=True)
"""Mark of a field with a secret value."""

UNPRINTED: Final = Secrecy(encrypted=False)
"""Mark of a field with what no error shows: secrets below it, or half of a credential."""

DEFERRED: Final = "deferred"
"""Key of the type of outputs in the context of a validation. The models import no Pulumi."""
