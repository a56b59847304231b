"""The stack's object store in the config (`objectStore`), with one set of checks for all readers. Pure functions.

An encrypted value is a mapping in the file (``{secure: ...}``), and a string after Pulumi decrypted it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

from ambient_components.errors import Problems, Remedy
from ambient_components.rules.buckets import endpoint_problem
from ambient_components.rules.findings import camel
from ambient_components.suggest import allowed_words, did_you_mean

OBJECT_STORE: Final = "objectStore"
"""Key in the stack's config."""

IAM: Final = "iam"
MINIO: Final = "minio"
STORE_APIS: Final = (IAM, MINIO)
"""APIs for a store's users and access keys: AWS's IAM, or MinIO's admin API."""

REGION_DEFAULT: Final = "us-east-1"
"""Region for stores that have none."""

SECRET_KEY: Final = "secretKey"  # noqa: S105 - a name
"""Field that must be encrypted."""

_ADDRESSES: Final = ("endpoint", "iamEndpoint", "sessionsEndpoint")
_KEYS: Final = ("accessKey", SECRET_KEY)
_AWS: Final = ".amazonaws.com"
_AWS_CHINA: Final = ".amazonaws.com.cn"


class StoreProblem(NamedTuple):
    """Problem of one field; never contains its value."""

    field: str
    problem: str
    remedy: Remedy

    def report(self, problems: Problems) -> None:
        """Add it, with its place in the config."""
        problems.add(None, f"{OBJECT_STORE}.{self.field}".rstrip("."), self.problem, self.remedy)


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """One object store, without the secret key of its administrator."""

    endpoint: str = ""
    """Address of its S3 API for pulumi's machine; empty means AWS."""

    iam_endpoint: str = ""
    """Address of its API for users and keys; empty means the same, or AWS's."""

    sessions_endpoint: str = ""
    """Address for sessions; empty means `endpoint`."""

    region: str = REGION_DEFAULT

    credentials: str = IAM

    access_key: str = ""
    """Access key that may create buckets and users; empty means AWS's default credential chain."""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        """Return the store of texts by field."""
        return cls(**{name: text.rstrip("/") if name.endswith("endpoint") else text for name, text in given.items()})

    @property
    def address_for_sessions(self) -> str:
        return self.sessions_endpoint or self.endpoint or aws_endpoint(self.region)


_FIELDS: Final = {camel(each.name): each.name for each in fields(StoreConfig)} | {SECRET_KEY: "secret_key"}
"""Fields by name in the config."""


@dataclass(frozen=True, slots=True)
class GivenStore:
    config: StoreConfig = field(default_factory=StoreConfig)
    """Without what is encrypted, and without anything where there are problems."""

    problems: tuple[StoreProblem, ...] = ()

    secret_key: object = field(default=None, repr=False)
    """As it was read: text, or encrypted."""

    encrypted: bool = False
    """Whether the whole of it is: nothing more is known then."""


def given_store(value: object, region: str | None = None) -> GivenStore | None:
    """Read the store out of a config; None where it names none."""
    if value is None:
        return None
    if is_encrypted(value):
        return GivenStore(encrypted=True)
    given = parsed(value)
    if isinstance(given, Mapping) and region:
        given = {"region": region, **given}
    problems = tuple(store_problems(given))
    secret_key = given.get(SECRET_KEY) if isinstance(given, Mapping) else None
    return GivenStore(StoreConfig() if problems else read_store(given), problems, secret_key)


def parsed(value: object) -> Any:
    """Return the object, which may be a mapping or JSON; None if it is invalid JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None


def store_problems(given: object) -> Iterator[StoreProblem]:
    """Find all problems of the object, except an unencrypted secret key: only the reader of the file can find that."""
    if not isinstance(given, Mapping):
        set_one = f"set its fields one by one: {set_command('endpoint', 'https://…')}"
        yield StoreProblem("", "is not an object with fields", set_one)
        return
    for name in given:
        if name not in _FIELDS:
            yield _unknown(name)
    for name in _FIELDS:
        if name in given and not is_encrypted(given[name]):
            yield from _field_problems(name, given[name])
    if given.get("credentials") == MINIO and not given.get("endpoint"):
        yield StoreProblem(
            "endpoint", "is missing, and AWS has no MinIO admin API", set_command("endpoint", "https://…")
        )
    keys = [field for field in _KEYS if given.get(field)]
    if len(keys) == 1:
        other = next(field for field in _KEYS if field not in keys)
        yield StoreProblem(other, f"is missing beside {keys[0]}", set_command(other))


def read_store(given: Mapping[str, Any]) -> StoreConfig:
    """Return the store of a config without problems; encrypted values are left out."""
    plain = {name: value for name, value in given.items() if name != SECRET_KEY and value and not is_encrypted(value)}
    return StoreConfig.of({_FIELDS[name]: str(value) for name, value in plain.items()})


def is_encrypted(value: object) -> bool:
    """Return whether a value is still encrypted, and so cannot be checked."""
    return isinstance(value, Mapping) and set(value) == {"secure"}


def set_command(field: str, value: str = "") -> str:
    """Return the command that sets a field; keys are read without echo and encrypted."""
    secret = "--secret " if field in _KEYS else ""
    return f"pulumi config set {secret}--path {OBJECT_STORE}.{field} {value}".rstrip()


IN_PLAIN_TEXT: Final = StoreProblem(
    SECRET_KEY,
    "is in the stack's config in plain text",
    f"encrypt it, and give the store another one if it was committed: {set_command(SECRET_KEY)}",
)
"""A secret key that is not encrypted."""


def aws_endpoint(region: str) -> str:
    return f"https://s3.{region}{_AWS_CHINA if region.startswith('cn-') else _AWS}"


def is_aws(endpoint: str) -> bool:
    return (urlsplit(endpoint).hostname or "").endswith((_AWS, _AWS_CHINA))


def _unknown(field: object) -> StoreProblem:
    """Return the problem of an unknown field. Its name is quoted only if it resembles a field: it may be a secret."""
    near = did_you_mean(str(field), _FIELDS)
    if near:
        return StoreProblem(str(field), "is not a field of the store", near)
    return StoreProblem("", "has a field that is none", f"allowed: {', '.join(_FIELDS)}")


def _field_problems(field: str, value: object) -> Iterator[StoreProblem]:
    if not isinstance(value, str) or not value.strip():
        yield StoreProblem(field, "is empty" if value in (None, "") else "is not text", set_command(field, "…"))
    elif field in _ADDRESSES and (problem := endpoint_problem(value)):
        yield StoreProblem(field, *problem)
    elif field == "credentials" and value not in STORE_APIS:
        yield StoreProblem(field, "is no API of a store's users", allowed_words(value, STORE_APIS))
    elif field in ("region", *_KEYS) and any(letter.isspace() for letter in value):
        yield StoreProblem(field, "has a blank or a line break in it", set_command(field, "…"))
