"""The stack's object store, out of its config: the object `objectStore`, with an encrypted secret key."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml
from pulumi.runtime.config import get_config, is_config_secret

from ambient_components.components import StoreArgs
from ambient_components.errors import Problems
from ambient_components.fleet.shard import config_stack
from ambient_components.storage.config import (
    IN_PLAIN_TEXT,
    OBJECT_STORE,
    REGION_DEFAULT,
    SECRET_KEY,
    StoreConfig,
    is_encrypted,
    parsed,
    read_store,
    store_problems,
)


@dataclass(frozen=True)
class ObjectStore:
    """Where the buckets of a stack are made."""

    config: StoreConfig
    secret_key: pulumi.Output[str] | None = field(default=None, repr=False)
    """Of its administrator; None: found as AWS's tools find it."""

    @classmethod
    def of_aws(cls) -> "ObjectStore":
        """AWS itself, in the region of pulumi-aws's own config."""
        return cls(StoreConfig(region=pulumi.Config("aws").get("region") or REGION_DEFAULT))

    @property
    def args(self) -> StoreArgs:
        """As arguments of the providers: only what the config says, and the region."""
        config = self.config
        said = {
            "endpoint": config.endpoint,
            "iamEndpoint": config.iam_endpoint,
            "region": config.region,
            "credentials": config.credentials,
            "accessKey": config.access_key,
        }
        args = cast("StoreArgs", {name: value for name, value in said.items() if value})
        if self.secret_key is not None:
            args["secretKey"] = self.secret_key
        return args


def object_store(problems: Problems) -> ObjectStore | None:
    """The store that the config names; None where it names none. Of a broken one only `problems` says something."""
    key = pulumi.Config().full_key(OBJECT_STORE)
    text = get_config(key)
    if text is None:
        return None
    given: Any = parsed(text)
    if isinstance(given, dict) and (region := pulumi.Config("aws").get("region")):
        given = {"region": region, **given}
    found = list(store_problems(given))
    for one in found:
        problems.add(None, f"{OBJECT_STORE}.{one.field}".rstrip("."), one.problem, one.remedy)
    secret = given.get(SECRET_KEY) if isinstance(given, dict) else None
    if secret and (not is_config_secret(key) or _plain_in_file(key)):
        problems.add(None, f"{OBJECT_STORE}.{SECRET_KEY}", *IN_PLAIN_TEXT)
    if found or not isinstance(given, dict):
        return ObjectStore(StoreConfig())
    return ObjectStore(read_store(given), pulumi.Output.secret(secret) if secret else None)


def _plain_in_file(key: str) -> bool:
    """Whether the config's file has the secret in plain beside a part that is encrypted.

    The engine says of an object only that something in it is encrypted. Where the file can't be read, nothing is said.
    """
    try:
        text = (Path("stacks") / f"Pulumi.{config_stack()}.yaml").read_text(encoding="utf-8")
        written = yaml.safe_load(text)["config"][key][SECRET_KEY]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return False
    return not is_encrypted(written)
