"""What resources share: attributes in snake_case, as in Pulumi's SDKs, and the records of rotating credentials."""

import re
from inspect import get_annotations
from typing import Any, Final, cast

import pulumi

from ambient_components.rules.findings import camel

_CAPITAL = re.compile(r"(?<!^)([A-Z])")


_METADATA: Final = frozenset(
    {
        "annotations", "creation_timestamp", "deletion_timestamp", "finalizers", "generation", "labels", "name",
        "namespace", "owner_references", "resource_version", "uid",
    }
)  # fmt: skip


class SnakeCaseAttributes(pulumi.Resource):
    """A resource with attributes in snake_case. Its properties keep their names in the state, in previews and hooks.

    The SDK's own translation also renames the keys of mappings in the properties: a tag named ``object_lock`` would
    become ``objectLock``. So the resource is registered as it is, and only its attributes are renamed afterwards.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        attributes = self.__dict__
        for name in [name for name in attributes if not name.startswith("_") and not name.islower()]:
            attributes[_CAPITAL.sub(r"_\1", name).lower()] = attributes.pop(name)

    @classmethod
    def outputs(cls) -> dict[str, None]:
        """Return the names of all annotated attributes as properties that the update knows."""
        classes = [base for base in cls.__mro__ if issubclass(base, SnakeCaseAttributes)]
        return {camel(name): None for base in classes for name in get_annotations(base)}


class ObjectMeta(dict[str, Any]):
    """A Kubernetes object's metadata, with its fields as attributes too, as in pulumi_kubernetes: None if missing."""

    def __getattr__(self, name: str) -> Any:
        if name not in _METADATA:
            raise AttributeError(name=name, obj=self)
        return self.get(camel(name))


class ObjectAttributes(SnakeCaseAttributes):
    """A Kubernetes object as a resource."""

    @property
    def metadata(self) -> pulumi.Output[ObjectMeta]:
        """The object's metadata: ``metadata.name``, or ``metadata["name"]``."""
        # Only for its readers: an output more for each object is time that most programs do not need.
        return cast("pulumi.Output[ObjectMeta]", self.__dict__["metadata"].apply(ObjectMeta, run_with_unknowns=True))


class RotatingCredential(SnakeCaseAttributes, pulumi.CustomResource):
    """Tokens or access keys over their rotations, with the record of each one: handle, generation, times, dead."""

    current: pulumi.Output[dict[str, Any]]
    """Record of the newest one."""

    retiring: pulumi.Output[list[dict[str, Any]]]
    """Records of older ones that are still valid."""

    pending_revocations: pulumi.Output[list[dict[str, Any]]] = pulumi.property("pendingRevocations")
    """Records of those that could not be revoked: every run retries."""

    next_action: pulumi.Output[dict[str, str] | None] = pulumi.property("nextAction")
    """Next action of a later run (what) and its time (at)."""

    reason: pulumi.Output[str | None]
    """Why the newest one was minted."""

    schema_version: pulumi.Output[int] = pulumi.property("schemaVersion")
    """Version of the recorded format."""
