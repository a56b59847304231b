"""A bucket in an object store with its credentials: a workspace's own storage, or a separate bucket."""

from typing import Any, Unpack, cast

import pulumi

from ambient_components.components import aws_bucket
from ambient_components.components.argument_checks import read_bucket
from ambient_components.components.arguments import SeparateBucketArgs
from ambient_components.components.caller_options import of_caller
from ambient_components.components.options import AllCreated
from ambient_components.engine import urns
from ambient_components.engine.names import Part, within
from ambient_components.model.derive import write
from ambient_components.model.storage import SeparateBucket
from ambient_components.platform import naming
from ambient_components.platform.variables import CUSTOM_MODE, storage_variables
from ambient_components.resources import S3Bucket, S3BucketArgs, S3Credentials, S3CredentialsArgs
from ambient_components.rules.buckets import BucketDriver, workspace_prefix


class Bucket(pulumi.ComponentResource):
    """A bucket with credentials for it alone, which rotate like keys.

    Of the options, `protect` stands for the argument of this name, and `retain_on_delete` is the bucket's alone.

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

    def __init__(
        self,
        resource_name: str,
        *,
        opts: pulumi.ResourceOptions | None = None,
        _valid: SeparateBucket | None = None,  # instead of arguments: the bucket of a Workspace
        **args: Unpack[SeparateBucketArgs],
    ) -> None:
        """Declare a bucket.

        Raises:
            ValueError: All problems of the arguments, one per line.
        """
        declared = _valid or read_bucket(resource_name, args)
        self._retain: bool | None = None
        self._ending: pulumi.Resource | None = None
        if _valid is None:
            opts = of_caller(f"bucket {resource_name!r}", opts)
            # They are the bucket's alone: credentials would inherit them, and could not be ended.
            declared = declared if opts.protect is None else declared.model_copy(update={"protect": opts.protect})
            self._retain, self._ending = opts.retain_on_delete, opts.deleted_with
            opts.protect = opts.retain_on_delete = False
            opts.deleted_with = None
        self._name, self._declared = resource_name, declared
        reported = {"bucket": declared.name, "driver": declared.driver.value}
        super().__init__(urns.BUCKET, resource_name, reported, opts)
        self.bucket, self.credentials, self.made, self.variables = None, None, [], {}
        if declared.is_own:
            self.made += self._own()
            self.bucket = cast("pulumi.CustomResource", self.made[0])
        if declared.is_open:
            self.variables = self._existing() if declared.driver is BucketDriver.EXISTING else self._opened()
        self.register_outputs(reported)

    def _own(self) -> list[pulumi.CustomResource]:
        """Declare the bucket; with driver aws also the settings that pulumi-aws keeps in separate resources."""
        declared = self._declared
        if declared.driver is BucketDriver.AWS:
            return aws_bucket.declare_bucket(self._name, declared, self, retain=self._retain)
        desired = {"bucket": declared.name, "owner": declared.owner, **write(declared, "bucket")}
        if declared.workspace:
            desired["namespace"] = declared.workspace
        if declared.is_released:
            desired["released"] = True
        # Only on the bucket: neither option may be on anything that gives access to it (docs/concepts/how-it-works.md).
        opts = pulumi.ResourceOptions(
            parent=self,
            protect=declared.is_protected,
            retain_on_delete=declared.is_released or self._retain or None,
            deleted_with=self._ending,
        )
        return [S3Bucket(within(self._name, Part.BUCKET), cast("S3BucketArgs", desired), opts)]

    def _opened(self) -> dict[str, pulumi.Output[str]]:
        """Declare the credentials, and return their variables."""
        declared = self._declared
        workspace, generation = declared.workspace or "", declared.credentials.generation
        desired: dict[str, Any] = {
            "user": naming.bucket_user(declared.owner, workspace or self._name, declared.name, generation),
            "bucket": declared.name,
            "owner": declared.owner,
            "generation": generation,
            **declared.access_key_terms,
        }
        if declared.shared:
            desired["prefix"] = workspace_prefix(workspace)
        if declared.used_in:
            desired["usedIn"] = declared.used_in
        if declared.is_all_released:
            desired["released"] = True
        after: pulumi.Input[list[pulumi.Resource]] = list(self.made)
        if declared.driver is BucketDriver.AWS:
            after = self._with_user(desired, generation)
        opts = pulumi.ResourceOptions(parent=self, retain_on_delete=declared.is_all_released or None, depends_on=after)
        keys = S3Credentials(within(self._name, Part.CREDENTIALS), cast("S3CredentialsArgs", desired), opts)
        self.credentials = keys
        self.made.append(keys)
        return self._variables(keys.access_key, keys.secret_key)

    def _with_user(self, desired: dict[str, Any], generation: int) -> pulumi.Input[list[pulumi.Resource]]:
        """Declare the user of the access keys, and return the dependencies of the keys."""
        self.made += aws_bucket.declare_user(self._name, desired, self, list(self.made))
        desired["keysOnly"] = True
        before = [cast("pulumi.CustomResource", resource) for resource in self.made]
        if generation == 1:
            return list(before)
        whole = AllCreated(before)
        desired["incomplete"] = whole.incomplete
        return whole.after

    def _existing(self) -> dict[str, pulumi.Output[str]]:
        return self._variables(self._declared.access_key or "", self._declared.secret_key or "")

    def _variables(self, access_key: pulumi.Input[str], secret_key: pulumi.Input[str]) -> dict[str, pulumi.Output[str]]:
        mode, endpoint, bucket = (
            pulumi.Output.from_input(text) for text in (CUSTOM_MODE, self._declared.endpoint, self._declared.name)
        )
        keys = pulumi.Output.from_input(access_key), pulumi.Output.secret(secret_key)
        return storage_variables(mode, endpoint, bucket, *keys)
