"""The stack's object store: the config object `objectStore`, with an encrypted secret key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import pulumi
from pulumi.runtime.config import get_config, is_config_secret

from ambient_components.components import StoreArgs
from ambient_components.errors import AmbientError, Problems, Where
from ambient_components.program.shard import config_stack, project_files
from ambient_components.program.storage import uses_aws
from ambient_components.rules.object_store import (
    IN_PLAIN_TEXT,
    OBJECT_STORE,
    REGION_DEFAULT,
    SECRET_KEY,
    StoreConfig,
    given_store,
    is_encrypted,
    parsed,
    set_command,
)
from ambient_components.stackfile import Workspace


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


def effective_store(workspaces: Mapping[str, Workspace], configured: ObjectStore | None) -> ObjectStore | None:
    """Return the store of a stack's buckets: the config's, or AWS where the config may be silent."""
    return configured or (ObjectStore.of_aws() if uses_aws(workspaces) else None)


def object_store(problems: Problems) -> ObjectStore | None:
    """Return the configured store, or None. If it is invalid, collect the reasons in `problems`."""
    key = pulumi.Config().full_key(OBJECT_STORE)
    given = given_store(get_config(key), pulumi.Config("aws").get("region"))
    if given is None:
        return None
    for one in given.problems:
        one.report(problems)
    if given.secret_key:
        try:
            _check_secret_key(key, problems)
        except AmbientError as error:
            problems.extend(error.problems)
    secret = given.secret_key if isinstance(given.secret_key, str) and not given.problems else ""
    return ObjectStore(given.config, pulumi.Output.secret(secret) if secret else None)


def _check_secret_key(key: str, problems: Problems) -> None:
    """Refuse a secret key that is in plain text in the config file, or for which that can't be checked.

    The engine says only that some part of an object is encrypted, so the file is read. A value that is not in the file
    comes from an environment (Pulumi ESC), or from a file given by `--config-file`, which the engine does not name to
    programs.
    """
    field = f"{OBJECT_STORE}.{SECRET_KEY}"
    if not is_config_secret(key):
        IN_PLAIN_TEXT.report(problems)
        return
    files = project_files()
    path = files.path(config_stack())
    content = files.read(path) if path.exists() else {}
    written = parsed(files.values(path).get(OBJECT_STORE)) if content else None
    if is_encrypted(written):
        return
    if isinstance(written, Mapping) and SECRET_KEY in written:
        if not is_encrypted(written[SECRET_KEY]):
            IN_PLAIN_TEXT.report(problems)
    elif not content.get("environment"):
        problem = "is not in this file" if path.exists() else "there is no such file"
        remedy = f"set it there: {set_command(SECRET_KEY)}"
        problems.add(Where(files.shown(path)), field, f"{problem}, so whether it is encrypted can't be checked", remedy)
