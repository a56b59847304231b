"""Verification at the object store that the former credentials of a workspace's bucket are refused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ambient_components.engine import names
from ambient_components.engine.names import Part
from ambient_components.engine.secrets import plain_text
from ambient_components.engine.state import Export, resources
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.provider.store.connection import Store, StoreSettings
from ambient_components.provider.store.errors import RefusedError
from ambient_components.rules.object_store import OBJECT_STORE, REGION_DEFAULT, given_store


@dataclass
class FormerAccess:
    """The credentials of a bucket that must end, with a request that only they may make."""

    workspace: str
    bucket: str
    user: str
    prefix: str
    settings: StoreSettings = field(repr=False)
    worked: bool = False
    """Whether the store accepted them before the deployment."""

    def works(self) -> bool:
        try:
            Store(self.settings).s3.call("list_objects_v2", Bucket=self.bucket, MaxKeys=1, Prefix=self.prefix)
        except RefusedError as error:
            if error.status in (401, 403):
                return False
            raise
        return True

    @property
    def fact(self) -> str:
        worked = ", which worked before" if self.worked else ""
        return f"{self.workspace}: the store refuses the former credentials of bucket {self.bucket}{worked}"

    def problem(self) -> Problem | None:
        """Return the problem if they still work. AWS needs some seconds to end a deleted key everywhere."""
        problem = f"{self.workspace}: the former credentials of bucket {self.bucket} still work"
        return refusal(problem, self._hint) if self.works() else None

    def unproved(self, error: StepError) -> Problem:
        problem = f"{self.workspace}: the end of the former credentials of bucket {self.bucket} is not proved"
        return error.problem.within(problem, self._hint)

    @property
    def _hint(self) -> str:
        return f"look for the user {self.user} in the store, delete it, then ambient up"


def former_access(export: Export, buckets: Mapping[str, int], config: Mapping[str, Any]) -> tuple[FormerAccess, ...]:
    """Return the deployed credentials that new generations end, each after one request.

    Args:
        export: The parsed output of `pulumi stack export --show-secrets`.
    """
    former = tuple(_former(export, buckets, config))
    for access in former:
        try:
            access.worked = access.works()
        except StepError:
            access.worked = False
    return former


def _former(export: Export, buckets: Mapping[str, int], config: Mapping[str, Any]) -> Iterator[FormerAccess]:
    given = given_store(config.get(OBJECT_STORE))
    endpoint = given.config.endpoint if given is not None else ""
    region = given.config.region if given is not None else REGION_DEFAULT
    for item in resources(export):
        name = names.parse(item.name)
        if name is None or name.part is not Part.CREDENTIALS or name.workspace not in buckets:
            continue
        values = {**item.inputs, **item.outputs}
        key, secret = values.get("accessKey"), plain_text(values.get("secretKey"))
        if values.get("generation", 1) < buckets[name.workspace] and isinstance(key, str) and key and secret:
            settings = StoreSettings(endpoint=endpoint, region=region, access_key=key, secret_key=secret)
            yield FormerAccess(
                name.workspace, str(values.get("bucket")), str(values.get("user")), values.get("prefix") or "", settings
            )
