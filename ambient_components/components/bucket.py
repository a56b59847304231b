"""A bucket in an object store with its credentials: a workspace's own storage, or a separate bucket."""

from typing import Any, cast

import pulumi

from ambient_components.components import aws_bucket
from ambient_components.components.argument_checks import check_bucket
from ambient_components.components.options import AllCreated
from ambient_components.components.specs import BucketArgs, Life
from ambient_components.engine import urns
from ambient_components.engine.names import Part, within
from ambient_components.errors import refusal
from ambient_components.platform import naming
from ambient_components.platform.variables import CUSTOM_MODE, storage_variables
from ambient_components.problem_json import for_engine
from ambient_components.resources import S3Bucket, S3BucketArgs, S3Credentials, S3CredentialsArgs
from ambient_components.rules.bucket_policy import workspace_prefix
from ambient_components.rules.buckets import ACCESS_KEY_TERMS, BucketDriver, OnDelete
from ambient_components.rules.renewals import ACCESS_KEY_LIFE, passed_on


class Bucket(pulumi.ComponentResource):
    """A bucket with credentials for it alone, which rotate like keys.

    Drivers: ``s3`` (this tool, with any store that supports the S3 API), ``aws`` (pulumi-aws), ``existing`` (bucket and
    access key exist already). The credentials are deleted before the bucket, and a closed workspace has none.
    """

    bucket: pulumi.CustomResource | None
    """The bucket; None if it belongs to others."""

    credentials: S3Credentials | None
    """The access keys over their rotations; None in a closed workspace and with driver existing."""

    variables: dict[str, pulumi.Output[str]]
    """STORAGE_MODE, S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY and S3_SECRET_KEY; empty in a closed workspace."""

    made: list[pulumi.Resource]
    """All resources of the component, for dependencies."""

    def __init__(self, name: str, args: BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        check_bucket(name, args)
        self._name, self._args, self._driver = name, args, args.get("driver") or BucketDriver.S3
        self._life = Life.of(args)
        super().__init__(urns.BUCKET, name, {"bucket": args["name"], "driver": self._driver}, opts)
        self.bucket, self.credentials, self.made, self.variables = None, None, [], {}
        if self._driver != BucketDriver.EXISTING and not args.get("shared"):
            self.made += self._own()
            self.bucket = cast("pulumi.CustomResource", self.made[0])
        if self._life.open:
            self.variables = self._existing() if self._driver == BucketDriver.EXISTING else self._opened()
        self.register_outputs({"bucket": args["name"], "driver": self._driver})

    def _own(self) -> list[pulumi.CustomResource]:
        """Declare the bucket; with driver aws also the settings that pulumi-aws keeps in separate resources."""
        if self._driver == BucketDriver.AWS:
            return aws_bucket.declare_bucket(self._name, self._args, self._life, self)
        args, life = self._args, self._life
        desired: dict[str, Any] = {"bucket": args["name"], "owner": args["owner"]}
        if args.get("workspace"):
            desired["namespace"] = args["workspace"]
        if args.get("tags"):
            desired["tags"] = dict(sorted(args["tags"].items()))
        for field in ("versioning", "expireAfterDays", "encryption"):
            if args.get(field) is not None:
                desired[field] = args[field]
        for field in ("objectLock", "adopt", "force"):
            if args.get(field):
                desired[field] = True
        if not life.kept:
            desired["onDelete"] = OnDelete.DELETE.value
        if life.released:
            desired["released"] = True
        # Only on the bucket: neither option may be on anything that gives access to it (docs/concepts/architecture.md).
        opts = pulumi.ResourceOptions(parent=self, protect=life.protected, retain_on_delete=life.released or None)
        return [S3Bucket(within(self._name, Part.BUCKET), cast("S3BucketArgs", desired), opts)]

    def _opened(self) -> dict[str, pulumi.Output[str]]:
        """Declare the credentials, and return their variables."""
        args = self._args
        given = args.get("credentials") or {}
        workspace = args.get("workspace") or ""
        generation = int(given.get("generation") or 1)
        desired: dict[str, Any] = {
            "user": naming.bucket_user(args["owner"], workspace or self._name, args["name"], generation),
            "bucket": args["name"],
            "owner": args["owner"],
            "generation": generation,
            **passed_on(given, ACCESS_KEY_TERMS, ACCESS_KEY_LIFE),
        }
        if args.get("shared"):
            desired["prefix"] = workspace_prefix(workspace)
        if args.get("usedIn"):
            desired["usedIn"] = args["usedIn"]
        if self._life.all_released:
            desired["released"] = True
        after: pulumi.Input[list[pulumi.Resource]] = list(self.made)
        if self._driver == BucketDriver.AWS:
            after = self._with_user(desired, generation)
        opts = pulumi.ResourceOptions(parent=self, retain_on_delete=self._life.all_released or None, depends_on=after)
        keys = S3Credentials(within(self._name, Part.CREDENTIALS), cast("S3CredentialsArgs", desired), opts)
        self.credentials = keys
        self.made.append(keys)
        return self._variables(keys.accessKey, keys.secretKey)

    def _with_user(self, desired: dict[str, Any], generation: int) -> pulumi.Input[list[pulumi.Resource]]:
        """Declare the user of the access keys, and return the dependencies of the keys."""
        self.made += aws_bucket.declare_user(self._name, desired, self._life, self, list(self.made))
        desired["keysOnly"] = True
        before = [cast("pulumi.CustomResource", one) for one in self.made]
        if generation == 1:
            return list(before)
        whole = AllCreated(before)
        desired["incomplete"] = whole.incomplete
        return whole.after

    def _existing(self) -> dict[str, pulumi.Output[str]]:
        args = self._args
        return self._variables(*(_complete(args["name"], field, args[field]) for field in ("accessKey", "secretKey")))

    def _variables(self, access_key: pulumi.Input[str], secret_key: pulumi.Input[str]) -> dict[str, pulumi.Output[str]]:
        mode, endpoint, bucket = (
            pulumi.Output.from_input(one) for one in (CUSTOM_MODE, self._args["endpoint"], self._args["name"])
        )
        keys = pulumi.Output.from_input(access_key), pulumi.Output.secret(secret_key)
        return storage_variables(mode, endpoint, bucket, *keys)


def _complete(bucket: str, field: str, value: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return a value after a check that it is not empty: with an empty variable the platform silently saves nothing."""

    def check(text: str) -> str:
        if not text:
            msg = f"bucket {bucket!r}: {field} is empty"
            raise pulumi.RunError(for_engine([refusal(msg)]))
        return text

    return pulumi.Output.from_input(value).apply(check)
