"""Sources of secret values, which are never in the stack file itself."""

import re
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictStr, model_validator
from pydantic.config import JsonDict

from ambient_components.model.base import Model, one_of, refuse, text_schema
from ambient_components.model.marks import OUTPUT
from ambient_components.model.types import ConfigKey, FilePath, NamespaceName, Text
from ambient_components.platform.contract import OBJECT_NAME_MAX, RUNNER_SECRET_KEYS, STORAGE_VARIABLES
from ambient_components.platform.variables import DATA_KEY_PATTERN, VARIABLE_PATTERN
from ambient_components.rules.secret_patterns import begins_like_credential, looks_like_credential
from ambient_components.rules.secrets import SOURCE_FIELDS, DriftPolicy

GIVE_OTHERWISE: Final = (
    "give it by config, env, file or secret, such as {config: NAME}",
    "revoke it if it was committed",
)
"""Remedy for a secret in plain text."""

_SECRET_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"  # noqa: S105 - a DNS subdomain
_NOT_A_CREDENTIAL = ("write where the value is found", "if it is a credential, revoke it")


def _variable(value: str) -> str:
    if begins_like_credential(value):
        refuse("looks like a credential, not like the name of a variable", _NOT_A_CREDENTIAL)
    if not re.fullmatch(VARIABLE_PATTERN, value):
        refuse("is not the name of a variable", "allowed: A-Z a-z 0-9 _, no digit first, such as PAYMENTS_GITHUB_TOKEN")
    return value


def _secret_name(value: str) -> str:
    if len(value) > OBJECT_NAME_MAX or not re.fullmatch(_SECRET_NAME, value):
        refuse("is not the name of a Secret", f"allowed: 1-{OBJECT_NAME_MAX} of a-z 0-9 - .")
    return value


def _data_key(value: str) -> str:
    if not re.fullmatch(DATA_KEY_PATTERN, value):
        refuse("is not a key of a Secret", "allowed: 1-253 of A-Z a-z 0-9 . _ -, such as token")
    return value


def _plain(value: str) -> str:
    if looks_like_credential(value):
        refuse("looks like a credential", GIVE_OTHERWISE)
    return value


def _runner_schema(schema: JsonDict) -> None:
    items = schema["additionalProperties"]
    assert isinstance(items, dict)  # noqa: S101 - it is a mapping to sources
    items["not"] = {"required": ["value"]}
    schema |= {"propertyNames": {"enum": list(RUNNER_SECRET_KEYS)}, "minProperties": 1}


_INTEGRATION_NAMES: JsonDict = {
    "propertyNames": {
        "pattern": r"^(?!\.$|\.\.)[-._A-Za-z][-._A-Za-z0-9]*$",
        "maxLength": 253,
        "not": {"enum": list(STORAGE_VARIABLES)},
    },
    "minProperties": 1,
}


PolicyName = Annotated[DriftPolicy, one_of(DriftPolicy, "drift policy")]
"""overwrite or keep."""

VariableName = Annotated[StrictStr, AfterValidator(_variable), text_schema("name of a variable", VARIABLE_PATTERN)]
"""Name of an environment variable."""

SecretName = Annotated[StrictStr, AfterValidator(_secret_name), text_schema("name of a Secret", _SECRET_NAME)]
"""Name of a Kubernetes Secret."""

DataKey = Annotated[StrictStr, AfterValidator(_data_key), text_schema("key of a Secret", DATA_KEY_PATTERN)]
"""Key in a Kubernetes Secret."""

VALUE_MAX: Final = 10_000
"""Maximum characters of a value in a stack file; longer text belongs into a file of its own."""

PlainValue = Annotated[StrictStr, Field(max_length=VALUE_MAX), AfterValidator(_plain)]
"""A value that may be in a reviewed file."""


def _value(value: object) -> object:
    if isinstance(value, dict):
        refuse("is a source, which only a stack file has", "give the value itself, such as config.require_secret(NAME)")
    return value


SecretValue = Annotated[StrictStr, BeforeValidator(_value)]
"""A value, in a program."""


class SecretRef(Model):
    """One value of an existing Secret in the cluster, which the deployer must be allowed to read."""

    example: ClassVar[str] = "{namespace: NAME, name: NAME, key: KEY}"

    namespace: NamespaceName
    """Namespace of the Secret, such as vault-sync."""

    name: SecretName
    """Name of the Secret."""

    key: DataKey
    """Key of the value in the Secret."""


class Source(Model):
    """Source of a value: exactly one of `config`, `env`, `file`, `secret`, and `value` for values without secrets."""

    example_by_name: ClassVar[str] = "{NAME: {config: NAME}}"

    private: ClassVar[bool] = True

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"title": field, "required": [field]} for field in SOURCE_FIELDS]}
    )

    config: ConfigKey | None = None
    """Key in the stack's encrypted config, such as payments/anthropic; set it with `pulumi config set --secret`."""

    env: VariableName | None = None
    """Environment variable of the run, such as a masked variable of CI."""

    file: FilePath | None = None
    """Path of a file that contains only the value, relative to this file."""

    secret: SecretRef | None = None
    """Value of an existing Secret in the cluster, such as one that a vault operator maintains."""

    value: PlainValue | None = None
    """The value itself, if it is not secret, such as LOG_LEVEL. Only under `integrations`."""

    @model_validator(mode="before")
    @classmethod
    def _no_plain_value(cls, value: Any) -> Any:
        if not isinstance(value, dict | Source):
            problem = "is empty" if value is None else "is a plain value, and secrets don't belong in this file"
            refuse(problem, "")  # `stackfile.messages` adds the remedy, which depends on the workspace and the variable
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = self.given(*SOURCE_FIELDS)
        if len(given) != 1:
            problem = f"has {' and '.join(given)}" if given else f"has none of {', '.join(SOURCE_FIELDS)}"
            refuse(problem, "allowed: exactly one of them, such as {config: NAME} or {env: NAME}")
        return self

    def __str__(self) -> str:
        """Return a description of the source for the ledger and the plan, never the value."""
        if self.secret is not None:
            return f"Secret {self.secret.namespace}/{self.secret.name}, key {self.secret.key}"
        kind = self.given(*SOURCE_FIELDS)[0]
        return kind if kind == "value" else f"{kind} {getattr(self, kind)}"


class OnDrift(Model):
    """Which side wins after a save in the platform's UI: the stack file or the UI."""

    example: ClassVar[str] = "{runner: keep, integrations: keep}"

    runner: PolicyName = DriftPolicy.OVERWRITE
    """For the runner secret."""

    integrations: PolicyName = DriftPolicy.OVERWRITE
    """For the integration secret."""


class SecretValues(Model):
    """Environment variables of all sessions of the workspace, kept as secrets."""

    example: ClassVar[str] = "{runner: {ANTHROPIC_API_KEY: VALUE}}"

    private: ClassVar[bool] = True

    runner: dict[Text, Annotated[SecretValue, OUTPUT]] = {}
    """API keys of language models by variable: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY."""

    integrations: dict[Text, Annotated[SecretValue, OUTPUT]] = {}
    """Further variables by name, such as GITHUB_TOKEN."""

    on_drift: OnDrift = OnDrift.as_default()
    """Which side wins after a save of a secret in the UI."""


class Secrets(Model):
    """References to the environment variables of all sessions of the workspace; never their values."""

    example: ClassVar[str] = "{runner: {ANTHROPIC_API_KEY: {config: NAME}}}"

    private: ClassVar[bool] = True

    runner: dict[Text, Source] = Field(default={}, json_schema_extra=_runner_schema)
    """API keys of language models by variable: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY; at least one if
    given.
    """

    integrations: dict[Text, Source] = Field(default={}, json_schema_extra=_INTEGRATION_NAMES)
    """Further variables by name, such as GITHUB_TOKEN; at least one if given."""

    on_drift: OnDrift = OnDrift.as_default()
    """Which side wins after a save of a secret in the UI."""
