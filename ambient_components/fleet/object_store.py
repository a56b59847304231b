"""The stack's object store: the config object `objectStore`, with an encrypted secret key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from pulumi.runtime.config import get_config, is_config_secret

from ambient_components.components import StoreArgs
from ambient_components.errors import AmbientError, Problems, Where
from ambient_components.fleet.shard import config_stack, project_files
from ambient_components.storage.config import (
    IN_PLAIN_TEXT,
    OBJECT_STORE,
    REGION_DEFAULT,
    SECRET_KEY,
    StoreConfig,
    is_encrypted,
    parsed,
    read_store,
    set_command,
    store_problems,
)


@dataclass(frozen=True)
class ObjectStore:
    """The store that holds the stack's buckets."""

    config: StoreConfig
    secret_key: pulumi.Output[str] | None = field(default=None, repr=False)
    """The administrator's secret key. None if AWS's default credentials are used."""

    @classmethod
    def of_aws(cls) -> "ObjectStore":
        """Return AWS itself, in the region of pulumi-aws's config."""
        return cls(StoreConfig(region=pulumi.Config("aws").get("region") or REGION_DEFAULT))

    @property
    def args(self) -> StoreArgs:
        """The providers' arguments: the values that the config sets, and the region."""
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
    """Return the configured store, or None. If it is invalid, collect the reasons in `problems`."""
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
    if secret:
        try:
            _check_secret_key(key, problems)
        except AmbientError as error:
            problems.extend(error.problems)
    if found or not isinstance(given, dict):
        return ObjectStore(StoreConfig())
    return ObjectStore(read_store(given), pulumi.Output.secret(secret) if secret else None)


def _check_secret_key(key: str, problems: Problems) -> None:
    """Refuse a secret key that is in plain text in the config file, or for which that can't be checked.

    The engine says only that some part of an object is encrypted, so the file is read. A value that is not in the file
    comes from an environment (Pulumi ESC), or from a file given by `--config-file`, which the engine does not name to
    programs.
    """
    field = f"{OBJECT_STORE}.{SECRET_KEY}"
    if not is_config_secret(key):
        problems.add(None, field, *IN_PLAIN_TEXT)
        return
    files = project_files()
    path = files.path(config_stack())
    content = files.read(path) if path.exists() else {}
    written = parsed(files.values(path).get(OBJECT_STORE)) if content else None
    if is_encrypted(written):
        return
    if isinstance(written, Mapping) and SECRET_KEY in written:
        if not is_encrypted(written[SECRET_KEY]):
            problems.add(None, field, *IN_PLAIN_TEXT)
    elif not content.get("environment"):
        problem = "is not in this file" if path.exists() else "there is no such file"
        remedy = f"set it there: {set_command(SECRET_KEY)}"
        problems.add(Where(files.shown(path)), field, f"{problem}, so whether it is encrypted can't be checked", remedy)
